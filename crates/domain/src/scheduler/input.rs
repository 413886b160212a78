//! What happens to the scheduler: commands of operators, words of workers, news of gateways, time.

use crate::{
    CrawlRules, ErrorType, GatewayId, JobId, JobKind, NetworkInfo, ReportedStatus, Run, RunError, RunResult,
    SessionId, TaskId, Timestamp, WorkerConfig, WorkerId, WorkerStats,
};
use std::sync::Arc;
use std::time::Duration;

/// Where the reply to an input goes; dealt by the leader, opaque here.
pub type Token = u64;

#[allow(missing_docs, reason = "the fields are named by the words of the contract")]
/// One input of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Accept tasks, all or nothing.
    Submit(Submit),
    /// Make an empty job.
    CreateJob {
        name: String,
        kind: JobKind,
        weight: u32,
        crawl: Option<CrawlRules>,
        idempotency: Option<IdempotencyKey>,
    },
    /// Pause, resume, cancel or delete a job.
    ControlJob { job: JobId, action: JobAction, idempotency: Option<IdempotencyKey> },
    /// End a task that has not ended.
    CancelTask { task: TaskId },
    /// Put a failed or cancelled task back, attempts from 1.
    RetryTask { task: TaskId, idempotency: Option<IdempotencyKey> },
    /// Remove an ended task.
    PurgeTask { task: TaskId },
    /// Register a machine; the caller made the token and shows it once.
    CreateWorker {
        name: String,
        token_hash: String,
        token_prefix: String,
        idempotency: Option<IdempotencyKey>,
    },
    /// Revoke, drop, hand back.
    DeleteWorker { worker: WorkerId },
    /// Clear a block.
    ResetWorker { worker: WorkerId, idempotency: Option<IdempotencyKey> },
    /// Have a worker show the page that it is on.
    ScreenshotWorker { worker: WorkerId },
    /// Change what was set for a worker; fields that are `None` stay.
    ConfigureWorker { worker: WorkerId, config: WorkerConfig },
    /// Set a host's politeness.
    SetHost(HostPolicy),
    /// A connection was authenticated by its gateway.
    Connect(Connect),
    /// A healthy gateway saw the socket close.
    Disconnect { session: SessionId, reason: String },
    /// A worker's word on a task.
    Report(Report),
    /// A worker's periodic word.
    Heartbeat(Heartbeat),
    /// A worker thinks that it is blocked.
    BlockDetected { session: SessionId, reason: String, suggested_action: String },
    /// A worker's address changed.
    NetworkChanged { session: SessionId, to: NetworkInfo },
    /// A worker says what it can't do.
    WorkerError { session: SessionId, message: String },
    /// Nothing more is handed out to this session.
    Draining { session: SessionId },
    /// A gateway confirmed pushes of hand-outs.
    PushConfirmed { leases: Vec<(TaskId, Run)> },
    /// A gateway doesn't have the session that a hand-out was addressed to.
    PushRefused { session: SessionId, task: TaskId, run: Run },
    /// A gateway's sessions with what they hold: after a takeover, its return, or the bus's.
    Announce { gateway: GatewayId, sessions: Vec<Connect> },
    /// No answer from a gateway twice.
    GatewayLost { gateway: GatewayId },
    /// A judge of liveness heard nothing from the session for `silent_for`.
    ReportLost { session: SessionId, silent_for: Duration },
    /// Sessions heard by their gateway, with how long ago.
    Heard { sessions: Vec<(SessionId, Duration)> },
    /// Timers that are due fire.
    Tick,
    /// The bus is away: no clock of a worker runs.
    BusLost,
    /// The bus was away and is back: every clock gets a fresh start.
    Resync,
    /// The leader or its store stood still: every clock gets a fresh start, and the bus is as it was.
    Stalled,
    /// A read that the leader's memory answers.
    Query(Query),
}

/// Tasks to accept.
#[derive(Clone, Debug, PartialEq)]
pub struct Submit {
    /// Where they belong.
    pub job: JobRef,
    /// 1 to 10,000.
    pub tasks: Vec<NewTask>,
    /// Makes a repeat harmless.
    pub idempotency: Option<IdempotencyKey>,
    /// Its place in a trace, for its tasks.
    pub trace: Option<Arc<str>>,
}

