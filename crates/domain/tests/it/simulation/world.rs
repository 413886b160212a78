//! One seeded world: chance picks what happens next.

use super::Hits;
use super::store::{Refused, SimStore};
use super::worker::{SimWorker, Unacked};
use crate::kit::{completed, connect, task};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use ukai_domain::scheduler::{
    Effects, Heartbeat, HostPolicy, IdempotencyKey, Input, JobAction, JobRef, Push, PushMessage, Query,
    Refusal, Reply, Report, State, Step, Submit, Token, Word, faults, step,
};
use ukai_domain::{
    Code, DoneStatus, ErrorType, JobId, JobKind, NetworkInfo, Place, Rejection, ReportedStatus, Run,
    SessionId, Settings, TaskId, Timestamp, WorkerId, WorkerStats,
};
use uuid::Uuid;

/// A deliberate mistake of the leader around the core, which the checks must catch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    None,
    /// A report's run isn't compared with the lease's.
    FenceDropped,
    /// Workers' acks go out before the commit.
    AckBeforeCommit,
    /// Pushes and callers' replies go out before the commit.
    EffectsBeforeCommit,
    /// A batch that writes nothing is answered without asking whether the epoch still stands.
    AnswerWithoutEpochCheck,
    /// Runs of lost workers don't return to the queue.
    NoRequeue,
    /// After a reload numbers of events begin where a lost commit had begun.
    EventNumberReused,
    /// After a lost reply the commit is looked up by number instead of inserted again.
    CommitLookedUp,
}

struct Leader {
    state: State,
    alive: bool,
}

/// What a caller waits for.
#[derive(Clone, Debug)]
enum Asked {
    Report { worker: usize, report: Unacked },
    Submit { key: Option<IdempotencyKey>, n: usize },
    Other,
}

pub(crate) struct World {
    random: StdRng,
    settings: Settings,
    pub(crate) store: SimStore,
    /// The last one leads; an older one may still believe that it does.
    leaders: Vec<Leader>,
    now: Timestamp,
    workers: Vec<SimWorker>,
    /// Inputs on their way to the leader.
    inbox: VecDeque<(Input, Asked)>,
    /// Pushes on their way to workers.
    wire: Vec<Push>,
    jobs: Vec<JobId>,
    tasks: Vec<TaskId>,
    /// Tasks whose submission was answered.
    accepted: BTreeSet<TaskId>,
    /// Runs whose result was acknowledged.
    acked: BTreeMap<TaskId, Run>,
    idempotent: BTreeMap<String, Vec<TaskId>>,
    sessions: u128,
    /// What was leased before the step.
    live_before: BTreeSet<(TaskId, WorkerId, Run)>,
    mutant: Mutant,
    calm: bool,
    pub(crate) hits: Hits,
}

impl World {
    pub(crate) fn new(seed: u64, mutant: Mutant) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let settings = Settings {
            window_rows: random.random_range(2..6),
            window_budget: random.random_range(8..64),
            delayed_window: random.random_range(1..6),
            sweep_slice: random.random_range(1..8),
            max_handouts: random.random_range(1..8),
            ..Settings::default()
        };
        let mut world = Self {
            random,
            store: SimStore::default(),
            leaders: Vec::new(),
            now: Timestamp(1_800_000_000_000),
            workers: Vec::new(),
            inbox: VecDeque::new(),
            wire: Vec::new(),
            jobs: Vec::new(),
            tasks: Vec::new(),
            accepted: BTreeSet::new(),
            acked: BTreeMap::new(),
            idempotent: BTreeMap::new(),
            sessions: 0,
            live_before: BTreeSet::new(),
            mutant,
            calm: false,
            hits: Hits::new(),
            settings,
        };
        world.take_over();
        for n in 0..world.random.random_range(2..6) {
            world.make_worker(n);
        }
        world
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn make_worker(&mut self, n: u32) {
        let input = Input::CreateWorker {
            name: format!("w{n}"),
            token_hash: String::new(),
            token_prefix: String::new(),
            idempotency: None,
        };
        self.inbox.push_back((input, Asked::Other));
        self.lead(Fate::Well);
        let id = *self.store.workers.keys().next_back().expect("a worker was made");
        let contract_only = self.chance(30);
        self.workers.push(SimWorker::new(id, contract_only));
    }

