//! Tasks.

use super::run::{TaskError, TaskRun};
use super::{RawJson, Time};
use serde::Serialize;
use ukai_domain::{DoneStatus, JobId, TaskId, Timestamp};
use ukai_rpc::v1;
use ukai_store::{TaskRow, TaskStatus};
use utoipa::ToSchema;
use uuid::Uuid;

/// One unit of work for one worker.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Task {
    /// Given when it was accepted.
    id: Uuid,
    /// What kind of work.
    #[schema(example = "scrape")]
    kind: String,
    /// The page.
    #[schema(example = "https://shop.example/p/1")]
    product_url: String,
    /// Higher first.
    #[schema(minimum = 0, maximum = 100, example = 50)]
    priority: u8,
    /// Where it is.
    status: TaskStatusWord,
    /// The attempt of the last hand-out, 0 before the first and after a manual retry.
    #[schema(example = 1)]
    attempt_number: u8,
    /// Attempts that count, at most.
    #[schema(minimum = 1, maximum = 3, example = 3)]
    max_attempts: u8,
    /// The number of the last hand-out, 0 before the first; it never starts over.
    #[schema(example = 1)]
    run: u32,
    /// The job that it belongs to.
    job_id: Uuid,
    /// Who has it, or had it last.
    worker_id: Option<Uuid>,
    /// When it was accepted.
    created_at: Time,
    /// Not handed out before; also the end of a back-off.
    not_before: Option<Time>,
    /// When it was handed out, now or last.
    assigned_at: Option<Time>,
    /// When the worker began, now or last.
    started_at: Option<Time>,
    /// When it ended, however it did.
    completed_at: Option<Time>,
    /// The worker's `result` object. Left out of lists unless `include=result`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RawJson>)]
    result: Option<Option<RawJson>>,
    /// What the worker sent beside its result: `kind`, `verdict`, `records`, `links`, `artifacts`, `sources`.
    /// Left out where `result` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RawJson>)]
    output: Option<Option<RawJson>>,
    /// The worker's `metrics` object of the completed run.
    metrics: Option<RawJson>,
    /// Why it failed, or why its last run did.
    error: Option<TaskError>,
    /// Ended runs, oldest first. Only in the answer for a single task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<TaskRun>)]
    runs: Option<Vec<TaskRun>>,
}

/// The public status of a task. `pending` is ready or delayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TaskStatus)]
pub(crate) enum TaskStatusWord {
    Pending,
    Assigned,
    Running,
    Completed,
    Failed,
    Cancelled,
}

/// How much of a task an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Lists.
    Brief,
    /// Lists with `include=result`, and changed tasks.
    WithResult,
    /// The single task.
    Full,
}

impl Task {
    pub(crate) fn new(row: TaskRow, detail: Detail) -> Self {
        let attempt_number = attempt_number(&row);
        let (result, output, metrics) = match row.result {
            Some(done) => (
                RawJson::new(done.result),
                done.extra.and_then(RawJson::new),
                done.metrics.and_then(RawJson::new),
            ),
            None => (None, None, None),
        };
        let shown = detail != Detail::Brief;
        Self {
            id: row.body.id.0,
            kind: row.body.lane.kind.to_string(),
            product_url: row.body.url,
            priority: row.body.priority,
            status: row.status.into(),
            attempt_number,
            max_attempts: row.body.max_attempts,
            run: row.progress.run.0,
            job_id: row.body.job.0,
            worker_id: row.worker.map(|w| w.0),
            created_at: row.body.created_at.into(),
            not_before: row.not_before.map(Time),
            assigned_at: row.assigned_at.map(Time),
            started_at: row.started_at.map(Time),
            completed_at: row.finished_at.map(Time),
            result: shown.then_some(result),
            output: shown.then_some(output),
            metrics,
            error: row.error.map(TaskError::from),
            runs: (detail == Detail::Full).then(|| row.runs.into_iter().map(TaskRun::from).collect()),
        }
    }

    /// A task as it was accepted, without asking the store for what was just sent.
    pub(crate) fn accepted(task: v1::NewTask, id: TaskId, job: JobId, created_at: Timestamp) -> Self {
        Self {
            id: id.0,
            kind: task.kind,
            product_url: task.url,
            priority: u8::try_from(task.priority).unwrap_or(u8::MAX),
            status: TaskStatusWord::Pending,
            attempt_number: 0,
            max_attempts: u8::try_from(task.max_attempts).unwrap_or(u8::MAX),
            run: 0,
            job_id: job.0,
            worker_id: None,
            created_at: created_at.into(),
            not_before: task.not_before.map(|t| Time(Timestamp(t))),
            assigned_at: None,
            started_at: None,
            completed_at: None,
            result: Some(None),
            output: Some(None),
            metrics: None,
            error: None,
            runs: None,
        }
    }
}

/// The attempt of the last hand-out. Ended runs are counted in the history, the live and the completed one are not.
fn attempt_number(row: &TaskRow) -> u8 {
    let counted = row.progress.attempts;
    match row.status {
        TaskStatus::Pending | TaskStatus::Done(DoneStatus::Failed) => counted,
        TaskStatus::Assigned | TaskStatus::Running | TaskStatus::Done(DoneStatus::Completed) => counted + 1,
        TaskStatus::Done(DoneStatus::Cancelled) => match row.runs.last() {
            Some(last) => last.attempt,
            None => counted.max(u8::from(row.progress.run.0 > 0)),
        },
    }
}

impl From<TaskStatus> for TaskStatusWord {
    fn from(status: TaskStatus) -> Self {
        match status {
            TaskStatus::Pending => Self::Pending,
            TaskStatus::Assigned => Self::Assigned,
            TaskStatus::Running => Self::Running,
            TaskStatus::Done(DoneStatus::Completed) => Self::Completed,
            TaskStatus::Done(DoneStatus::Failed) => Self::Failed,
            TaskStatus::Done(DoneStatus::Cancelled) => Self::Cancelled,
        }
    }
}
