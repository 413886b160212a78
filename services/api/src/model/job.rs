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
    /// What it follows and how far it is; of crawls alone.
    crawl: Option<Crawl>,
}

/// A crawl: what it follows and how far it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Crawl {
    /// Links away from a start page at most.
    max_depth: u16,
    /// Pages at most.
    max_pages: u32,
    /// `same-host`, `same-domain`, `same-path-prefix` or `any`.
    #[schema(example = "same-host")]
    scope: String,
    /// The path of `same-path-prefix`.
    prefix: Option<String>,
    /// Where there is any, a link must match one.
    include: Vec<String>,
    /// A link must match none.
    exclude: Vec<String>,
    /// Whether `robots.txt`, `nofollow` and robots meta tags are obeyed.
    respect_robots: bool,
    /// Pages that became tasks, start pages included.
    pages_found: u64,
    /// Pages whose links have not become tasks yet.
    open_expansions: u64,
    /// The links of those.
    links_pending: u64,
    /// Links that were found and are not followed, by the reason.
    links_skipped: LinksSkipped,
}

/// Links that are not followed. A link counts as often as it is found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinksSkipped {
    /// On pages at `maxDepth`.
    depth: u64,
    /// Out of the scope.
    scope: u64,
    /// Not included, or excluded.
    pattern: u64,
    /// Beyond `maxPages`.
    limit: u64,
    /// To pages that the crawl has already.
    duplicate: u64,
    /// No address of a page.
    invalid: u64,
    /// Forbidden by `robots.txt`.
    robots: u64,
    /// Marked `nofollow`, singly or as a page.
    nofollow: u64,
    /// Pictures, archives and other files that are no pages.
    file: u64,
    /// Beyond 1,000 of one page.
    cut: u64,
    /// The job was cancelled before they were looked at.
    cancelled: u64,
}

impl From<ukai_domain::Crawl> for Crawl {
    fn from(crawl: ukai_domain::Crawl) -> Self {
        let ukai_domain::Crawl { rules, progress } = crawl;
        let s = progress.skipped;
        Self {
            max_depth: rules.max_depth,
            max_pages: rules.max_pages,
            scope: rules.scope.as_str().to_owned(),
            prefix: rules.prefix,
            include: rules.include,
            exclude: rules.exclude,
            respect_robots: rules.respect_robots,
            pages_found: progress.pages,
            open_expansions: progress.open_expansions,
            links_pending: progress.pending_links,
            links_skipped: LinksSkipped {
                depth: s.depth,
                scope: s.scope,
                pattern: s.pattern,
                limit: s.limit,
                duplicate: s.duplicate,
                invalid: s.invalid,
                robots: s.robots,
                nofollow: s.nofollow,
                file: s.file,
                cut: s.cut,
                cancelled: s.cancelled,
            },
        }
    }
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
            crawl: job.crawl.map(|crawl| (*crawl).into()),
        }
    }
}
