//! `POST /api/jobs`.

use crate::error::ApiError;
use crate::extract::{Errors, Fields, JsonCommand};
use crate::model::{Error, Job, NewJobRequest};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use ukai_domain::JobKind;
use ukai_rpc::v1;

/// Kinds of jobs that this version can run.
const RUNNABLE: [JobKind; 2] = [JobKind::Scrape, JobKind::Crawl];

/// Makes an empty job; tasks join it by `jobId`.
#[utoipa::path(post, path = "/api/jobs", tag = "jobs", operation_id = "createJob",
    request_body = NewJobRequest,
    responses(
        (status = 201, description = "The job", body = Job),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
        (status = 409, description = "`CONFLICT`: the Idempotency-Key came with another body before", body = Error),
    ))]
pub(crate) async fn create_job(
    State(app): State<App>,
    command: JsonCommand,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    let (_, idempotency, mut fields) = command.into_parts();
    let mut errors = Errors::default();
    let job = new_job(&mut fields, &mut errors);
    errors.finish()?;
    let request = v1::CreateJobRequest { job: Some(job), idempotency };
    let response = app.call(|mut scheduler| async move { scheduler.create_job(request).await }).await?;
    Ok((StatusCode::CREATED, Json(super::show::from_response(&response)?)))
}

fn new_job(fields: &mut Fields<'_>, errors: &mut Errors) -> v1::NewJob {
    let kind = kind(fields, errors);
    v1::NewJob {
        name: fields.required_text("name", 1..=200, errors),
        weight: fields.integer("weight", 1..=1_000, errors).unwrap_or(1),
        crawl: super::crawl::rules(fields, kind, None, errors).map(|rules| ukai_rpc::crawl_json(&rules)),
        kind: kind.as_str().to_owned(),
    }
}

fn kind(fields: &mut Fields<'_>, errors: &mut Errors) -> JobKind {
    let Some(value) = fields.take("kind") else { return JobKind::Scrape };
    let kind = match &value {
        Value::String(word) => JobKind::parse(word).filter(|kind| RUNNABLE.contains(kind)),
        _ => None,
    };
    if kind.is_none() {
        fields.error("kind", "must be a kind that this version can run: scrape, crawl", errors);
    }
    kind.unwrap_or(JobKind::Scrape)
}
