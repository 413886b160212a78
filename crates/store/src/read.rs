//! Reads for the api and the gateway: by a role that can't write.

use crate::StoreError;
use async_trait::async_trait;
use ukai_domain::{
    ArtifactId, Counts, DoneStatus, EventRow, Job, JobId, Progress, Run, RunError, RunResult, RunRow,
    TaskBody, TaskId, Timestamp, WorkerId,
};

/// The public status of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskStatus {
    /// Ready or delayed.
    Pending,
    /// Handed out, not started.
    Assigned,
    /// `task:started` was heard.
    Running,
    /// Ended.
    Done(DoneStatus),
}

impl TaskStatus {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Assigned,
        Self::Running,
        Self::Done(DoneStatus::Completed),
        Self::Done(DoneStatus::Failed),
        Self::Done(DoneStatus::Cancelled),
    ];

    /// The word of `status`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Assigned => "assigned",
            Self::Running => "running",
            Self::Done(done) => done.as_str(),
        }
    }

    /// The inverse of [`TaskStatus::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// A task as the api shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRow {
    /// The submission.
    pub body: TaskBody,
    /// Its history.
    pub progress: Progress,
    /// Where it is.
    pub status: TaskStatus,
    /// The worker of the live lease, else of the last ended run.
    pub worker: Option<WorkerId>,
    /// Delayed until.
    pub not_before: Option<Timestamp>,
    /// Of the live or the last run.
    pub assigned_at: Option<Timestamp>,
    /// Of the live or the last run.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Deadline of the live lease.
    pub deadline: Option<Timestamp>,
    /// The accepted result; only where asked for.
    pub result: Option<RunResult>,
    /// Why it failed (ended), or why its last run did (waiting).
    pub error: Option<RunError>,
    /// Ended runs, oldest first; only for a single task.
    pub runs: Vec<RunRow>,
}

/// Filters of the task list; an empty one takes all. Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Any of these; empty: all.
    pub status: Vec<TaskStatus>,
    /// With the worker (live lease or last run).
    pub worker: Option<WorkerId>,
    /// Of the job.
    pub job: Option<JobId>,
    /// Created at or after.
    pub from: Option<Timestamp>,
    /// Created before.
    pub to: Option<Timestamp>,
    /// Only ids below: a deep read. Then `offset` is ignored.
    pub before: Option<TaskId>,
    /// Rows to pass over.
    pub offset: u64,
    /// Rows at most.
    pub limit: u32,
    /// Read the results too.
    pub with_result: bool,
}

/// A page of tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskPage {
    /// Newest first.
    pub items: Vec<TaskRow>,
    /// Of the filter, exact to 10,000.
    pub total: u64,
    /// Whether the count stopped at 10,000.
    pub total_is_estimate: bool,
}

/// A page of jobs, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct JobPage {
    /// With their balances.
    pub items: Vec<(Job, Counts)>,
    /// All jobs.
    pub total: u64,
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only of this job.
    pub job: Option<JobId>,
    /// Numbers above.
    pub since: u64,
    /// Events at most (whole rows: a little more may come).
    pub limit: u32,
}

/// A page of the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventPage {
    /// In the order of their numbers.
    pub rows: Vec<EventRow>,
    /// The number from which on the log is kept: those below were forgotten by age. 1 where nothing was.
    pub oldest: u64,
    /// The log's last number.
    pub last: u64,
}

/// Which role an API key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyRole {
    /// Reads.
    Viewer,
    /// And submits, cancels, retries.
    Operator,
    /// And workers, keys, hosts.
    Admin,
}

impl KeyRole {
    /// The word in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The inverse of [`KeyRole::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Viewer, Self::Operator, Self::Admin].into_iter().find(|r| r.as_str() == text)
    }
}

/// An API key; the secret itself is never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// Names it in logs and owns the key's implicit job.
    pub id: uuid::Uuid,
    /// For people.
    pub name: String,
    /// What it may do.
    pub role: KeyRole,
    /// First characters of the secret: what it is looked up by.
    pub prefix: String,
    /// SHA-256 of the secret as hex.
    pub hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What a worker's token is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerToken {
    /// Whose.
    pub worker: WorkerId,
    /// SHA-256 of the token as hex.
    pub hash: String,
}

/// What is known of a file that a worker brought. The bytes lie elsewhere, under their hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactRow {
    /// Names it.
    pub id: ArtifactId,
    /// Whose page it shows.
    pub task: TaskId,
    /// The run that brought it.
    pub run: Run,
    /// Who brought it.
    pub worker: WorkerId,
    /// `screenshot`, `html`.
    pub kind: String,
    /// A file name for people; never part of a path.
    pub name: String,
    /// As it is served.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// Of the content, as 64 lower-case hex digits.
    pub sha256: String,
    /// Pixels, of a picture.
    pub width: Option<u32>,
    /// Pixels, of a picture.
    pub height: Option<u32>,
    /// SHA-256 of the small picture's content, where there is one.
    pub thumbnail: Option<String>,
    /// When it arrived.
    pub created_at: Timestamp,
}

/// The reading side.
#[async_trait]
pub trait Reads: Send + Sync + 'static {
    /// One task with its runs and result.
    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, StoreError>;

    /// A page of tasks without runs, and without results unless asked for.
    async fn tasks(&self, filter: TaskFilter) -> Result<TaskPage, StoreError>;

    /// One job with its balance.
    async fn job(&self, id: JobId) -> Result<Option<(Job, Counts)>, StoreError>;

    /// A page of jobs.
    async fn jobs(&self, offset: u64, limit: u32) -> Result<JobPage, StoreError>;

    /// A page of the log.
    async fn events(&self, filter: EventFilter) -> Result<EventPage, StoreError>;

    /// The worker whose token has the prefix.
    async fn worker_token(&self, prefix: &str) -> Result<Option<WorkerToken>, StoreError>;

    /// Those of `workers` that aren't registered any more.
    async fn gone_workers(&self, workers: Vec<WorkerId>) -> Result<Vec<WorkerId>, StoreError>;

    /// The key with the prefix.
    async fn api_key(&self, prefix: &str) -> Result<Option<ApiKeyRow>, StoreError>;

    /// One artifact.
    async fn artifact(&self, id: ArtifactId) -> Result<Option<ArtifactRow>, StoreError>;

    /// The artifacts of a task, in the order of their arrival.
    async fn artifacts(&self, task: TaskId) -> Result<Vec<ArtifactRow>, StoreError>;

    /// Those of `hashes` that a row names, as its content or as its small picture.
    async fn named_artifacts(&self, hashes: Vec<String>) -> Result<Vec<String>, StoreError>;

    /// Who leads.
    async fn leader(&self) -> Result<Option<crate::LeaderRow>, StoreError>;

    /// Sum of all balances, from the tables.
    async fn total_counts(&self) -> Result<Counts, StoreError>;
}
