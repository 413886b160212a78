//! The call that single tasks and batches share.

use crate::auth::{Principal, implicit_job};
use crate::error::ApiError;
use crate::extract::{Errors, FieldPath, Fields, JobPath};
use crate::model::Task;
use crate::state::AppState;
use serde_json::Value;
use ukai_domain::{CRAWL_KIND, JobId, JobKind, TaskId, Timestamp};
use ukai_rpc::v1;
use ukai_rpc::v1::submit_tasks_request::Job;

/// What the leader accepted.
pub(super) struct Accepted {
    pub(super) job: JobId,
    pub(super) tasks: Vec<Task>,
}

/// The job that the body names. Text that is no UUID names none.
pub(super) fn job_of(fields: &mut Fields<'_>, errors: &mut Errors) -> Result<Option<JobId>, ApiError> {
    match fields.take("jobId") {
        None => Ok(None),
        Some(Value::String(text)) => JobId::parse(&text).map(Some).ok_or_else(|| JobPath::unknown(&text)),
        Some(_) => {
            fields.error("jobId", "must be a string", errors);
            Ok(None)
        }
    }
}

/// An existing job.
pub(super) fn existing(job: JobId) -> Job {
    Job::Existing(job.as_bytes().to_vec())
}

/// The job of a key's tasks that name none.
pub(super) fn implicit(principal: &Principal) -> Job {
    let id = implicit_job(principal.id).as_bytes().to_vec();
    Job::Implicit(v1::ImplicitJob { id, name: principal.implicit_job_name() })
}

/// The crawl that these tasks make, where they start one and name no job. `crawl` stands with such tasks alone.
pub(super) fn own_crawl(
    crawl: Option<Value>,
    job: &Result<Option<JobId>, ApiError>,
    tasks: &[v1::NewTask],
    name: Option<&str>,
    errors: &mut Errors,
) -> Option<Job> {
    let mut starts = tasks.iter().filter(|task| task.kind == CRAWL_KIND);
    let mut fields =
        Fields::new(serde_json::Map::from_iter(crawl.map(|it| ("crawl".to_owned(), it))), FieldPath::Root);
    let joins = !matches!(job, Ok(None));
    let (Some(start), false) = (starts.next(), joins) else {
        if fields.take("crawl").is_some() {
            let why = if joins {
                "must not stand beside jobId"
            } else {
                "stands with tasks of the kind crawl alone"
            };
            fields.error("crawl", why, errors);
        }
        return None;
    };
    let rules = crate::jobs::crawl::rules(&mut fields, JobKind::Crawl, Some(&start.url), errors)?;
    let name =
        name.map_or_else(|| format!("crawl of {}", start.host).chars().take(200).collect(), str::to_owned);
    let kind = JobKind::Crawl.as_str().to_owned();
    Some(Job::New(v1::NewJob { name, kind, weight: 1, crawl: Some(ukai_rpc::crawl_json(&rules)) }))
}

/// All or nothing; returns after the commit.
pub(super) async fn submit(
    app: &AppState,
    job: Job,
    tasks: Vec<v1::NewTask>,
    idempotency: Option<v1::Idempotency>,
) -> Result<Accepted, ApiError> {
    let request = v1::SubmitTasksRequest { job: Some(job), tasks: tasks.clone(), idempotency };
    let response = app.call(|mut scheduler| async move { scheduler.submit_tasks(request).await }).await?;
    let malformed =
        || ApiError::internal("the scheduler's answer can't be understood", &"ids of a submission");
    let job = JobId::from_slice(&response.job).ok_or_else(malformed)?;
    if response.tasks.len() != tasks.len() {
        return Err(malformed());
    }
    let created_at = Timestamp(response.created_at);
    let tasks = tasks
        .into_iter()
        .zip(&response.tasks)
        .map(|(task, id)| Some(Task::accepted(task, TaskId::from_slice(id)?, job, created_at)))
        .collect::<Option<_>>()
        .ok_or_else(malformed)?;
    Ok(Accepted { job, tasks })
}
