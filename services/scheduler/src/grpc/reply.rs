//! Replies of the core as gRPC responses.

use serde::Serialize;
use tonic::{Response, Status};
use ukai_domain::scheduler::Reply;
use ukai_domain::{Code, Rejection};
use ukai_rpc::{Malformed, status_from_rejection, v1};

pub(super) fn refuse(malformed: Malformed) -> Status {
    status_from_rejection(&Rejection::new(Code::InvalidPayload, malformed.to_string()))
}

/// The core answered with another kind of reply than the command has: a bug.
pub(super) fn unexpected() -> Status {
    status_from_rejection(&Rejection::new(Code::InternalError, "internal error"))
}

pub(super) fn json<T: Serialize>(view: &T) -> Result<String, Status> {
    serde_json::to_string(view).map_err(|_| unexpected())
}

pub(super) fn document<T: Serialize>(view: &T) -> Result<Response<v1::DocumentResponse>, Status> {
    Ok(Response::new(v1::DocumentResponse { document: json(view)? }))
}

pub(super) fn job_response(reply: Reply) -> Result<Response<v1::JobResponse>, Status> {
    match reply {
        Reply::Job(job, counts) => {
            Ok(Response::new(v1::JobResponse { job: json(&job)?, counts: json(&counts)? }))
        }
        _ => Err(unexpected()),
    }
}

pub(super) fn task_response(reply: Reply) -> Result<Response<v1::TaskResponse>, Status> {
    match reply {
        Reply::Task(task) => Ok(Response::new(v1::TaskResponse { task: task.as_bytes().to_vec() })),
        _ => Err(unexpected()),
    }
}

pub(super) fn worker_response(reply: Reply) -> Result<Response<v1::WorkerResponse>, Status> {
    match reply {
        Reply::Worker(view) => Ok(Response::new(v1::WorkerResponse { worker: json(&view)? })),
        Reply::Ok => Ok(Response::new(v1::WorkerResponse { worker: String::new() })),
        _ => Err(unexpected()),
    }
}

pub(super) fn host_response(reply: Reply) -> Result<Response<v1::HostResponse>, Status> {
    match reply {
        Reply::Host(view) => Ok(Response::new(v1::HostResponse { host: json(&view)? })),
        _ => Err(unexpected()),
    }
}
