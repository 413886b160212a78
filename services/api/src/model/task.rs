//! Tasks and their runs.

use super::{RawJson, Time};
use serde::Serialize;
use ukai_domain::{DoneStatus, ErrorType, JobId, Outcome, RunError, RunRow, TaskId, Timestamp};
use ukai_rpc::v1;
use ukai_store::{TaskRow, TaskStatus};
use utoipa::ToSchema;
use uuid::Uuid;

/// One unit of work for one worker.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Task {
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
    status: TaskStatusWord,
    /// The attempt of the last hand-out, 0 before the first and after a manual retry.
    #[schema(example = 1)]
    attempt_number: u8,
    #[schema(minimum = 1, maximum = 3, example = 3)]
    max_attempts: u8,
    /// The number of the last hand-out, 0 before the first; it never starts over.
    #[schema(example = 1)]
    run: u32,
    job_id: Uuid,
    /// Who has it, or had it last.
    worker_id: Option<Uuid>,
    created_at: Time,
    /// Not handed out before; also the end of a back-off.
    not_before: Option<Time>,
    assigned_at: Option<Time>,
    started_at: Option<Time>,
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
    runs: Option<Vec<TaskRun>>,
}

/// The public status of a task. `pending` is ready or delayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TaskStatusWord {
    Pending,
    Assigned,
    Running,
    Completed,
    Failed,
    Cancelled,
}

/// Why a run failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskError {
    r#type: TaskErrorType,
    /// For people.
    message: String,
    /// A stack trace or more.
    details: Option<String>,
}

/// The worker contract's error types.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum TaskErrorType {
    Captcha,
    Blocked,
    Throttled,
    Network,
    ParseError,
    Timeout,
}

/// One hand-out of a task that has ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskRun {
    /// 1, 2, 3 … per task.
    run: u32,
    attempt_number: u8,
    worker_id: Uuid,
    assigned_at: Time,
    started_at: Option<Time>,
    ended_at: Time,
    outcome: RunOutcome,
    error: Option<TaskError>,
}

/// How a run ended. `handed_back` and `cancelled` count as no attempt.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunOutcome {
    Completed,
    Failed,
    TimedOut,
    Lost,
    Cancelled,
    HandedBack,
}

/// A page of tasks, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskList {
    pub(crate) items: Vec<Task>,
    /// From 1.
    pub(crate) page: u32,
    /// Items of a page at most.
    pub(crate) limit: u32,
    /// Tasks that the filters let through; of filtered lists exact to 10,000.
    pub(crate) total: u64,
    /// Whether counting stopped at 10,000.
    pub(crate) total_is_estimate: bool,
    /// Continues below this page at the same cost however deep; `null` at the end.
    pub(crate) next_cursor: Option<String>,
}

/// An accepted batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskBatch {
    /// In the order of the request.
    pub(crate) items: Vec<Task>,
    /// How many.
    pub(crate) total: u64,
    /// The job that they belong to.
    pub(crate) job_id: Uuid,
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

impl From<RunError> for TaskError {
    fn from(error: RunError) -> Self {
        let r#type = match error.kind {
            ErrorType::Captcha => TaskErrorType::Captcha,
            ErrorType::Blocked => TaskErrorType::Blocked,
            ErrorType::Throttled => TaskErrorType::Throttled,
            ErrorType::Network => TaskErrorType::Network,
            ErrorType::ParseError => TaskErrorType::ParseError,
            ErrorType::Timeout => TaskErrorType::Timeout,
        };
        Self { r#type, message: error.message, details: error.details }
    }
}

impl From<RunRow> for TaskRun {
    fn from(row: RunRow) -> Self {
        Self {
            run: row.run.0,
            attempt_number: row.attempt,
            worker_id: row.worker.0,
            assigned_at: row.assigned_at.into(),
            started_at: row.started_at.map(Time),
            ended_at: row.ended_at.into(),
            outcome: match row.outcome {
                Outcome::Completed => RunOutcome::Completed,
                Outcome::Failed => RunOutcome::Failed,
                Outcome::TimedOut => RunOutcome::TimedOut,
                Outcome::Lost => RunOutcome::Lost,
                Outcome::Cancelled => RunOutcome::Cancelled,
                Outcome::HandedBack => RunOutcome::HandedBack,
            },
            error: row.error.map(TaskError::from),
        }
    }
}