    /// One thing happens.
    pub(crate) fn act(&mut self) {
        match self.random.random_range(0..100) {
            0..10 => self.submit(),
            10..22 => self.operate(),
            22..62 => self.work(),
            62..72 => self.deliver(),
            72..80 => {
                let seconds = if self.chance(80) {
                    self.random.random_range(0..4_000)
                } else {
                    self.random.random_range(0..40_000)
                };
                self.now = self.now + Duration::from_millis(seconds);
                self.inbox.push_back((Input::Tick, Asked::Other));
            }
            80..84 => self.trouble(),
            _ => {}
        }
        if self.chance(70) {
            let fate = self.fate();
            self.lead(fate);
        }
    }

    fn submit(&mut self) {
        let hosts = ["a.example", "b.example", "c.example"];
        let n =
            if self.chance(90) { self.random.random_range(1..5) } else { self.random.random_range(5..25) };
        let tasks = (0..n)
            .map(|_| {
                let host = *hosts.choose(&mut self.random).expect("hosts");
                let mut new = task(host, *[10, 50, 50, 90].choose(&mut self.random).expect("priorities"));
                new.max_attempts = self.random.random_range(1..=3);
                if self.chance(15) {
                    new.not_before =
                        Some(self.now + Duration::from_millis(self.random.random_range(1..20_000)));
                }
                new
            })
            .collect();
        let job = match self.random.random_range(0..4) {
            0 => JobRef::New {
                name: "n".to_owned(),
                kind: JobKind::Scrape,
                weight: self.random.random_range(1..4),
            },
            1 => JobRef::Implicit { id: JobId(Uuid::from_u128(77)), name: "loose".to_owned() },
            _ => self
                .jobs
                .choose(&mut self.random)
                .map_or(JobRef::New { name: "m".to_owned(), kind: JobKind::Scrape, weight: 1 }, |job| {
                    JobRef::Existing(*job)
                }),
        };
        let key = self.chance(30).then(|| IdempotencyKey {
            principal: "p".to_owned(),
            route: "POST /api/tasks".to_owned(),
            key: self.random.random_range(0..30).to_string(),
            body_hash: "h".to_owned(),
        });
        let input = Input::Submit(Submit { job, tasks, idempotency: key.clone() });
        // A key that was used comes with the same body here; only the first submission counts.
        self.inbox.push_back((input, Asked::Submit { key, n }));
    }

    fn operate(&mut self) {
        let Some(&task) = self.tasks.choose(&mut self.random) else { return };
        let input = match self.random.random_range(0..24) {
            0..4 => Input::CancelTask { task },
            4..9 => Input::RetryTask { task, idempotency: None },
            9..11 => Input::PurgeTask { task },
            11..15 => Input::Query(Query::Why(task)),
            15..21 => {
                let Some(&job) = self.jobs.choose(&mut self.random) else { return };
                let action = match self.random.random_range(0..12) {
                    0..4 => JobAction::Pause,
                    4..10 => JobAction::Resume,
                    10 => JobAction::Cancel,
                    _ => JobAction::Delete,
                };
                Input::ControlJob { job, action, idempotency: None }
            }
            21 => Input::SetHost(HostPolicy {
                host: "a.example".into(),
                min_interval_ms: self.random.random_range(0..3) * 700,
                max_concurrency: self.random.random_range(0..3),
            }),
            22 => {
                let Some(worker) = self.workers.choose(&mut self.random) else { return };
                Input::ResetWorker { worker: worker.id, idempotency: None }
            }
            _ => Input::Query(Query::Queue),
        };
        self.inbox.push_back((input, Asked::Other));
    }

