//! `GET /api/workers/{id}`.

use crate::error::ApiError;
use crate::extract::WorkerPath;
use crate::model::{Error, Worker};
use crate::scheduler::view;
use crate::state::{App, AppState};
use axum::Json;
use axum::extract::State;
use ukai_domain::WorkerId;
use ukai_domain::scheduler::WorkerView;
use ukai_rpc::v1;

/// A worker as the leader sees it now.
#[utoipa::path(get, path = "/api/workers/{id}", tag = "workers", operation_id = "getWorker",
    params(("id" = uuid::Uuid, Path, description = "The worker")),
    responses(
        (status = 200, description = "The worker", body = Worker),
        (status = 404, description = "`WORKER_NOT_FOUND`", body = Error),
    ))]
pub(crate) async fn get_worker(
    State(app): State<App>,
    WorkerPath(id): WorkerPath,
) -> Result<Json<Worker>, ApiError> {
    from_leader(&app, id).await.map(Worker::from).map(Json)
}

/// The worker as the leader sees it now.
pub(super) async fn from_leader(app: &AppState, id: WorkerId) -> Result<WorkerView, ApiError> {
    let request = v1::WorkerRequest { worker: id.as_bytes().to_vec(), idempotency: None };
    let response = app.call(|mut scheduler| async move { scheduler.get_worker(request).await }).await?;
    view(&response.worker)
}

/// The worker in an answer of the leader.
pub(super) fn from_response(response: &v1::WorkerResponse) -> Result<Worker, ApiError> {
    view::<WorkerView>(&response.worker).map(Worker::from)
}
