//! The rows: each a fault, what was measured, and the checker's word.

mod api;
mod backlog;
mod bus;
mod cancel;
mod clocks;
mod database;
mod gateway;
mod leader;
mod link;
mod mixed;
mod monitor;
mod order;
mod rolling;
mod storage;
mod stuck;
mod tokens;
mod versions;
mod worker;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ukai_testkit::fake_worker::Happening;
use ukai_testkit::proxy::{Fault, Faults};

use crate::world::Trial;

/// What is sent waits; answers pass.
const HOLD_UP: Faults = Faults { up: Fault::Hold, down: Fault::None };
/// Answers wait; what is sent passes.
const HOLD_DOWN: Faults = Faults { up: Fault::None, down: Fault::Hold };
/// Nothing passes, and no end of a connection either.
const HOLD_BOTH: Faults = Faults { up: Fault::Hold, down: Fault::Hold };

/// The monitor's word on a mass loss.
const ALERT: &str = "many workers fell silent at once";

/// An `error` with that code.
fn is_error(happening: &Happening, code: &str) -> bool {
    matches!(happening, Happening::Error(text) if text.contains(&format!("\"{code}\"")))
}

/// What was measured against its bound.
#[derive(Debug, Clone)]
pub struct Measure {
    /// What.
    pub what: &'static str,
    /// How long it took.
    pub took: Duration,
    /// How long it may take.
    pub bound: Duration,
}

impl Measure {
    fn new(what: &'static str, took: Duration, bound_seconds: u64) -> Self {
        Self { what, took, bound: Duration::from_secs(bound_seconds) }
    }
}

/// Measures of one run of a row, or why it failed.
pub(crate) type Outcome = anyhow::Result<Vec<Measure>>;

type Run = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A fault and what must hold under it.
pub struct Row {
    /// `F03`.
    pub name: &'static str,
    /// In a few words.
    pub fault: &'static str,
    /// Whether the fleet is under load meanwhile, as much of it as the trial says; others make what they need.
    pub is_under_load: bool,
    start: fn(Trial) -> Run,
}

impl Row {
    /// Runs it once. `slack` is for a machine that has other work: a measure may be so much over its bound.
    ///
    /// # Errors
    /// What didn't hold: a predicate of the checker, a wait that never ended, or a measure over its bound.
    pub async fn run(&self, trial: Trial, slack: Duration) -> Outcome {
        let measures = (self.start)(trial).await?;
        for measure in &measures {
            anyhow::ensure!(
                measure.took <= measure.bound + slack,
                "{}: {:?}, more than {:?}",
                measure.what,
                measure.took,
                measure.bound
            );
        }
        Ok(measures)
    }
}

/// How a row says whether it is under load.
const LOAD: bool = true;
const OWN: bool = false;

macro_rules! rows {
    ($($name:literal $load:ident $run:path: $fault:literal,)*) => {
        /// All rows, in order.
        #[must_use]
        pub fn rows() -> Vec<Row> {
            vec![$(Row { name: $name, fault: $fault, is_under_load: $load, start: |trial| Box::pin($run(trial)) },)*]
        }
    };
}