    /// One worker does something.
    fn work(&mut self) {
        let at = self.random.random_range(0..self.workers.len());
        let Some(session) = self.workers[at].session else { return self.connect(at) };
        if !self.workers[at].unacked.is_empty() && self.chance(40) {
            let report = self.workers[at].unacked[0].clone();
            return self.say(at, session, report);
        }
        match self.random.random_range(0..100) {
            0..35 if !self.workers[at].held.is_empty() => self.start_or_end(at, session),
            35..75 => self.beat(at, session),
            75..82 => {
                if let Some(old) = self.workers[at].said.choose(&mut self.random).cloned() {
                    self.say(at, session, old);
                }
            }
            82..86 if !self.tasks.is_empty() => self.lie(at, session),
            86..89 => {
                let input = Input::BlockDetected {
                    session,
                    reason: "captcha".to_owned(),
                    suggested_action: "wait".to_owned(),
                };
                self.inbox.push_back((input, Asked::Other));
            }
            89..90 => self.inbox.push_back((Input::Draining { session }, Asked::Other)),
            _ => {}
        }
    }

    fn connect(&mut self, at: usize) {
        self.sessions += 1;
        let session = SessionId(Uuid::from_u128(self.sessions));
        self.workers[at].session = Some(session);
        let mut connect = connect(session, self.workers[at].id, self.workers[at].in_flight());
        connect.capacity = if at == 0 { 2 } else { 1 };
        self.inbox.push_back((Input::Connect(connect), Asked::Other));
    }

    fn start_or_end(&mut self, at: usize, session: SessionId) {
        let index = self.random.random_range(0..self.workers[at].held.len());
        let held = self.workers[at].held[index];
        let word = if !held.started {
            self.workers[at].held[index].started = true;
            Word::Started
        } else {
            self.workers[at].held.remove(index);
            if self.chance(60) {
                completed()
            } else {
                Word::failed(*ErrorType::ALL.choose(&mut self.random).expect("types"))
            }
        };
        let report = Unacked { task: held.task, run: held.run, word };
        if report.word != Word::Started {
            self.workers[at].unacked.push_back(report.clone());
        }
        self.workers[at].said(report.clone());
        self.say(at, session, report);
    }

    /// Sends a report; it may be lost, late or doubled.
    fn say(&mut self, at: usize, session: SessionId, report: Unacked) {
        let run = if self.workers[at].contract_only && self.chance(90) { None } else { Some(report.run) };
        let input = Input::Report(Report { session, task: report.task, run, word: report.word.clone() });
        let times = if self.calm || self.chance(80) { 1 } else { self.random.random_range(0..3) };
        for _ in 0..times {
            let asked = Asked::Report { worker: at, report: report.clone() };
            let here = if self.calm || self.chance(85) {
                self.inbox.len()
            } else {
                self.random.random_range(0..=self.inbox.len())
            };
            self.inbox.insert(here, (input.clone(), asked));
        }
    }

    fn beat(&mut self, at: usize, session: SessionId) {
        let worker = &self.workers[at];
        let current = worker.held.first().map(|h| h.task);
        let blocked = self.random.random_range(0..100) < 2 && !self.calm;
        let status = match current {
            _ if blocked => ReportedStatus::Blocked,
            Some(_) => ReportedStatus::Busy,
            None => ReportedStatus::Idle,
        };
        let beat = Heartbeat {
            session,
            status,
            current_task: current,
            network: NetworkInfo::default(),
            stats: WorkerStats::default(),
        };
        self.inbox.push_back((Input::Heartbeat(beat), Asked::Other));
    }

