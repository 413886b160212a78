//! `POST /api/tasks`.

use super::{submission, submit};
use crate::error::ApiError;
use crate::extract::{Errors, JsonCommand};
use crate::model::{Error, NewTaskRequest, Task};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

/// Accepts a task. Once answered with 201 it is never lost.
///
/// Of the kind `crawl` it starts a crawl: a job of its own with the rules of `crawl`, or one more start page of the
/// job that `jobId` names.
#[utoipa::path(post, path = "/api/tasks", tag = "tasks", operation_id = "createTask",
    request_body = NewTaskRequest,
    responses(
        (status = 201, description = "Accepted and durable", body = Task),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
        (status = 404, description = "`JOB_NOT_FOUND`", body = Error),
        (status = 409, description = "`CONFLICT`: the Idempotency-Key came with another body before, or the job is cancelled", body = Error),
    ))]
pub(crate) async fn create_task(
    State(app): State<App>,
    command: JsonCommand,
) -> Result<(StatusCode, Json<Task>), ApiError> {
    let (principal, idempotency, mut fields) = command.into_parts();
    let mut errors = Errors::default();
    let job = submit::job_of(&mut fields, &mut errors);
    let crawl = fields.take("crawl");
    let task = submission::task(fields, app.limits.allow_private_targets, &mut errors);
    let own = submit::own_crawl(crawl, &job, std::slice::from_ref(&task), None, &mut errors);
    errors.finish()?;
    let job = job?.map_or_else(|| own.unwrap_or_else(|| submit::implicit(&principal)), submit::existing);
    let mut accepted = submit::submit(&app, job, vec![task], idempotency).await?;
    match accepted.tasks.pop() {
        Some(task) => Ok((StatusCode::CREATED, Json(task))),
        None => Err(ApiError::internal("the scheduler's answer can't be understood", &"no task")),
    }
}
