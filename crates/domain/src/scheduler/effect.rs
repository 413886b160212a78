//! What a step tells, released after its commit: replies to callers, pushes to workers.

use super::input::Token;
use crate::{
    Code, Counts, CrawlRules, GatewayId, Job, JobId, Rejection, Run, SessionId, TaskBody, TaskId, Timestamp,
    WorkerConfig, WorkerId, WorkerRow,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Effects of one step, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// One for every input.
    pub replies: Vec<(Token, Result<Reply, Rejection>)>,
    /// To gateways.
    pub pushes: Vec<Push>,
}

/// A message for one session through its gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// Where the socket is.
    pub gateway: GatewayId,
    /// Whose.
    pub session: SessionId,
    /// What.
    pub message: PushMessage,
}

#[allow(missing_docs, reason = "the fields are named by the words of the contract")]
/// Messages to workers.
#[derive(Clone, Debug, PartialEq)]
pub enum PushMessage {
    /// `worker:registered`, then the stored config where there is one.
    Registered {
        worker: WorkerId,
        heartbeat_interval: Duration,
        task_timeout: Duration,
        config: WorkerConfig,
    },
    /// `task:assigned`; `crawl` where the task's links are followed.
    Assigned {
        body: Arc<TaskBody>,
        run: Run,
        attempt: u8,
        assigned_at: Timestamp,
        deadline: Timestamp,
        crawl: Option<Box<CrawlRules>>,
    },
    /// `task:cancelled`.
    Cancelled { task: TaskId, run: Run, reason: String },
    /// `worker:config_update`; `reset` clears a block that the worker remembers.
    ConfigUpdate { config: WorkerConfig, reset: bool },
    /// `worker:config_update` with `screenshot`: the worker brings a picture of the run's page as it is now.
    Screenshot { task: TaskId, run: Run },
    /// `error`, then the socket is closed.
    Drop { code: Code, message: String },
}

#[allow(missing_docs, reason = "as above")]
/// The answer to an input that was not refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Nothing to say.
    Ok,
    /// Tasks accepted, in the order given.
    Submitted { job: JobId, tasks: Vec<TaskId>, created_at: Timestamp },
    /// A task changed; the store has it.
    Task(TaskId),
    /// A job and its balance.
    Job(Box<Job>, Counts),
    /// A worker.
    Worker(Box<WorkerView>),
    /// The run whose page a worker was asked to show.
    Shown { task: TaskId, run: Run },
    /// A page of workers and the total.
    Workers(Vec<WorkerView>, u64),
    /// A report was accepted; `duplicate` where it had been before.
    Accepted { duplicate: bool },
    /// A report was refused and changed nothing.
    Refused(Refusal),
    /// A connection was registered.
    Registered(WorkerId),
    /// A gateway must announce its sessions first.
    AnnounceFirst,
    /// The queue.
    Queue(Box<QueueView>),
    /// Why a task is where it is.
    Why(Box<WhyView>),
    /// A host.
    Host(HostView),
}

/// Why a report is refused: the ack's `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The run is over or another is newer.
    Stale,
    /// The worker never held the task.
    NotAssigned,
    /// The session is unknown here: it was replaced, lost or revoked.
    UnknownSession,
}

impl Refusal {
    /// The ack's `reason`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stale | Self::UnknownSession => "stale",
            Self::NotAssigned => "not_assigned",
        }
    }
}

/// A worker as the leader sees it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerView {
    /// Its row, with fresh network, stats and times.
    pub row: WorkerRow,
    /// `idle`, `busy`, `blocked` or `disconnected`.
    pub status: String,
    /// Whether a socket is open.
    pub connected: bool,
    /// Live leases.
    pub current_tasks: Vec<TaskId>,
    /// Holds a slot 30 s past its run's end.
    pub stuck: bool,
    /// Last error that it reported, if any.
    pub last_error: Option<String>,
}

/// The queue as one page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueView {
    /// All jobs together.
    pub total: Counts,
    /// Jobs with open tasks.
    pub jobs: Vec<(JobId, String, Counts)>,
    /// Ready tasks by kind.
    pub depth: Vec<(String, i64)>,
    /// When the oldest ready task in memory was created.
    pub oldest_ready: Option<Timestamp>,
    /// Connected workers, free slots, all slots.
    pub workers: u64,
    /// Slots that could take a run now.
    pub free_slots: u64,
    /// All slots of connected workers.
    pub slots: u64,
}

/// Why a task is where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhyView {
    /// The task's status word.
    pub state: String,
    /// Machine word, as documented.
    pub reason: String,
    /// Since when, where known.
    pub since: Option<Timestamp>,
    /// Until when, where known.
    pub until: Option<Timestamp>,
    /// Facts behind the reason.
    pub details: serde_json::Value,
}

/// A host's politeness and what its lanes do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostView {
    /// Lower case.
    pub host: String,
    /// ms; 0 is unlimited.
    pub min_interval_ms: u32,
    /// 0 is unlimited.
    pub max_concurrency: u32,
    /// Live leases on the host.
    pub running: u32,
    /// Closed by a cool-down until.
    pub cooldown_until: Option<Timestamp>,
}
