//! `GET /api/jobs`.

use crate::error::ApiError;
use crate::extract::Query;
use crate::model::{Error, Job, JobList};
use crate::state::App;
use axum::Json;
use axum::extract::State;

/// Jobs with their balances, newest first.
#[utoipa::path(get, path = "/api/jobs", tag = "jobs", operation_id = "listJobs",
    params(
        ("page" = Option<u32>, Query, description = "From 1; default 1"),
        ("limit" = Option<u32>, Query, description = "1 to 100; default 20"),
    ),
    responses(
        (status = 200, description = "A page", body = JobList),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
    ))]
pub(crate) async fn list_jobs(State(app): State<App>, mut query: Query) -> Result<Json<JobList>, ApiError> {
    let page = query.page();
    query.finish()?;
    let found = app.reads.jobs(page.offset(), page.limit).await?;
    let rows = found.items.len();
    // A job that is being deleted is gone already.
    let kept = found.items.into_iter().filter(|(job, _)| !job.deleting);
    let items: Vec<Job> = kept.map(|(job, counts)| Job::new(job, &counts)).collect();
    let total = found.total.saturating_sub((rows - items.len()) as u64);
    Ok(Json(JobList { items, page: page.page, limit: page.limit, total }))
}