    /// Reports a task that it may never have held, with a guessed run.
    fn lie(&mut self, at: usize, session: SessionId) {
        let task = *self.tasks.choose(&mut self.random).expect("tasks");
        let word = if self.chance(50) { completed() } else { Word::failed(ErrorType::Network) };
        let run = Run(self.random.random_range(1..4));
        // A guess that is right is no lie.
        let held = self.workers[at].held.iter().any(|h| h.task == task);
        let owes = self.workers[at].unacked.iter().any(|u| u.task == task);
        let leased_here =
            matches!(self.store.places.get(&task), Some(Place::Leased(l)) if l.worker == self.workers[at].id);
        if !held && !owes && !leased_here {
            self.say(at, session, Unacked { task, run, word });
        }
    }

    /// Pushes arrive: in order a session, now and then twice, now and then never.
    fn deliver(&mut self) {
        let mut rest = Vec::new();
        let mut confirmed = Vec::new();
        for push in std::mem::take(&mut self.wire) {
            if !self.calm && self.chance(20) {
                rest.push(push);
                continue;
            }
            let Some(worker) = self.workers.iter_mut().find(|w| w.session == Some(push.session)) else {
                if let PushMessage::Assigned { body, run, .. } = &push.message {
                    let refused = Input::PushRefused { session: push.session, task: body.id, run: *run };
                    self.inbox.push_back((refused, Asked::Other));
                }
                continue;
            };
            match &push.message {
                PushMessage::Assigned { body, run, .. } => {
                    worker.assigned(body.id, *run);
                    confirmed.push((body.id, *run));
                }
                PushMessage::Cancelled { task, run, .. } => worker.cancelled(*task, *run),
                PushMessage::Drop { .. } => worker.session = None,
                PushMessage::Registered { .. } | PushMessage::ConfigUpdate { .. } => {}
            }
        }
        // Later pushes of a session never overtake earlier ones: what waits stays in front.
        rest.append(&mut self.wire);
        self.wire = rest;
        if !confirmed.is_empty() && (self.calm || self.chance(90)) {
            self.inbox.push_back((Input::PushConfirmed { leases: confirmed }, Asked::Other));
        }
    }

    fn trouble(&mut self) {
        let at = self.random.random_range(0..self.workers.len());
        match self.random.random_range(0..6) {
            // The socket closes and its gateway sees it.
            0 | 1 => {
                if let Some(session) = self.workers[at].session.take() {
                    let input = Input::Disconnect { session, reason: "transport close".to_owned() };
                    self.inbox.push_back((input, Asked::Other));
                }
            }
            // The worker dies with all that it held; a contract-only one forgets its reports too.
            2 => {
                let worker = &mut self.workers[at];
                worker.held.clear();
                if worker.contract_only {
                    worker.unacked.clear();
                }
                if let Some(session) = worker.session.take()
                    && self.random.random_range(0..2) == 0
                {
                    let input = Input::Disconnect { session, reason: "transport close".to_owned() };
                    self.inbox.push_back((input, Asked::Other));
                }
            }
            // Silence, judged by a monitor.
            3 => {
                if let Some(session) = self.workers[at].session {
                    self.now = self.now + Duration::from_secs(31);
                    let silent_for = Duration::from_secs(self.random.random_range(5..60));
                    self.inbox.push_back((Input::ReportLost { session, silent_for }, Asked::Other));
                }
            }
            4 => {
                self.inbox.push_back((Input::GatewayLost { gateway: crate::kit::GATEWAY }, Asked::Other));
                for worker in &mut self.workers {
                    worker.session = None;
                }
                self.wire.clear();
            }
            // A message is lost.
            _ => {
                if !self.wire.is_empty() {
                    let at = self.random.random_range(0..self.wire.len());
                    let push = self.wire.remove(at);
                    if let PushMessage::Assigned { body, run, .. } = push.message {
                        let refused = Input::PushRefused { session: push.session, task: body.id, run };
                        self.inbox.push_back((refused, Asked::Other));
                    }
                    // A gateway that lost pushes of a session closes its socket.
                    if let Some(worker) = self.workers.iter_mut().find(|w| w.session == Some(push.session)) {
                        worker.session = None;
                        let reason = "lost pushes".to_owned();
                        self.inbox
                            .push_back((Input::Disconnect { session: push.session, reason }, Asked::Other));
                    }
                }
            }
        }
    }
}