#[allow(missing_docs, reason = "as above")]
/// The job of a submission.
#[derive(Clone, Debug, PartialEq)]
pub enum JobRef {
    /// Must exist and not be cancelled.
    Existing(JobId),
    /// Is made with the tasks.
    New { name: String, kind: JobKind, weight: u32, crawl: Option<CrawlRules> },
    /// The submitting key's own; made at its first use.
    Implicit { id: JobId, name: String },
}

/// A validated submission of one task.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTask {
    /// One of [`crate::RUNNABLE_KINDS`].
    pub kind: Arc<str>,
    /// http or https.
    pub url: String,
    /// Its host in lower case.
    pub host: Arc<str>,
    /// 0–100.
    pub priority: u8,
    /// 1–3.
    pub max_attempts: u8,
    /// ms.
    pub timeout_ms: Option<u32>,
    /// JSON object as text.
    pub options: Option<String>,
    /// Not handed out before.
    pub not_before: Option<Timestamp>,
}

/// What an operator does to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobAction {
    /// Hand out nothing until resumed.
    Pause,
    /// The inverse.
    Resume,
    /// End what is open.
    Cancel,
    /// Cancel, then remove the job and its tasks.
    Delete,
}

/// Identifies a command that may be repeated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey {
    /// Who.
    pub principal: String,
    /// Method and path.
    pub route: String,
    /// The client's key.
    pub key: String,
    /// SHA-256 of the body as hex: another body under the same key is a conflict.
    pub body_hash: String,
}

/// Politeness towards one host, in all its lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPolicy {
    /// Lower case.
    pub host: Arc<str>,
    /// ms between hand-outs; 0 is unlimited.
    pub min_interval_ms: u32,
    /// Live leases at once; 0 is unlimited.
    pub max_concurrency: u32,
}

#[allow(missing_docs, reason = "as above")]
/// Who connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A worker with a token of its own.
    Worker(WorkerId),
    /// A holder of the enrolment token, by name; without one each connection is its own worker.
    Enrolled { name: Option<String> },
}

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Made by the gateway.
    pub session: SessionId,
    /// Which holds the socket.
    pub gateway: GatewayId,
    /// Who.
    pub identity: Identity,
    /// Slots, at least 1.
    pub capacity: u32,
    /// Empty: the default kind.
    pub capabilities: Vec<Arc<str>>,
    /// What it holds; `None` from a worker that speaks the contract alone.
    pub in_flight: Option<Vec<(TaskId, Run)>>,
}

/// A worker's word on a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Stamped by the gateway on receipt.
    pub session: SessionId,
    /// Which task.
    pub task: TaskId,
    /// `None`: the run that its worker holds.
    pub run: Option<Run>,
    /// What.
    pub word: Word,
}

#[allow(missing_docs, reason = "as above")]
/// The three words on a task, and the hand-back of a draining worker.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    /// Began.
    Started,
    /// Result.
    Completed(RunResult),
    /// Error; `metrics` is JSON text.
    Failed { error: RunError, metrics: Option<String> },
}

impl Word {
    /// Shorthand for tests.
    #[must_use]
    pub fn failed(kind: ErrorType) -> Self {
        Self::Failed {
            error: RunError { kind, message: kind.as_str().to_lowercase(), details: None },
            metrics: None,
        }
    }
}

/// A worker's periodic word.
#[derive(Clone, Debug, PartialEq)]
pub struct Heartbeat {
    /// Whose.
    pub session: SessionId,
    /// What it says of itself.
    pub status: ReportedStatus,
    /// If busy, which task.
    pub current_task: Option<TaskId>,
    /// Its address.
    pub network: NetworkInfo,
    /// Its counters.
    pub stats: WorkerStats,
}

#[allow(missing_docs, reason = "as above")]
/// Reads of memory.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// The balance, overall and per job, depth per kind, oldest.
    Queue,
    /// Why a task is where it is.
    Why(TaskId),
    /// One worker.
    Worker(WorkerId),
    /// All workers, newest first; page from 1.
    Workers { page: u32, limit: u32 },
    /// A host's politeness and lanes.
    Host(Arc<str>),
    /// Whether the worker holds the run now. Whoever asks with the enrolment token speaks only for workers without a
    /// token of their own.
    Holds { task: TaskId, run: Run, worker: WorkerId, enrolled: bool },
}
