//! `DELETE /api/tasks/{id}`: cancels, or with `purge=true` removes an ended task.

use super::show;
use crate::error::ApiError;
use crate::extract::{Query, TaskPath};
use crate::model::{Detail, Error, Task};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ukai_rpc::v1;

/// Cancels a task that has not ended; a worker that has it is told.
#[utoipa::path(delete, path = "/api/tasks/{id}", tag = "tasks", operation_id = "cancelTask",
    params(
        ("id" = uuid::Uuid, Path, description = "The task"),
        ("purge" = Option<bool>, Query, description = "Remove an ended task for ever instead"),
    ),
    responses(
        (status = 200, description = "The cancelled task", body = Task),
        (status = 204, description = "Purged"),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
        (status = 404, description = "`TASK_NOT_FOUND`", body = Error),
        (status = 409, description = "`CONFLICT`: it has ended, or to be purged it has not", body = Error),
    ))]
pub(crate) async fn cancel_task(
    State(app): State<App>,
    TaskPath(id): TaskPath,
    mut query: Query,
) -> Result<Response, ApiError> {
    let purge = query.flag("purge");
    query.finish()?;
    let request = v1::TaskRequest { task: id.as_bytes().to_vec(), idempotency: None };
    if purge {
        app.call(|mut scheduler| async move { scheduler.purge_task(request).await }).await?;
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    app.call(|mut scheduler| async move { scheduler.cancel_task(request).await }).await?;
    let task = show::read(&app, id, Detail::WithResult).await?;
    Ok(Json(task).into_response())
}
