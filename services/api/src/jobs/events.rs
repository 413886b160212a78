//! `GET /api/jobs/{id}/events`.

use crate::error::ApiError;
use crate::extract::{JobPath, Query};
use crate::model::{Error, EventList};
use crate::state::App;
use axum::Json;
use axum::extract::State;

/// What happened in a job, in the order of the log's numbers.
#[utoipa::path(get, path = "/api/jobs/{id}/events", tag = "jobs", operation_id = "listJobEvents",
    params(
        ("id" = uuid::Uuid, Path, description = "The job"),
        ("since" = Option<u64>, Query, description = "Only numbers above; default 0: all that is kept"),
        ("limit" = Option<u32>, Query, description = "1 to 100; default 100"),
    ),
    responses(
        (status = 200, description = "Events", body = EventList),
        (status = 400, description = "`INVALID_PAYLOAD`, also for a `since` behind which events were forgotten", body = Error),
        (status = 404, description = "`JOB_NOT_FOUND`", body = Error),
    ))]
pub(crate) async fn list_job_events(
    State(app): State<App>,
    JobPath(id): JobPath,
    query: Query,
) -> Result<Json<EventList>, ApiError> {
    super::show::read(&app, id).await?;
    crate::events::read(&app, Some(id), query).await.map(Json)
}
