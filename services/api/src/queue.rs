//! `GET /api/queue`.

use crate::error::ApiError;
use crate::model::Queue;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use ukai_domain::Code;
use ukai_domain::scheduler::QueueView;
use ukai_rpc::v1;

/// The balance of all tasks, overall and per job, the depth per kind and the oldest age.
///
/// While no scheduler leads, the totals come from the store and `stale` is true.
#[utoipa::path(get, path = "/api/queue", tag = "queue", operation_id = "getQueue",
    responses((status = 200, description = "The queue now", body = Queue)))]
pub(crate) async fn get_queue(State(app): State<App>) -> Result<Json<Queue>, ApiError> {
    match app.call(|mut scheduler| async move { scheduler.get_queue(v1::GetQueueRequest {}).await }).await {
        Ok(response) => {
            let view: QueueView = crate::scheduler::view(&response.document)?;
            Ok(Json(Queue::new(view, app.now())))
        }
        Err(error) if error.code() == Code::Unavailable => {
            let total = app.reads.total_counts().await?;
            Ok(Json(Queue::stale(&total)))
        }
        Err(error) => Err(error),
    }
}
