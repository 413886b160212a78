//! `GET /api/tasks/{id}`, and the reading that changes of a task end with.

use crate::error::ApiError;
use crate::extract::TaskPath;
use crate::model::{Detail, Error, Task};
use crate::state::{App, AppState};
use axum::Json;
use axum::extract::State;
use ukai_domain::TaskId;

/// A task with its result and its ended runs.
#[utoipa::path(get, path = "/api/tasks/{id}", tag = "tasks", operation_id = "getTask",
    params(("id" = uuid::Uuid, Path, description = "The task")),
    responses(
        (status = 200, description = "The task", body = Task),
        (status = 404, description = "`TASK_NOT_FOUND`", body = Error),
    ))]
pub(crate) async fn get_task(State(app): State<App>, TaskPath(id): TaskPath) -> Result<Json<Task>, ApiError> {
    read(&app, id, Detail::Full).await.map(Json)
}

/// The task as the store has it now.
pub(super) async fn read(app: &AppState, id: TaskId, detail: Detail) -> Result<Task, ApiError> {
    let row = app.reads.task(id).await?.ok_or_else(|| TaskPath::unknown(&id.to_string()))?;
    Ok(Task::new(row, detail))
}