/// What becomes of one step of the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Well,
    CrashBeforeCommit,
    CrashAfterCommit,
    /// The commit's reply is lost; it is sent again.
    ReplyLost,
    /// The commit never arrived; before it is sent again another takes over.
    DeposedBeforeResend,
    /// Another took over before this step.
    DeposedBefore,
}

/// The leader's loop.
impl World {
    fn fate(&mut self) -> Fate {
        match self.random.random_range(0..100) {
            0..2 => Fate::CrashBeforeCommit,
            2..4 => Fate::CrashAfterCommit,
            4..6 => Fate::ReplyLost,
            6..7 => Fate::DeposedBeforeResend,
            7..8 => Fate::DeposedBefore,
            8..10 => {
                // It sleeps from here on; another leads.
                if self.leaders.len() < 3 {
                    self.take_over();
                }
                Fate::Well
            }
            _ => Fate::Well,
        }
    }

    fn take_over(&mut self) {
        let epoch = self.store.take_over();
        let snapshot = self.store.load(epoch, &self.settings);
        let state = State::load(self.settings.clone(), snapshot, self.random.random(), self.now);
        assert_eq!(faults(&state), Vec::<String>::new(), "after a takeover");
        self.leaders.push(Leader { state, alive: true });
        // Gateways announce their sessions to the new leader.
        let sessions =
            self.workers.iter().filter_map(|w| Some(connect(w.session?, w.id, w.in_flight()))).collect();
        self.inbox.push_front((Input::Announce { gateway: crate::kit::GATEWAY, sessions }, Asked::Other));
    }

    /// One step of the newest leader with all that has arrived.
    fn lead(&mut self, fate: Fate) {
        if fate == Fate::DeposedBefore {
            self.take_over();
        }
        // A leader that slept through a takeover wakes up later and finds inputs addressed to it.
        let sleeper = !self.calm && self.leaders.len() > 1 && (fate == Fate::DeposedBefore || self.chance(8));
        let which = if sleeper { 0 } else { self.leaders.len() - 1 };
        let fate = if sleeper { Fate::Well } else { fate };
        let mut asked = Vec::new();
        let mut inputs: Vec<(Token, Input)> = Vec::new();
        let most = self.inbox.len().min(6);
        for (n, (input, who)) in self.inbox.drain(..most).enumerate() {
            inputs.push((n as Token, input));
            asked.push(who);
        }
        if sleeper && let Some(at) = inputs.iter().position(|(_, i)| matches!(i, Input::Announce { .. })) {
            // That one is for the new leader.
            let (_, announce) = inputs.remove(at);
            self.inbox.push_front((announce, asked.remove(at)));
            for (n, (token, _)) in inputs.iter_mut().enumerate() {
                *token = n as Token;
            }
        }
        self.count_hits(&inputs);
        if self.mutant == Mutant::FenceDropped {
            self.drop_fence(&mut inputs);
        }
        self.live_before = self.live_runs();
        let prefetched = self.store.prefetch(&self.leaders[which].state, &inputs);
        let now = self.now;
        let state = &mut self.leaders[which].state;
        let stepped = catch_unwind(AssertUnwindSafe(|| step(state, inputs, prefetched, now)));
        let mut done = match stepped {
            Ok(done) => done,
            // Rows of another's time may break its step: it loads again, and finds itself deposed.
            Err(_) if sleeper => Step::default(),
            Err(panic) => std::panic::resume_unwind(panic),
        };
        // A sleeper's memory doesn't fit the rows that were read: nothing of its step may get out.
        if !sleeper {
            assert_eq!(faults(&self.leaders[which].state), Vec::<String>::new());
        }
        self.mutate(&mut done);
        let early = matches!(self.mutant, Mutant::AckBeforeCommit | Mutant::EffectsBeforeCommit);
        if early {
            let effects = done.effects.clone();
            self.release(effects, asked.clone(), self.mutant == Mutant::EffectsBeforeCommit);
        }
        let released = self.commit(&done, fate, which);
        match released {
            true if !early => self.release(done.effects, asked, true),
            true => {}
            false => {}
        }
        self.store.check();
        if sleeper {
            assert!(!self.leaders[which].alive || self.mutant != Mutant::None, "a deposed leader goes on");
        } else if self.leaders[which].alive && which + 1 == self.leaders.len() {
            let state = &self.leaders[which].state;
            assert_eq!(state.total(), self.store.total, "memory and store count differently");
            self.store.compare_readings(state);
        } else if which + 1 == self.leaders.len() {
            self.take_over();
        }
        if sleeper {
            self.leaders[which].alive = false;
        }
        self.leaders.retain(|l| l.alive);
        self.check_promises();
    }

