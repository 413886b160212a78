//! `GET /api/tasks/{id}/artifacts`.

use crate::error::ApiError;
use crate::extract::{Query, TaskPath};
use crate::model::{Artifact, ArtifactList, Error};
use crate::state::App;
use axum::Json;
use axum::extract::State;

/// The files of a task, newest first: what the server keeps, whatever a worker's report says.
#[utoipa::path(get, path = "/api/tasks/{id}/artifacts", tag = "artifacts", operation_id = "listTaskArtifacts",
    params(
        ("id" = uuid::Uuid, Path, description = "The task"),
        ("page" = Option<u32>, Query, minimum = 1, description = "From 1"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Items of a page, 20 if absent"),
    ),
    responses(
        (status = 200, description = "A page", body = ArtifactList),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
        (status = 404, description = "`TASK_NOT_FOUND`", body = Error),
    ))]
pub(crate) async fn list_task_artifacts(
    State(app): State<App>,
    TaskPath(id): TaskPath,
    mut query: Query,
) -> Result<Json<ArtifactList>, ApiError> {
    let page = query.page();
    query.finish()?;
    let rows = app.reads.artifacts(id).await?;
    if rows.is_empty() && app.reads.task(id).await?.is_none() {
        return Err(TaskPath::unknown(&id.to_string()));
    }
    let total = rows.len() as u64;
    let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let items = rows.into_iter().rev().skip(skipped).take(page.limit as usize);
    let items = items.map(|row| Artifact::new(row, &app.artifacts)).collect();
    Ok(Json(ArtifactList { items, page: page.page, limit: page.limit, total }))
}
