//! Jobs.

use super::{Balance, Time};
use serde::Serialize;
use ukai_domain::{Counts, JobKind, JobStatus};
use utoipa::ToSchema;
use uuid::Uuid;

/// A named group of tasks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Job {
    /// Given when it was made.
    id: Uuid,
    /// For people.
    #[schema(example = "spring prices")]
    name: String,
    /// What made it.
    kind: JobKindWord,
    /// Where it is in its life.
    status: JobStatusWord,
    /// Share in the fair queue.
    #[schema(minimum = 1, maximum = 1000, example = 1)]
    weight: u32,
    /// Its tasks by where they are.
    counts: Balance,
    /// Extracted records.
    items_scraped: i64,
    /// Records, and tasks that may still bring one or ended without.
    items_total: i64,
    /// When it was made.
    created_at: Time,
    /// First hand-out.
    started_at: Option<Time>,
    /// When it ended, however it did.
    completed_at: Option<Time>,
    /// Why it failed.
    error: Option<String>,
}

/// What made the job.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = JobKind)]
pub(crate) enum JobKindWord {
    Scrape,
    Crawl,
    Automation,
    Strategy,
}

/// The life of a job.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = JobStatus)]
pub(crate) enum JobStatusWord {
    Pending,
    Running,
    Paused,
    Completed,
    Failed,
    Cancelled,
}

/// A page of jobs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobList {
    /// What is on it.
    pub(crate) items: Vec<Job>,
    /// From 1.
    pub(crate) page: u32,
    /// Items of a page at most.
    pub(crate) limit: u32,
    /// All jobs.
    pub(crate) total: u64,
}

impl Job {
    pub(crate) fn new(job: ukai_domain::Job, counts: &Counts) -> Self {
        Self {
            id: job.id.0,
            name: job.name,
            kind: match job.kind {
                JobKind::Scrape => JobKindWord::Scrape,
                JobKind::Crawl => JobKindWord::Crawl,
                JobKind::Automation => JobKindWord::Automation,
                JobKind::Strategy => JobKindWord::Strategy,
            },
            status: match job.status {
                JobStatus::Pending => JobStatusWord::Pending,
                JobStatus::Running => JobStatusWord::Running,
                JobStatus::Paused => JobStatusWord::Paused,
                JobStatus::Completed => JobStatusWord::Completed,
                JobStatus::Failed => JobStatusWord::Failed,
                JobStatus::Cancelled => JobStatusWord::Cancelled,
            },
            weight: job.weight,
            counts: Balance::from(counts),
            items_scraped: counts.items,
            items_total: counts.items + counts.open() + counts.failed + counts.cancelled,
            created_at: job.created_at.into(),
            started_at: job.started_at.map(Time),
            completed_at: job.completed_at.map(Time),
            error: job.error,
        }
    }
}
