//! `GET /api/tasks/{id}/why`.

use crate::error::ApiError;
use crate::extract::TaskPath;
use crate::model::{Error, Why};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use ukai_domain::scheduler::WhyView;
use ukai_rpc::v1;

/// Why a task is where it is: what it waits for, who has it, or how each run ended.
#[utoipa::path(get, path = "/api/tasks/{id}/why", tag = "tasks", operation_id = "explainTask",
    params(("id" = uuid::Uuid, Path, description = "The task")),
    responses(
        (status = 200, description = "The reason", body = Why),
        (status = 404, description = "`TASK_NOT_FOUND`", body = Error),
    ))]
pub(crate) async fn explain_task(
    State(app): State<App>,
    TaskPath(id): TaskPath,
) -> Result<Json<Why>, ApiError> {
    let request = v1::TaskRequest { task: id.as_bytes().to_vec(), idempotency: None };
    let response = app.call(|mut scheduler| async move { scheduler.why_task(request).await }).await?;
    let view: WhyView = crate::scheduler::view(&response.document)?;
    Ok(Json(view.into()))
}
