//! `POST /api/tasks/{id}/retry`.

use super::show;
use crate::error::ApiError;
use crate::extract::{Command, TaskPath};
use crate::model::{Detail, Error, Task};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use ukai_rpc::v1;

/// Puts a failed or cancelled task back, attempts from 1.
#[utoipa::path(post, path = "/api/tasks/{id}/retry", tag = "tasks", operation_id = "retryTask",
    params(("id" = uuid::Uuid, Path, description = "The task")),
    responses(
        (status = 200, description = "The task, pending again", body = Task),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
        (status = 404, description = "`TASK_NOT_FOUND`", body = Error),
        (status = 409, description = "`CONFLICT`: it neither failed nor was cancelled", body = Error),
    ))]
pub(crate) async fn retry_task(
    State(app): State<App>,
    TaskPath(id): TaskPath,
    command: Command,
) -> Result<Json<Task>, ApiError> {
    let request = v1::TaskRequest { task: id.as_bytes().to_vec(), idempotency: command.idempotency };
    app.call(|mut scheduler| async move { scheduler.retry_task(request).await }).await?;
    show::read(&app, id, Detail::WithResult).await.map(Json)
}
