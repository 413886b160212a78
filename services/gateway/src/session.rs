//! What a gateway knows of one connection of a worker.

use crate::bucket::Bucket;
use crate::inbox::Item;
use prometheus_client::metrics::gauge::Gauge;
use socketioxide::extract::SocketRef;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use ukai_boot::trace::Traceparent;
use ukai_domain::scheduler::{Connect, Heartbeat};
use ukai_domain::{Run, SessionId, TaskId, WorkerId};

/// Reports of one run that don't count against the limit.
const FREE_REPORTS: u8 = 8;
/// Runs that are remembered as pushed, against repeats.
const REMEMBERED_PUSHES: usize = 256;

/// One connection. The socket holds it through its handlers and it holds the socket; its end breaks that circle.
pub(crate) struct Session {
    /// Stamped on every input.
    pub(crate) id: SessionId,
    /// As it was sent to the leader; `in_flight` is what the worker said itself.
    pub(crate) connect: Connect,
    /// For logs and limits.
    pub(crate) address: IpAddr,
    /// Set once and for ever: nothing that comes from the socket counts any more.
    ended: AtomicBool,
    /// It said that a run is over, and waits for no answer: it won't say so again.
    reported_once: AtomicBool,
    /// When it was heard last, in ms of the gateway's own clock; 0: never.
    heard: AtomicU64,
    /// What of that the last digest told.
    told: AtomicU64,
    state: Mutex<State>,
    /// Inputs of it that wait in the queue, and their bytes: guarded by the queue's lock.
    pub(crate) queued: [AtomicUsize; 2],
    /// Whether its connect is among them: guarded in the same way.
    pub(crate) connect_waits: AtomicBool,
    /// How many there are in memory.
    held: Gauge,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.held.dec();
    }
}

/// The part that changes.
pub(crate) struct State {
    pub(crate) phase: Phase,
    /// Given by the leader; from then on the session is announced.
    pub(crate) worker: Option<WorkerId>,
    /// Whether `worker:registered` was sent.
    pub(crate) is_registered: bool,
    /// Whether it said that it leaves.
    pub(crate) is_leaving: bool,
    /// Runs that the worker has, as far as the gateway knows.
    held: Vec<Held>,
    /// Runs pushed lately.
    pushed: Vec<(TaskId, Run)>,
    /// Whether the worker may hold a run that it never announced and that was not pushed here.
    may_inherit: bool,
    pub(crate) bucket: Bucket,
    pub(crate) strikes: u32,
    pub(crate) last_strike: Option<Instant>,
}

/// How far the connection is.
pub(crate) enum Phase {
    /// Accepted by the library, its connect not queued yet; what came early waits here.
    Opening(Vec<Item>),
    /// Open.
    Open(SocketRef),
    /// Gone.
    Closed,
}

#[derive(Clone, Debug)]
struct Held {
    task: TaskId,
    run: Run,
    reports: u8,
    is_cancelled: bool,
    /// Where its hand-out stands in a trace, if it was traced and made here.
    trace: Option<Traceparent>,
}

