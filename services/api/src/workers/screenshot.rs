//! `POST /api/workers/{id}/screenshot`.

use super::show::from_leader;
use crate::artifacts::{LIVE, MOST_LIVE};
use crate::error::ApiError;
use crate::extract::{Command, WorkerPath};
use crate::model::{Artifact, Error};
use crate::state::{App, AppState};
use axum::Json;
use axum::extract::State;
use std::time::Duration;
use ukai_domain::{Code, Run, TaskId, WorkerId};
use ukai_rpc::v1;
use ukai_store::ArtifactRow;

/// How often the store is asked whether the picture is there.
const EVERY: Duration = Duration::from_millis(200);

/// Shows what a worker's browser shows right now: the page of the run that it began last, as an artifact of the kind
/// `live`. The page isn't held up. A repeat takes another picture; a run gives at most 12.
#[utoipa::path(post, path = "/api/workers/{id}/screenshot", tag = "workers", operation_id = "screenshotWorker",
    params(("id" = uuid::Uuid, Path, description = "The worker")),
    responses(
        (status = 200, description = "The picture", body = Artifact),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
        (status = 404, description = "`WORKER_NOT_FOUND`", body = Error),
        (status = 409, description = "`CONFLICT`: it is disconnected, has no page open, or its run has given 12 such pictures", body = Error),
        (status = 503, description = "`UNAVAILABLE`: no picture came within 10 s, no scheduler leads, or the store is away; try again", body = Error,
            headers(("Retry-After" = u32, description = "Seconds"))),
    ))]
pub(crate) async fn screenshot_worker(
    State(app): State<App>,
    WorkerPath(id): WorkerPath,
    _command: Command,
) -> Result<Json<Artifact>, ApiError> {
    let before = earlier(&app, id).await?;
    let request = v1::WorkerRequest { worker: id.as_bytes().to_vec(), idempotency: None };
    let shown = app.call(|mut scheduler| async move { scheduler.screenshot_worker(request).await }).await?;
    let task = TaskId::from_slice(&shown.task)
        .ok_or_else(|| ApiError::internal("the scheduler's answer can't be understood", &"no task id"))?;
    let run = Run(shown.run);
    if before.iter().filter(|row| row.task == task && row.run == run).count() >= MOST_LIVE {
        let message = format!("this run has given {MOST_LIVE} live pictures, its most");
        return Err(ApiError::new(Code::Conflict, message));
    }
    let row = tokio::time::timeout(app.limits.picture, arrival(&app, task, run, &before)).await;
    let row = row.map_err(|_elapsed| {
        let message =
            "no picture came in time: the page has just ended, or this worker takes none; try again";
        ApiError::new(Code::Unavailable, message)
    })??;
    Ok(Json(Artifact::new(row, &app.artifacts)))
}

/// The live pictures of the worker's runs that are there already. They are told from the new one by their ids: clocks
/// of several machines don't agree on what is newer.
async fn earlier(app: &AppState, id: WorkerId) -> Result<Vec<ArtifactRow>, ApiError> {
    let mut earlier = Vec::new();
    for task in from_leader(app, id).await?.current_tasks {
        earlier.extend(live(app, task).await?);
    }
    Ok(earlier)
}

/// Waits for the first that isn't among the earlier ones.
async fn arrival(
    app: &AppState,
    task: TaskId,
    run: Run,
    before: &[ArtifactRow],
) -> Result<ArtifactRow, ApiError> {
    loop {
        let is_new = |row: &ArtifactRow| row.run == run && !before.iter().any(|known| known.id == row.id);
        if let Some(row) = live(app, task).await?.find(is_new) {
            return Ok(row);
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn live(app: &AppState, task: TaskId) -> Result<impl Iterator<Item = ArtifactRow> + use<>, ApiError> {
    Ok(app.reads.artifacts(task).await?.into_iter().filter(|row| row.kind == LIVE))
}
