//! `DELETE /api/workers/{id}`.

use crate::error::ApiError;
use crate::extract::WorkerPath;
use crate::model::Error;
use crate::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use ukai_rpc::v1;

/// Revokes the token, drops the socket and makes the worker's tasks ready again.
#[utoipa::path(delete, path = "/api/workers/{id}", tag = "workers", operation_id = "deleteWorker",
    params(("id" = uuid::Uuid, Path, description = "The worker")),
    responses(
        (status = 204, description = "Gone"),
        (status = 404, description = "`WORKER_NOT_FOUND`", body = Error),
    ))]
pub(crate) async fn delete_worker(
    State(app): State<App>,
    WorkerPath(id): WorkerPath,
) -> Result<StatusCode, ApiError> {
    let request = v1::WorkerRequest { worker: id.as_bytes().to_vec(), idempotency: None };
    app.call(|mut scheduler| async move { scheduler.delete_worker(request).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