impl Session {
    pub(crate) fn new(connect: Connect, address: IpAddr, bucket: Bucket, gauge: &Gauge) -> Arc<Self> {
        gauge.inc();
        let held = connect.in_flight.iter().flatten().map(|&(task, run)| Held::new(task, run)).collect();
        let may_inherit = connect.in_flight.is_none();
        Arc::new(Self {
            id: connect.session,
            connect,
            address,
            ended: AtomicBool::new(false),
            reported_once: AtomicBool::new(false),
            heard: AtomicU64::new(0),
            told: AtomicU64::new(0),
            state: Mutex::new(State {
                phase: Phase::Opening(Vec::new()),
                worker: None,
                is_registered: false,
                is_leaving: false,
                held,
                pushed: Vec::new(),
                may_inherit,
                bucket,
                strikes: 0,
                last_strike: None,
            }),
            queued: Default::default(),
            connect_waits: AtomicBool::new(false),
            held: gauge.clone(),
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The socket, while it is open.
    pub(crate) fn socket(&self) -> Option<SocketRef> {
        match &self.lock().phase {
            Phase::Open(socket) => Some(socket.clone()),
            Phase::Opening(_) | Phase::Closed => None,
        }
    }

    /// Whether nothing that it says counts any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Whether the leader need not hear of it any more: it is over, and left nothing that counts and comes only once.
    pub(crate) fn is_gone(&self) -> bool {
        self.has_ended() && !self.reported_once.load(Ordering::Acquire)
    }

    /// A report of it was queued that nobody repeats.
    pub(crate) fn reports_once(&self) {
        self.reported_once.store(true, Ordering::Release);
    }

    /// Ends it; `false` if it had ended before.
    pub(crate) fn end(&self) -> bool {
        !self.ended.swap(true, Ordering::AcqRel)
    }

    /// Any event is a sign of life.
    pub(crate) fn hear(&self, now_ms: u64) {
        self.heard.store(now_ms.max(1), Ordering::Relaxed);
    }

    /// When it was heard last, for a digest: told once, or again where `repeat` says so.
    pub(crate) fn tell_heard(&self, repeat: bool) -> Option<u64> {
        let heard = self.heard.load(Ordering::Relaxed);
        let is_news = self.told.swap(heard, Ordering::Relaxed) != heard;
        (heard != 0 && (is_news || repeat)).then_some(heard)
    }
}

impl Held {
    fn new(task: TaskId, run: Run) -> Self {
        Self { task, run, reports: 0, is_cancelled: false, trace: None }
    }
}

impl State {
    /// Whether a report of `task` is free of the rate limit; counts it.
    pub(crate) fn is_free_report(&mut self, task: TaskId) -> bool {
        self.held.iter_mut().find(|h| h.task == task).is_some_and(|held| {
            held.reports = held.reports.saturating_add(1);
            held.reports <= FREE_REPORTS
        })
    }

    /// Notes a hand-out; `false` when it was pushed here before.
    pub(crate) fn hold(&mut self, task: TaskId, run: Run) -> bool {
        if self.pushed.contains(&(task, run)) || self.held.iter().any(|h| h.task == task && h.run == run) {
            return false;
        }
        if self.pushed.len() >= REMEMBERED_PUSHES {
            self.pushed.drain(..REMEMBERED_PUSHES / 2);
        }
        self.pushed.push((task, run));
        self.held.retain(|h| h.task != task);
        self.held.push(Held::new(task, run));
        true
    }

    /// Notes where a hand-out stands in a trace: above the worker's report of it, whatever that says of itself.
    pub(crate) fn trace(&mut self, task: TaskId, run: Run, place: Traceparent) {
        if let Some(held) = self.held.iter_mut().find(|h| h.task == task && h.run == run) {
            held.trace = Some(place);
        }
    }

    /// Where the hand-out of a run stands in a trace; of the task's only one where the report names none.
    pub(crate) fn place(&self, task: TaskId, run: Option<Run>) -> Option<&Traceparent> {
        let held = self.held.iter().find(|h| h.task == task && run.is_none_or(|run| h.run == run));
        held?.trace.as_ref()
    }

    /// The leader has the end of the run, or it never reached the worker.
    pub(crate) fn release(&mut self, task: TaskId, run: Option<Run>) {
        self.held.retain(|h| h.task != task || run.is_some_and(|run| h.run != run));
    }

    /// The run is over, but the worker may still be on it.
    pub(crate) fn cancel(&mut self, task: TaskId, run: Run) {
        if let Some(held) = self.held.iter_mut().find(|h| h.task == task && h.run == run) {
            held.is_cancelled = true;
        }
    }

    /// A heartbeat tells what is left of cancelled and inherited runs.
    pub(crate) fn beat(&mut self, beat: &Heartbeat) {
        self.held.retain(|h| !h.is_cancelled || beat.current_task == Some(h.task));
        if beat.current_task.is_none_or(|task| self.held.iter().any(|h| h.task == task)) {
            self.may_inherit = false;
        }
    }

    /// What it holds, for an announcement; `None` where it may hold a run that only the leader can name.
    pub(crate) fn in_flight(&self) -> Option<Vec<(TaskId, Run)>> {
        (!self.may_inherit).then(|| self.held.iter().map(|h| (h.task, h.run)).collect())
    }
}
