//! `GET /api/events`, and the reading that a job's events share.

use crate::error::ApiError;
use crate::extract::{MAX_LIMIT, Query};
use crate::model::{Error, EventList};
use crate::state::{App, AppState};
use axum::Json;
use axum::extract::State;
use ukai_domain::JobId;
use ukai_store::EventFilter;

/// The log of all that happened, in the order of its numbers.
#[utoipa::path(get, path = "/api/events", tag = "events", operation_id = "listEvents",
    params(
        ("since" = Option<u64>, Query, description = "Only numbers above; default 0: all that is kept"),
        ("limit" = Option<u32>, Query, description = "1 to 100; default 100"),
    ),
    responses(
        (status = 200, description = "Events", body = EventList),
        (status = 400, description = "`INVALID_PAYLOAD`, also for a `since` behind which events were forgotten", body = Error),
    ))]
pub(crate) async fn list_events(State(app): State<App>, query: Query) -> Result<Json<EventList>, ApiError> {
    read(&app, None, query).await.map(Json)
}

/// The events that `since` and `limit` of the request name.
pub(crate) async fn read(
    app: &AppState,
    job: Option<JobId>,
    mut query: Query,
) -> Result<EventList, ApiError> {
    let since = query.number("since", |_: &i64| true, "must be an integer from 0").unwrap_or(0);
    let limit = query
        .number("limit", |n| (1..=MAX_LIMIT).contains(n), "must be an integer from 1 to 100")
        .unwrap_or(MAX_LIMIT);
    query.finish()?;
    let since = u64::try_from(since).unwrap_or(0);
    let page = app.reads.events(EventFilter { job, since, limit }).await?;
    if since > 0 && since + 1 < page.oldest {
        // Whoever has read that far would miss what followed, and never know.
        let text = format!("must be 0 or at least {}: older events were forgotten", page.oldest - 1);
        return Err(ApiError::field("since", text));
    }
    Ok(EventList::new(page, since, limit as usize))
}
