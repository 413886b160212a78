//! `GET /api/workers`.

use crate::error::ApiError;
use crate::extract::Query;
use crate::model::{Error, Worker, WorkerList};
use crate::scheduler::view;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use ukai_domain::scheduler::WorkerView;
use ukai_rpc::v1;

/// Workers as the leader sees them now, newest first.
#[utoipa::path(get, path = "/api/workers", tag = "workers", operation_id = "listWorkers",
    params(
        ("page" = Option<u32>, Query, description = "From 1; default 1"),
        ("limit" = Option<u32>, Query, description = "1 to 100; default 20"),
    ),
    responses(
        (status = 200, description = "A page", body = WorkerList),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
    ))]
pub(crate) async fn list_workers(
    State(app): State<App>,
    mut query: Query,
) -> Result<Json<WorkerList>, ApiError> {
    let page = query.page();
    query.finish()?;
    let request = v1::ListWorkersRequest { page: page.page, limit: page.limit };
    let response = app.call(|mut scheduler| async move { scheduler.list_workers(request).await }).await?;
    let items = response
        .workers
        .iter()
        .map(|json| view::<WorkerView>(json).map(Worker::from))
        .collect::<Result<_, _>>()?;
    Ok(Json(WorkerList { items, page: page.page, limit: page.limit, total: response.total }))
}
