#![doc = include_str!("../README.md")]

mod crawl;
mod error;
mod event;
mod ids;
mod job;
mod retry;
pub mod scheduler;
mod settings;
mod task;
mod time;
mod worker;

pub use crawl::{
    Crawl, CrawlProgress, CrawlRules, Expansion, Judged, LinksSkipped, MAX_CRAWL_OPTIONS, MAX_DEPTH,
    MAX_LINK, MAX_LINKS, MAX_PAGES, MAX_PATTERN, MAX_PATTERNS, PageUrl, Scope, UrlHash,
};
pub use error::{Code, Rejection};
pub use event::{Event, EventRow};
pub use ids::{ArtifactId, GatewayId, IdGenerator, JobId, Run, SessionId, TaskId, WorkerId};
pub use job::{Counts, Job, JobKind, JobStatus};
pub use retry::{Verdict, judge};
pub use settings::Settings;
pub use task::{
    CRAWL_KIND, DEFAULT_KIND, Done, DoneStatus, ErrorType, LaneKey, Lease, Outcome, Place, Progress,
    ROBOTS_DISALLOWED, RUNNABLE_KINDS, RunError, RunResult, RunRow, TaskBody, Waiting,
};
pub use time::Timestamp;
pub use worker::{NetworkInfo, RateLimit, ReportedStatus, WorkerConfig, WorkerRow, WorkerStats};
