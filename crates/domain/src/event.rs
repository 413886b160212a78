//! Facts in the past tense: what the log keeps and every dialect renders.

use crate::{
    DoneStatus, ErrorType, JobId, JobStatus, NetworkInfo, Outcome, Run, TaskId, Timestamp, WorkerId,
};
use serde::{Deserialize, Serialize};

#[allow(missing_docs, reason = "each field says by its name what it is")]
/// One fact. The log stores it as JSON, tagged by `type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// Accepted and durable.
    TaskCreated { task: TaskId, url: String, priority: u8, kind: String },
    /// Handed out.
    TaskAssigned { task: TaskId, run: Run, worker: WorkerId, attempt: u8 },
    /// The worker began.
    TaskStarted { task: TaskId, run: Run, worker: WorkerId },
    /// A run ended without a result; the task goes on at `retry_at`, or now.
    TaskRetried {
        task: TaskId,
        run: Run,
        worker: WorkerId,
        outcome: Outcome,
        error: Option<ErrorType>,
        retry_at: Option<Timestamp>,
    },
    /// Ended with a result.
    TaskCompleted { task: TaskId, run: Run, worker: WorkerId, items: u32 },
    /// Given up.
    TaskFailed { task: TaskId, run: Run, worker: Option<WorkerId>, error: Option<ErrorType>, message: String },
    /// By an operator.
    TaskCancelled { task: TaskId, run: Run },
    /// An operator put an ended task back.
    TaskRequeued { task: TaskId },
    /// Removed after its end.
    TaskPurged { task: TaskId, status: DoneStatus },
    /// A job began to exist.
    JobCreated { name: String, kind: String },
    /// A job changed its state.
    JobChanged { status: JobStatus, error: Option<String> },
    /// A job and its tasks are gone.
    JobDeleted,
    /// A machine was registered.
    WorkerCreated { worker: WorkerId, name: String },
    /// A connection was registered.
    WorkerConnected { worker: WorkerId },
    /// Its last connection is gone.
    WorkerDisconnected { worker: WorkerId, reason: String },
    /// Gets nothing until reset.
    WorkerBlocked { worker: WorkerId, reason: String, suggested_action: String },
    /// An operator cleared the block.
    WorkerReset { worker: WorkerId },
    /// Another address or provider.
    WorkerNetworkChanged { worker: WorkerId, from: NetworkInfo, to: NetworkInfo },
    /// Token revoked, row gone.
    WorkerDeleted { worker: WorkerId },
}

impl Event {
    /// The task that the fact is about.
    #[must_use]
    pub fn task(&self) -> Option<TaskId> {
        match self {
            Self::TaskCreated { task, .. }
            | Self::TaskAssigned { task, .. }
            | Self::TaskStarted { task, .. }
            | Self::TaskRetried { task, .. }
            | Self::TaskCompleted { task, .. }
            | Self::TaskFailed { task, .. }
            | Self::TaskCancelled { task, .. }
            | Self::TaskRequeued { task }
            | Self::TaskPurged { task, .. } => Some(*task),
            Self::JobCreated { .. }
            | Self::JobChanged { .. }
            | Self::JobDeleted
            | Self::WorkerCreated { .. }
            | Self::WorkerConnected { .. }
            | Self::WorkerDisconnected { .. }
            | Self::WorkerBlocked { .. }
            | Self::WorkerReset { .. }
            | Self::WorkerNetworkChanged { .. }
            | Self::WorkerDeleted { .. } => None,
        }
    }
}

/// The events of one commit and one job: one contiguous range of numbers, one row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Number of the first; the others follow without gaps.
    pub first: u64,
    /// Nil for events of workers.
    pub job: JobId,
    /// The commit's time.
    pub at: Timestamp,
    /// In the order of their numbers; never empty.
    pub events: Vec<Event>,
}

impl EventRow {
    /// Number of the last.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.first + self.events.len() as u64 - 1
    }
}
