//! The runs of a task that have ended, and why they failed.

use super::Time;
use serde::Serialize;
use ukai_domain::{ErrorType, Outcome, RunError, RunRow};
use utoipa::ToSchema;
use uuid::Uuid;

/// Why a run failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskError {
    /// What kind of failure.
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
    /// The attempt that it was.
    attempt_number: u8,
    /// Who had it.
    worker_id: Uuid,
    /// When it was handed out.
    assigned_at: Time,
    /// When the worker began.
    started_at: Option<Time>,
    /// When it ended.
    ended_at: Time,
    /// How it ended.
    outcome: RunOutcome,
    /// Why it failed.
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
