//! `POST /api/jobs/{id}/pause|resume|cancel` and `DELETE /api/jobs/{id}`: one call of the leader each.

use super::show::from_response;
use crate::error::ApiError;
use crate::extract::{Command, JobPath};
use crate::model::{Error, Job};
use crate::state::{App, AppState};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ukai_domain::JobId;
use ukai_rpc::v1;

/// Hands nothing of the job out until it is resumed; running tasks go on.
#[utoipa::path(post, path = "/api/jobs/{id}/pause", tag = "jobs", operation_id = "pauseJob",
    params(("id" = uuid::Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The paused job", body = Job),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
        (status = 404, description = "`JOB_NOT_FOUND`", body = Error),
        (status = 409, description = "`CONFLICT`: it has ended", body = Error),
    ))]
pub(crate) async fn pause_job(
    State(app): State<App>,
    JobPath(id): JobPath,
    command: Command,
) -> Result<Json<Job>, ApiError> {
    from_response(&control(&app, id, v1::JobAction::Pause, command.idempotency).await?).map(Json)
}

/// Hands the job's tasks out again.
#[utoipa::path(post, path = "/api/jobs/{id}/resume", tag = "jobs", operation_id = "resumeJob",
    params(("id" = uuid::Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The job", body = Job),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
        (status = 404, description = "`JOB_NOT_FOUND`", body = Error),
        (status = 409, description = "`CONFLICT`: it has ended", body = Error),
    ))]
pub(crate) async fn resume_job(
    State(app): State<App>,
    JobPath(id): JobPath,
    command: Command,
) -> Result<Json<Job>, ApiError> {
    from_response(&control(&app, id, v1::JobAction::Resume, command.idempotency).await?).map(Json)
}

/// Ends the job: running tasks are cancelled at once, waiting ones in the background.
#[utoipa::path(post, path = "/api/jobs/{id}/cancel", tag = "jobs", operation_id = "cancelJob",
    params(("id" = uuid::Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The cancelled job", body = Job),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
        (status = 404, description = "`JOB_NOT_FOUND`", body = Error),
        (status = 409, description = "`CONFLICT`: it has ended", body = Error),
    ))]
pub(crate) async fn cancel_job(
    State(app): State<App>,
    JobPath(id): JobPath,
    command: Command,
) -> Result<Json<Job>, ApiError> {
    from_response(&control(&app, id, v1::JobAction::Cancel, command.idempotency).await?).map(Json)
}

/// Cancels what is open, then removes the job with its tasks in the background.
#[utoipa::path(delete, path = "/api/jobs/{id}", tag = "jobs", operation_id = "deleteJob",
    params(("id" = uuid::Uuid, Path, description = "The job")),
    responses(
        (status = 204, description = "Nothing of it is handed out any more"),
        (status = 404, description = "`JOB_NOT_FOUND`", body = Error),
        (status = 409, description = "`CONFLICT`: an implicit job stays", body = Error),
    ))]
pub(crate) async fn delete_job(State(app): State<App>, JobPath(id): JobPath) -> Result<StatusCode, ApiError> {
    control(&app, id, v1::JobAction::Delete, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn control(
    app: &AppState,
    job: JobId,
    action: v1::JobAction,
    idempotency: Option<v1::Idempotency>,
) -> Result<v1::JobResponse, ApiError> {
    let request = v1::ControlJobRequest { job: job.as_bytes().to_vec(), action: action.into(), idempotency };
    app.call(|mut scheduler| async move { scheduler.control_job(request).await }).await
}
