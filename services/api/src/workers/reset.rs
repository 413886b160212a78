//! `POST /api/workers/{id}/reset`.

use super::show::from_response;
use crate::error::ApiError;
use crate::extract::{Command, WorkerPath};
use crate::model::{Error, Worker};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use ukai_rpc::v1;

/// Clears a block, so that the worker gets tasks again.
#[utoipa::path(post, path = "/api/workers/{id}/reset", tag = "workers", operation_id = "resetWorker",
    params(("id" = uuid::Uuid, Path, description = "The worker")),
    responses(
        (status = 200, description = "The worker", body = Worker),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
        (status = 404, description = "`WORKER_NOT_FOUND`", body = Error),
        (status = 409, description = "`CONFLICT`: it isn't blocked", body = Error),
    ))]
pub(crate) async fn reset_worker(
    State(app): State<App>,
    WorkerPath(id): WorkerPath,
    command: Command,
) -> Result<Json<Worker>, ApiError> {
    let request = v1::WorkerRequest { worker: id.as_bytes().to_vec(), idempotency: command.idempotency };
    let response = app.call(|mut scheduler| async move { scheduler.reset_worker(request).await }).await?;
    from_response(&response).map(Json)
}