rows! {
    "F01" OWN api::killed_before_the_commit: "api killed before the submit commits",
    "F02" OWN api::killed_before_the_reply: "api killed after the commit, before the reply",
    "F03" LOAD leader::killed_before_a_commit: "leader killed before a commit",
    "F03b" LOAD leader::killed_without_a_standby: "the same without a standby: it is started again",
    "F04" LOAD leader::killed_before_its_effects: "leader killed after a commit, before its effects",
    "F05" LOAD leader::killed_before_reports_are_committed: "leader killed between a report's receipt and its commit",
    "F06" LOAD leader::killed_before_reports_are_answered: "leader killed after a report's commit, before the answer",
    "F07" LOAD leader::frozen: "leader stopped for 60 s, then continued",
    "F08" LOAD gateway::killed: "gateway killed with half of the workers",
    "F09" LOAD gateway::killed_before_the_bus: "gateway killed between a worker's report and the bus",
    "F10" LOAD monitor::killed: "heartbeat-monitors killed; two alive",
    "F11" LOAD worker::killed_while_it_works: "worker killed while its task runs",
    "F12" OWN worker::killed_before_the_answer: "worker killed after sending, before the answer",
    "F12b" OWN worker::real_killed_before_the_answer: "a worker's process killed after sending, started again",
    "F15" LOAD bus::restarted: "NATS killed and restarted",
    "F15b" LOAD bus::frozen: "NATS stopped for 60 s, then continued",
    "F15c" LOAD bus::restarted_often: "NATS restarted each 5 s for 2 minutes",
    "F15d" LOAD bus::long_gone: "NATS down for 60 s",
    "F16" OWN bus::chaotic: "every message of the bus twice, up to 0.5 s late, one in ten up to 5 s, 5 in 100 lost each way",
    "F17" LOAD database::killed: "PostgreSQL killed under load",
    "F17b" LOAD database::stopped: "PostgreSQL stopped in order under load",
    "F18" LOAD database::silent: "PostgreSQL silent for 120 s",
    "F18b" LOAD database::locked: "a lock held for 60 s on the table of leases",
    "F19" LOAD database::demoted: "the primary turns read-only, its standby takes its place",
    "F20" OWN storage::full_under_one_process: "disk full under SQLite, and under the artifact store",
    "F20b" LOAD storage::full_under_postgres: "disk full under PostgreSQL",
    "F20c" OWN storage::full_under_a_worker: "disk full under a worker that can't deliver",
    "F21" OWN storage::killed_at_any_moment: "SQLite: killed at 1,000 moments, also while it starts; each fiftieth file looked at",
    "F22" OWN link::half_open_and_unread: "a half-open worker; one that doesn't read",
    "F23" OWN link::slow_and_late: "a slow worker, late beats, one silent for too long",
    "F24" OWN order::late_result: "a result after its lease was given to another",
    "F25" OWN tokens::one_result_many_times: "the same result 50 times through two gateways",
    "F26" LOAD clocks::wrong: "clocks an hour off, and set by a day meanwhile",
    "F26b" OWN clocks::asleep: "a worker's machine slept",
    "F27" OWN tokens::one_token_twice: "one token on two machines",
    "F28" OWN rolling::many: "rolling restart of 3 gateways with 10,000 workers; all killed at once",
    "F28b" OWN rolling::few: "the same with 300 workers",
    "F29" LOAD gateway::cut_from_the_bus: "gateway cut from the bus but not from its workers",
    "F33" OWN tokens::words_of_others: "another's task, a guessed run, a revoked token",
    "F34" OWN tokens::revoked: "a token revoked while its task runs, bus up and bus away",
    "F35" LOAD order::asked_to_end: "SIGTERM to each service under load",
    "F35b" OWN order::worker_asked_to_end: "SIGTERM to a worker at its page, once and twice",
    "F37" OWN worker::poison: "a task that kills each worker it meets",
    "F38" LOAD cancel::races_with_completion: "cancel races with completion",
    "F38b" OWN cancel::whole_job: "a job with running tasks is cancelled",
    "F39" OWN backlog::a_million_waiting: "1,000,000 waiting tasks, then leader and PostgreSQL killed",
    "F41" OWN mixed::migrations: "migrations killed midway, four at once, repeated",
    "F41b" LOAD mixed::newer_schema: "services restarted one by one on a newer schema; a newer worker",
    "F41c" LOAD versions::side_by_side: "services of the version before and of this one mixed, in each role, and a worker",
    "F43" LOAD leader::deposed_with_a_commit_under_way: "a commit's reply is lost and a standby takes over",
    "F44" OWN stuck::unstorable_reports: "reports that the store can't hold",
    "F44b" OWN stuck::panicking_reports: "reports that panic the leader's step",
    "F45" OWN stuck::beats_and_never_answers: "a worker that beats, never answers and ignores a cancel",
    "F46" LOAD monitor::stalled: "the monitor stopped; all workers of a gateway silent at once",
}

/// The row of that name.
#[must_use]
pub fn row(name: &str) -> Option<Row> {
    rows().into_iter().find(|row| row.name.eq_ignore_ascii_case(name))
}