    /// Whether the effects may be released.
    fn commit(&mut self, done: &Step, fate: Fate, which: usize) -> bool {
        if done.commit.is_empty() {
            let stands = self.leaders[which].state.epoch() == self.store.epoch;
            self.leaders[which].alive = stands;
            return stands || self.mutant == Mutant::AnswerWithoutEpochCheck;
        }
        match fate {
            Fate::Well => {}
            Fate::CrashBeforeCommit => {
                self.leaders[which].alive = false;
                return false;
            }
            Fate::CrashAfterCommit => {
                self.store.apply(&done.commit).expect("a leader's commit");
                self.leaders[which].alive = false;
                return false;
            }
            Fate::ReplyLost => {
                self.store.apply(&done.commit).expect("a leader's commit");
                assert_eq!(self.store.apply(&done.commit), Err(Refused::Before), "the second sending");
                return true;
            }
            Fate::DeposedBeforeResend => {
                self.take_over();
                self.lead_newest_quietly();
            }
            Fate::DeposedBefore => {}
        }
        if self.mutant == Mutant::CommitLookedUp
            && fate == Fate::DeposedBeforeResend
            && self.store.has_number(done.commit.id.n)
        {
            self.leaders[which].alive = false;
            return true;
        }
        match self.store.apply(&done.commit) {
            Ok(()) => true,
            Err(Refused::Deposed) => {
                self.leaders[which].alive = false;
                false
            }
            Err(Refused::Before) => panic!("a commit's name was used twice"),
        }
    }

    /// The new leader writes something before the old one tries again.
    fn lead_newest_quietly(&mut self) {
        let which = self.leaders.len() - 1;
        if let Some((announce, _)) = self.inbox.pop_front() {
            let inputs = vec![(0, announce)];
            let prefetched = self.store.prefetch(&self.leaders[which].state, &inputs);
            let done = step(&mut self.leaders[which].state, inputs, prefetched, self.now);
            if !done.commit.is_empty() {
                self.store.apply(&done.commit).expect("the new leader's commit");
            }
            self.release(done.effects, vec![Asked::Other], true);
        }
    }

    fn release(&mut self, effects: Effects, asked: Vec<Asked>, pushes: bool) {
        for (token, reply) in effects.replies {
            let Some(who) = asked.get(usize::try_from(token).expect("small")) else { continue };
            match who {
                Asked::Report { worker, report } => self.answer_report(*worker, report, &reply),
                Asked::Submit { key, n } if pushes => self.answer_submit(key.as_ref(), *n, &reply),
                Asked::Submit { .. } | Asked::Other => {}
            }
        }
        if pushes {
            self.wire.extend(effects.pushes);
        }
    }

