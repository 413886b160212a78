//! `POST /api/tasks/batch`.

use super::{submission, submit};
use crate::error::ApiError;
use crate::extract::{Errors, FieldPath, Fields, JsonCommand};
use crate::model::{Error, TaskBatch, TaskBatchRequest};
use crate::state::{App, Limits};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use ukai_domain::{JobId, JobKind};
use ukai_rpc::v1;
use ukai_rpc::v1::submit_tasks_request::Job;

/// What each of `tasks` has itself; beside `productUrls` they are everybody's.
const OF_EACH: [&str; 5] = ["priority", "kind", "maxAttempts", "notBefore", "options"];

/// Accepts up to 10,000 tasks, all or nothing.
///
/// Without `jobId` they make a job of their own; where one of them is of the kind `crawl`, a crawl with the rules of
/// `crawl`.
#[utoipa::path(post, path = "/api/tasks/batch", tag = "tasks", operation_id = "createTasks",
    request_body = TaskBatchRequest,
    responses(
        (status = 201, description = "Accepted and durable", body = TaskBatch),
        (status = 400, description = "`INVALID_PAYLOAD`: nothing was accepted; `details` names each wrong field", body = Error),
        (status = 404, description = "`JOB_NOT_FOUND`", body = Error),
        (status = 409, description = "`CONFLICT`: the Idempotency-Key came with another body before, or the job is cancelled", body = Error),
    ))]
pub(crate) async fn create_tasks(
    State(app): State<App>,
    command: JsonCommand,
) -> Result<(StatusCode, Json<TaskBatch>), ApiError> {
    let (_, idempotency, mut fields) = command.into_parts();
    let mut errors = Errors::default();
    let job = submit::job_of(&mut fields, &mut errors);
    let name = fields.text("name", 1..=200, &mut errors);
    let crawl = fields.take("crawl");
    let named = job.as_ref().ok().and_then(Option::as_ref);
    let tasks = tasks(fields, named, &app.limits, &mut errors);
    let own = submit::own_crawl(crawl, &job, &tasks, name.as_deref(), &mut errors);
    errors.finish()?;
    let job = job?.map_or_else(|| own.unwrap_or_else(|| own_job(name, tasks.len())), submit::existing);
    let accepted = submit::submit(&app, job, tasks, idempotency).await?;
    let total = accepted.tasks.len() as u64;
    Ok((StatusCode::CREATED, Json(TaskBatch { items: accepted.tasks, total, job_id: accepted.job.0 })))
}

/// The job that a batch makes.
fn own_job(name: Option<String>, tasks: usize) -> Job {
    let name = name.unwrap_or_else(|| format!("batch of {tasks}"));
    Job::New(v1::NewJob { name, kind: JobKind::Scrape.as_str().to_owned(), weight: 1, crawl: None })
}

fn tasks(
    mut fields: Fields<'_>,
    job: Option<&JobId>,
    limits: &Limits,
    errors: &mut Errors,
) -> Vec<v1::NewTask> {
    match (fields.take("tasks"), fields.take("productUrls")) {
        (Some(tasks), None) => {
            for key in OF_EACH {
                if fields.take(key).is_some() {
                    fields.error(key, "must stand in each of tasks", errors);
                }
            }
            of_objects(tasks, job, limits, errors)
        }
        (None, Some(urls)) => of_urls(urls, fields, limits, errors),
        (Some(_), Some(_)) => {
            fields.error("productUrls", "must not stand beside tasks", errors);
            Vec::new()
        }
        (None, None) => {
            fields.error("tasks", "is required, or productUrls", errors);
            Vec::new()
        }
    }
}

/// All of them belong to `job`, where it is given, else to a new one: none has a job of its own.
fn of_objects(tasks: Value, job: Option<&JobId>, limits: &Limits, errors: &mut Errors) -> Vec<v1::NewTask> {
    let root = FieldPath::Root;
    let path = root.key("tasks");
    array(tasks, path, limits.batch_tasks, errors)
        .into_iter()
        .enumerate()
        .filter_map(|(index, item)| {
            let mut fields = Fields::of(item, path.index(index), errors)?;
            let other_job =
                |value: Value| value.as_str().and_then(JobId::parse).filter(|id| job == Some(id)).is_none();
            if fields.take("jobId").is_some_and(other_job) {
                fields.error("jobId", "must stand beside tasks, once for all of them", errors);
            }
            if fields.take("crawl").is_some() {
                fields.error("crawl", "must stand beside tasks, once for all of them", errors);
            }
            Some(submission::task(fields, limits.allow_private_targets, errors))
        })
        .collect()
}

fn of_urls(urls: Value, mut shared: Fields<'_>, limits: &Limits, errors: &mut Errors) -> Vec<v1::NewTask> {
    let root = FieldPath::Root;
    let path = root.key("productUrls");
    let template = submission::template(&mut shared, errors);
    array(urls, path, limits.batch_tasks, errors)
        .into_iter()
        .enumerate()
        .map(|(index, url)| {
            let mut task = template.clone();
            if let Err(message) = submission::aim(&mut task, url, limits.allow_private_targets) {
                errors.add(path.index(index), message);
            }
            task
        })
        .collect()
}

/// A non-empty array of bounded length; empty where it is wrong.
fn array(value: Value, path: FieldPath<'_>, max: usize, errors: &mut Errors) -> Vec<Value> {
    match value {
        Value::Array(items) if (1..=max).contains(&items.len()) => items,
        Value::Array(_) => {
            errors.add(path, format!("must have 1 to {max} elements"));
            Vec::new()
        }
        _ => {
            errors.add(path, "must be an array");
            Vec::new()
        }
    }
}
