//! What one step writes: rows of one transaction, already net of what cancels out inside the step.

use super::input::{HostPolicy, IdempotencyKey};
use crate::{
    Counts, EventRow, Expansion, Job, JobId, LaneKey, Place, RunRow, TaskBody, TaskId, Timestamp, UrlHash,
    WorkerId, WorkerRow,
};
use std::sync::Arc;

/// Names a commit: the leader's epoch and a number without gaps in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId {
    /// Of the leader.
    pub epoch: u64,
    /// 1, 2, 3 … in the epoch.
    pub n: u64,
}

/// The rows of one transaction. Applied whole or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commit {
    /// Its name; the store inserts it first.
    pub id: CommitId,
    /// The step's time: persisted, no later epoch starts below it.
    pub now: Timestamp,
    /// The last event number after this commit.
    pub last_event: u64,
    /// Jobs to insert or replace.
    pub jobs: Vec<Job>,
    /// Jobs to delete, with their counts and the pages that they have seen.
    pub deleted_jobs: Vec<JobId>,
    /// New tasks' bodies.
    pub tasks: Vec<Arc<TaskBody>>,
    /// Every task that changed its place, once, in the order of the first change.
    pub moves: Vec<Move>,
    /// Links of completed pages to keep until they become tasks.
    pub expansions: Vec<Expansion>,
    /// Pages (by job and task) whose links have become tasks: their rows must exist and are deleted.
    pub expanded: Vec<(JobId, TaskId)>,
    /// Jobs that expand nothing any more: exactly so many rows of each are deleted, before new ones come.
    pub dropped_expansions: Vec<(JobId, u64)>,
    /// Pages that crawls have from now on; none may be there already.
    pub urls: Vec<(JobId, UrlHash)>,
    /// Ended runs to append.
    pub runs: Vec<RunRow>,
    /// Deltas, one a job, to append.
    pub counts: Vec<(JobId, Counts)>,
    /// The log's rows to append.
    pub events: Vec<EventRow>,
    /// Workers to insert or replace.
    pub workers: Vec<WorkerRow>,
    /// Workers to delete.
    pub deleted_workers: Vec<WorkerId>,
    /// Lanes to insert or replace.
    pub lanes: Vec<LaneRow>,
    /// Hosts' policies to insert or replace.
    pub hosts: Vec<HostPolicy>,
    /// Replies to remember for 24 h.
    pub idempotency: Vec<IdempotencyRow>,
}

impl Commit {
    /// Whether nothing is written: then the epoch is checked alone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
            && self.deleted_jobs.is_empty()
            && self.tasks.is_empty()
            && self.moves.is_empty()
            && self.expansions.is_empty()
            && self.expanded.is_empty()
            && self.dropped_expansions.is_empty()
            && self.urls.is_empty()
            && self.runs.is_empty()
            && self.counts.is_empty()
            && self.events.is_empty()
            && self.workers.is_empty()
            && self.deleted_workers.is_empty()
            && self.lanes.is_empty()
            && self.hosts.is_empty()
            && self.idempotency.is_empty()
    }
}

/// Where a task's row lies, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlaceName {
    /// `task_ready`.
    Ready,
    /// `task_delayed`.
    Delayed,
    /// `task_lease`.
    Leased,
    /// `task_done`.
    Done,
}

impl Place {
    /// The name of the place.
    #[must_use]
    pub fn name(&self) -> PlaceName {
        match self {
            Self::Ready(_) => PlaceName::Ready,
            Self::Delayed(..) => PlaceName::Delayed,
            Self::Leased(_) => PlaceName::Leased,
            Self::Done(_) => PlaceName::Done,
        }
    }
}

/// A task's way in this step: out of `from` (`None`: it is new), into `to` (`None`: it is purged).
/// `from` and `to` of the same place is an update in place.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// Which.
    pub task: TaskId,
    /// The place whose row must exist and is deleted.
    pub from: Option<PlaceName>,
    /// The row to insert.
    pub to: Option<Place>,
}

/// A lane's cool-down, persisted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneRow {
    /// Which.
    pub key: LaneKey,
    /// Closed until, or in the past.
    pub cool_until: Timestamp,
    /// How many cool-downs in a row: the exponent of the next.
    pub cool_level: u8,
    /// Last hand-out, for the interval.
    pub last_handout: Timestamp,
}

/// A command's reply, kept for its repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRow {
    /// Which command.
    pub key: IdempotencyKey,
    /// The reply as JSON text.
    pub reply: String,
    /// When.
    pub at: Timestamp,
}