    fn answer_report(&mut self, worker: usize, report: &Unacked, reply: &Result<Reply, Rejection>) {
        let ended = report.word != Word::Started;
        match reply {
            Ok(Reply::Accepted { .. }) => {
                if matches!(report.word, Word::Completed(_)) && !self.workers[worker].contract_only {
                    self.acked.insert(report.task, report.run);
                }
            }
            // The session is gone: the report stays and is sent again through the next one.
            Ok(Reply::Refused(Refusal::UnknownSession)) => return,
            Ok(Reply::Refused(Refusal::Stale | Refusal::NotAssigned)) => self.check_refusal(worker, report),
            other => panic!("a report was answered {other:?}"),
        }
        if ended {
            self.workers[worker].unacked.retain(|u| !(u.task == report.task && u.run == report.run));
        }
    }

    /// A live run of this worker is never told that it is over.
    fn check_refusal(&self, worker: usize, report: &Unacked) {
        let id = self.workers[worker].id;
        let run = (report.task, id, report.run);
        let live = self.live_before.contains(&run) && self.live_runs().contains(&run);
        assert!(!live || report.word == Word::Started, "a live run of {} was refused", report.task);
    }

    fn live_runs(&self) -> BTreeSet<(TaskId, WorkerId, Run)> {
        let leases =
            self.store.places.values().filter_map(|p| if let Place::Leased(l) = p { Some(l) } else { None });
        leases.map(|l| (l.body.id, l.worker, l.progress.run)).collect()
    }

    fn answer_submit(&mut self, key: Option<&IdempotencyKey>, n: usize, reply: &Result<Reply, Rejection>) {
        match reply {
            Ok(Reply::Submitted { job, tasks, .. }) => {
                if let Some(key) = key {
                    let first = self.idempotent.entry(key.key.clone()).or_insert_with(|| tasks.clone());
                    assert_eq!(first, tasks, "the same key, other tasks");
                } else {
                    assert_eq!(tasks.len(), n);
                }
                if !self.jobs.contains(job) && self.jobs.len() < 12 {
                    self.jobs.push(*job);
                }
                self.accepted.extend(tasks);
                self.tasks.extend(tasks);
                if self.tasks.len() > 200 {
                    self.tasks.drain(..100);
                }
            }
            Err(rejection) => {
                assert!(matches!(rejection.code, Code::Conflict | Code::JobNotFound), "{rejection:?}");
                self.jobs.retain(|j| self.store.jobs.contains_key(j));
            }
            other => panic!("a submission was answered {other:?}"),
        }
    }

    /// I1, P1, P3: what was answered is there.
    fn check_promises(&self) {
        for task in &self.accepted {
            let there = self.store.places.contains_key(task) || self.store.purged.contains(task);
            assert!(there, "I1: accepted task {task} is nowhere");
        }
        for (task, run) in &self.acked {
            if self.store.purged.contains(task) {
                continue;
            }
            let done = matches!(self.store.places.get(task), Some(Place::Done(d)) if d.status == DoneStatus::Completed && d.progress.run == *run);
            assert!(done, "P3: the acknowledged result of {task} run {run} is not stored");
            assert_eq!(self.store.completed_runs(*task), 1, "I2: {task}");
        }
    }

    fn count_hits(&mut self, inputs: &[(Token, Input)]) {
        for (_, input) in inputs {
            let (task, name) = match input {
                Input::Report(r) => match r.word {
                    Word::Started => (r.task, "started"),
                    Word::Completed(_) => (r.task, "completed"),
                    Word::Failed { .. } => (r.task, "failed"),
                },
                Input::CancelTask { task } => (*task, "cancel"),
                Input::RetryTask { task, .. } => (*task, "retry"),
                Input::PurgeTask { task } => (*task, "purge"),
                Input::Query(Query::Why(task)) => (*task, "why"),
                _ => continue,
            };
            let state = match self.store.places.get(&task) {
                None => "nowhere",
                Some(Place::Ready(_)) => "ready",
                Some(Place::Delayed(..)) => "delayed",
                Some(Place::Leased(l)) if l.started_at.is_some() => "running",
                Some(Place::Leased(_)) => "assigned",
                Some(Place::Done(d)) => d.status.as_str(),
            };
            *self.hits.entry((state, name)).or_default() += 1;
        }
    }

