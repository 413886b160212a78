//! What leaves: the public shape of everything, with its OpenAPI schemas.
//!
//! Fields of answers are always present and `null` where empty; times are RFC 3339 with milliseconds.

mod artifact;
mod error;
mod event;
mod host;
mod job;
mod queue;
mod raw;
mod request;
mod run;
mod task;
mod task_list;
mod time;
mod why;
mod worker;

pub(crate) use artifact::{Artifact, ArtifactList};
pub(crate) use error::Error;
pub(crate) use event::EventList;
pub(crate) use host::Host;
pub(crate) use job::{Job, JobList};
pub(crate) use queue::{Balance, Queue};
pub(crate) use raw::RawJson;
pub(crate) use request::{
    HostRequest, NewJobRequest, NewTaskRequest, NewWorkerRequest, TaskBatchRequest, WorkerConfigRequest,
};
pub(crate) use task::{Detail, Task};
pub(crate) use task_list::{TaskBatch, TaskList};
pub(crate) use time::Time;
pub(crate) use why::Why;
pub(crate) use worker::{Worker, WorkerList};
