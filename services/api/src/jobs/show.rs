//! `GET /api/jobs/{id}`.

use crate::error::ApiError;
use crate::extract::JobPath;
use crate::model::{Error, Job};
use crate::scheduler::view;
use crate::state::{App, AppState};
use axum::Json;
use axum::extract::State;
use ukai_domain::{Counts, JobId};
use ukai_rpc::v1;

/// A job with its balance.
#[utoipa::path(get, path = "/api/jobs/{id}", tag = "jobs", operation_id = "getJob",
    params(("id" = uuid::Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The job", body = Job),
        (status = 404, description = "`JOB_NOT_FOUND`", body = Error),
    ))]
pub(crate) async fn get_job(State(app): State<App>, JobPath(id): JobPath) -> Result<Json<Job>, ApiError> {
    let (job, counts) = read(&app, id).await?;
    Ok(Json(Job::new(job, &counts)))
}

/// A job of the store. One that is being deleted is gone already.
pub(crate) async fn read(app: &AppState, id: JobId) -> Result<(ukai_domain::Job, Counts), ApiError> {
    let found = app.reads.job(id).await?.filter(|(job, _)| !job.deleting);
    found.ok_or_else(|| JobPath::unknown(&id.to_string()))
}

/// The job in an answer of the leader.
pub(super) fn from_response(response: &v1::JobResponse) -> Result<Job, ApiError> {
    Ok(Job::new(view(&response.job)?, &view(&response.counts)?))
}
