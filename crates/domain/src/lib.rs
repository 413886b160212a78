#![doc = include_str!("../README.md")]

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

pub use error::{Code, Rejection};
pub use event::{Event, EventRow};
pub use ids::{ArtifactId, GatewayId, IdGenerator, JobId, Run, SessionId, TaskId, WorkerId};
pub use job::{Counts, Job, JobKind, JobStatus};
pub use retry::{Verdict, judge};
pub use settings::Settings;
pub use task::{
    DEFAULT_KIND, Done, DoneStatus, ErrorType, LaneKey, Lease, Outcome, Place, Progress, RUNNABLE_KINDS,
    RunError, RunResult, RunRow, TaskBody, Waiting,
};
pub use time::Timestamp;
pub use worker::{NetworkInfo, RateLimit, ReportedStatus, WorkerConfig, WorkerRow, WorkerStats};
