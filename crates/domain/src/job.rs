//! Jobs: named groups of tasks with a weight in the fair queue and a count of each state.

use crate::{Crawl, JobId, Timestamp};
use serde::{Deserialize, Serialize};

/// What made the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Tasks as submitted.
    Scrape,
    /// Follows links.
    Crawl,
    /// A pipeline of stages.
    Automation,
    /// A strategy's tick.
    Strategy,
}

impl JobKind {
    /// The word of `kind`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scrape => "scrape",
            Self::Crawl => "crawl",
            Self::Automation => "automation",
            Self::Strategy => "strategy",
        }
    }

    /// The inverse of [`JobKind::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Scrape, Self::Crawl, Self::Automation, Self::Strategy].into_iter().find(|k| k.as_str() == text)
    }
}

/// The life of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Nothing was handed out yet.
    Pending,
    /// At least one task was.
    Running,
    /// Nothing is handed out until resumed.
    Paused,
    /// All tasks ended and one succeeded.
    Completed,
    /// All tasks ended and none did.
    Failed,
    /// By an operator.
    Cancelled,
}

impl JobStatus {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Running, Self::Paused, Self::Completed, Self::Failed, Self::Cancelled];

    /// The word of `status`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The inverse of [`JobStatus::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// Whether the job has ended.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Running | Self::Paused => false,
            Self::Completed | Self::Failed | Self::Cancelled => true,
        }
    }
}

/// A job's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Given by the leader; an implicit job's is derived from its key.
    pub id: JobId,
    /// For people.
    pub name: String,
    /// What made it.
    pub kind: JobKind,
    /// Its life. `Cancelled` with open tasks is a cancel intent that is still being swept.
    pub status: JobStatus,
    /// Share in the fair queue, 1–1000; 1 by default.
    pub weight: u32,
    /// The job of tasks that named none: it never ends.
    pub implicit: bool,
    /// Delete intent: once swept, the job and its tasks are gone.
    pub deleting: bool,
    /// When it was committed.
    pub created_at: Timestamp,
    /// First hand-out.
    pub started_at: Option<Timestamp>,
    /// End.
    pub completed_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
    /// What it follows and how far it is; of crawls alone.
    #[serde(default)]
    pub crawl: Option<Box<Crawl>>,
}

impl Job {
    /// Pages whose links have not become tasks yet: the job isn't through while there is one.
    #[must_use]
    pub fn open_expansions(&self) -> u64 {
        self.crawl.as_ref().map_or(0, |crawl| crawl.progress.open_expansions)
    }
}

/// The balance that always holds: `submitted = ready + delayed + leased + completed + failed + cancelled + purged`.
/// As a delta each field may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Ever accepted.
    pub submitted: i64,
    /// May be handed out.
    pub ready: i64,
    /// Waiting for a time.
    pub delayed: i64,
    /// With a worker.
    pub leased: i64,
    /// Ended with a result.
    pub completed: i64,
    /// Ended without.
    pub failed: i64,
    /// Ended by an operator.
    pub cancelled: i64,
    /// Removed after their end.
    pub purged: i64,
    /// Extracted records.
    pub items: i64,
}

impl Counts {
    /// Whether the balance holds.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.submitted
            == self.ready
                + self.delayed
                + self.leased
                + self.completed
                + self.failed
                + self.cancelled
                + self.purged
    }

    /// Tasks that have not ended.
    #[must_use]
    pub fn open(&self) -> i64 {
        self.ready + self.delayed + self.leased
    }

    /// Field by field.
    pub fn add(&mut self, delta: &Self) {
        self.submitted += delta.submitted;
        self.ready += delta.ready;
        self.delayed += delta.delayed;
        self.leased += delta.leased;
        self.completed += delta.completed;
        self.failed += delta.failed;
        self.cancelled += delta.cancelled;
        self.purged += delta.purged;
        self.items += delta.items;
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}
