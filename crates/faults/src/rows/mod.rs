//! The rows: each a fault, what was measured, and the checker's word.

mod api;
mod bus;
mod cancel;
mod database;
mod gateway;
mod leader;
mod monitor;
mod order;
mod worker;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

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
    start: fn(u64) -> Run,
}

impl Row {
    /// Runs it once; the seed chooses its moment and the workers' times.
    ///
    /// # Errors
    /// What didn't hold: a predicate of the checker, a wait that never ended, or a measure over its bound.
    pub async fn run(&self, seed: u64) -> Outcome {
        let measures = (self.start)(seed).await?;
        for measure in &measures {
            anyhow::ensure!(
                measure.took <= measure.bound,
                "{}: {:?}, more than {:?}",
                measure.what,
                measure.took,
                measure.bound
            );
        }
        Ok(measures)
    }
}

macro_rules! rows {
    ($($name:literal $run:path: $fault:literal,)*) => {
        /// All rows, in order.
        #[must_use]
        pub fn rows() -> Vec<Row> {
            vec![$(Row { name: $name, fault: $fault, start: |seed| Box::pin($run(seed)) },)*]
        }
    };
}

rows! {
    "F01" api::killed_before_the_commit: "api killed before the submit commits",
    "F03" leader::killed_before_a_commit: "leader killed before a commit",
    "F04" leader::killed_before_its_effects: "leader killed after a commit, before its effects",
    "F05" leader::killed_before_reports_are_committed: "leader killed between a report's receipt and its commit",
    "F06" leader::killed_before_reports_are_answered: "leader killed after a report's commit, before the answer",
    "F07" leader::frozen: "leader stopped, then continued",
    "F08" gateway::killed: "gateway killed with half of the workers",
    "F10" monitor::killed: "heartbeat-monitor killed; two alive",
    "F11" worker::killed_while_it_works: "worker killed while its task runs",
    "F12" worker::killed_before_the_answer: "worker killed after sending, before the answer",
    "F15" bus::restarted: "NATS killed and restarted",
    "F15b" bus::frozen: "NATS stopped, then continued",
    "F17" database::killed: "PostgreSQL killed under load",
    "F18" database::silent: "PostgreSQL silent",
    "F24" order::late_result: "a result after its lease was given to another",
    "F29" gateway::cut_from_the_bus: "gateway cut from the bus but not from its workers",
    "F35" order::asked_to_end: "SIGTERM to each service under load",
    "F37" worker::poison: "a task that kills each worker it meets",
    "F38" cancel::races_with_completion: "cancel races with completion",
    "F43" leader::deposed_with_a_commit_under_way: "a commit's reply is lost and a standby takes over",
}

/// The row of that name.
#[must_use]
pub fn row(name: &str) -> Option<Row> {
    rows().into_iter().find(|row| row.name.eq_ignore_ascii_case(name))
}