    fn drop_fence(&mut self, inputs: &mut [(Token, Input)]) {
        for (_, input) in inputs {
            if let Input::Report(report) = input
                && let Some(Place::Leased(lease)) = self.store.places.get(&report.task)
            {
                report.run = None;
                report.session = lease.session;
            }
        }
    }

    fn mutate(&mut self, done: &mut Step) {
        match self.mutant {
            Mutant::NoRequeue => {
                let lost: BTreeSet<TaskId> = done
                    .commit
                    .runs
                    .iter()
                    .filter(|r| r.outcome == ukai_domain::Outcome::Lost)
                    .map(|r| r.task)
                    .collect();
                done.commit.moves.retain(|m| !lost.contains(&m.task));
            }
            Mutant::EventNumberReused => {
                if let Some(row) = done.commit.events.first_mut()
                    && row.first > 1
                    && self.random.random_range(0..20) == 0
                {
                    row.first -= 1;
                }
            }
            Mutant::None
            | Mutant::FenceDropped
            | Mutant::AckBeforeCommit
            | Mutant::EffectsBeforeCommit
            | Mutant::AnswerWithoutEpochCheck
            | Mutant::CommitLookedUp => {}
        }
    }

    /// The faults end: every task of a job that isn't paused comes to its end in bounded time.
    pub(crate) fn quiesce(&mut self) {
        self.calm = true;
        let paused: Vec<JobId> = self.store.jobs.keys().copied().collect();
        for job in paused {
            self.inbox.push_back((
                Input::ControlJob { job, action: JobAction::Resume, idempotency: None },
                Asked::Other,
            ));
        }
        let policy = HostPolicy { host: "a.example".into(), min_interval_ms: 0, max_concurrency: 0 };
        self.inbox.push_back((Input::SetHost(policy), Asked::Other));
        for round in 0..3_000 {
            self.deliver();
            for at in 0..self.workers.len() {
                let worker = self.workers[at].id;
                if self.store.workers.get(&worker).is_some_and(|w| w.blocked) {
                    self.inbox.push_back((Input::ResetWorker { worker, idempotency: None }, Asked::Other));
                }
                match self.workers[at].session {
                    None => self.connect(at),
                    Some(session) if round % 40 == 39 => {
                        // Draining sessions take nothing any more; a worker that drained starts again.
                        self.workers[at].session = None;
                        let reason = "restart".to_owned();
                        self.inbox.push_back((Input::Disconnect { session, reason }, Asked::Other));
                    }
                    Some(session) => {
                        if let Some(report) = self.workers[at].unacked.front().cloned() {
                            self.say(at, session, report);
                        } else if !self.workers[at].held.is_empty() {
                            self.start_or_end(at, session);
                        }
                        self.beat(at, session);
                    }
                }
            }
            self.now = self.now + Duration::from_millis(500);
            while !self.inbox.is_empty() {
                self.lead(Fate::Well);
            }
            self.lead(Fate::Well);
            let open = self.store.places.values().filter(|p| !matches!(p, Place::Done(_))).count();
            if open == 0 {
                return;
            }
        }
        let open: Vec<_> = self.store.places.values().filter(|p| !matches!(p, Place::Done(_))).collect();
        let state = &self.leaders.last().expect("a leader").state;
        let readings: Vec<_> = state.readings().collect();
        panic!("tasks never end: {:?}\n{readings:?}\n{:?}", open.first(), state.needs(&[]));
    }
}
