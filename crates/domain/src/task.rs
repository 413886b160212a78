//! What a task is and the places it can be in.

use crate::{JobId, Run, SessionId, TaskId, Timestamp, WorkerId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The kinds of work that this version can run. A submission of any other is refused.
pub const RUNNABLE_KINDS: &[&str] = &[DEFAULT_KIND, CRAWL_KIND];

/// The capability of a worker that declares none.
pub const DEFAULT_KIND: &str = "scrape";

/// The kind of tasks whose links become tasks of the same job.
pub const CRAWL_KIND: &str = "crawl";

/// `error.details` of a `BLOCKED` page that its site's `robots.txt` forbids: nobody may fetch it, so nobody tries again.
pub const ROBOTS_DISALLOWED: &str = "ROBOTS_DISALLOWED";

/// The waiting tasks of one (kind, host) share a lane; politeness is a property of a lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LaneKey {
    /// `scrape`, `crawl` …
    pub kind: Arc<str>,
    /// Lower-case host of the target, without port.
    pub host: Arc<str>,
}

/// What was submitted; it never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskBody {
    /// Given by the leader, strictly increasing.
    pub id: TaskId,
    /// The job it belongs to; a key's implicit job where none was named.
    pub job: JobId,
    /// Kind and host.
    pub lane: LaneKey,
    /// The target.
    pub url: String,
    /// 0–100, higher first.
    pub priority: u8,
    /// 1–3.
    pub max_attempts: u8,
    /// Time limit of one run in ms; `None` takes the server's.
    pub timeout_ms: Option<u32>,
    /// `options` of the submission as JSON text (screenshot, html, recipe).
    pub options: Option<String>,
    /// Links away from a start page of its crawl; 0 for all that was submitted.
    #[serde(default)]
    pub depth: u16,
    /// When the submission was committed.
    pub created_at: Timestamp,
    /// The submission's place in a trace (W3C `traceparent`), where it is traced: opaque here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Arc<str>>,
}

/// What a task has been through; travels with it from place to place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The last run that was handed out; 0 before the first.
    pub run: Run,
    /// Ended runs that count (failed, timed out, lost) since submission or the last manual retry.
    pub attempts: u8,
    /// Of those, lost with their worker.
    pub losses: u8,
    /// Of those, `PARSE_ERROR`.
    pub parse_errors: u8,
    /// The worker whose run of this task ended last in failure: avoided where another is free.
    pub avoid: Option<WorkerId>,
}

/// A task in `ready` or `delayed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The submission.
    pub body: Arc<TaskBody>,
    /// Its history.
    pub progress: Progress,
}

/// The leader's record that a task is with a worker. `progress.run` is the run of the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The submission.
    pub body: Arc<TaskBody>,
    /// Its history; `run` is this lease's fence.
    pub progress: Progress,
    /// Who holds it.
    pub worker: WorkerId,
    /// Through which connection; changes when the worker resumes.
    pub session: SessionId,
    /// When it was handed out.
    pub assigned_at: Timestamp,
    /// When `task:started` was heard, by the leader's clock.
    pub started_at: Option<Timestamp>,
    /// When the run is over time.
    pub deadline: Timestamp,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A result was accepted.
    Completed,
    /// The worker reported an error.
    Failed,
    /// The deadline passed.
    TimedOut,
    /// The worker vanished.
    Lost,
    /// An operator cancelled.
    Cancelled,
    /// Given back unfinished: drain, shutdown, revocation, or never confirmed by a gateway.
    HandedBack,
}

impl Outcome {
    /// The word in `runs[].outcome` and in the stores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Lost => "lost",
            Self::Cancelled => "cancelled",
            Self::HandedBack => "handed_back",
        }
    }

    /// The inverse of [`Outcome::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Completed, Self::Failed, Self::TimedOut, Self::Lost, Self::Cancelled, Self::HandedBack]
            .into_iter()
            .find(|o| o.as_str() == text)
    }
}

/// The worker contract's error types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorType {
    /// A challenge page.
    Captcha,
    /// A refusal.
    Blocked,
    /// «Too many requests».
    Throttled,
    /// DNS, connection, TLS, a crashed browser.
    Network,
    /// A page without the data looked for.
    ParseError,
    /// Over time.
    Timeout,
}

impl RunError {
    /// Whether another run would end the same.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.kind == ErrorType::Blocked && self.details.as_deref() == Some(ROBOTS_DISALLOWED)
    }
}

impl ErrorType {
    /// All of them, in the contract's order.
    pub const ALL: [Self; 6] =
        [Self::Captcha, Self::Blocked, Self::Throttled, Self::Network, Self::ParseError, Self::Timeout];

    /// The contract's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Captcha => "CAPTCHA",
            Self::Blocked => "BLOCKED",
            Self::Throttled => "THROTTLED",
            Self::Network => "NETWORK",
            Self::ParseError => "PARSE_ERROR",
            Self::Timeout => "TIMEOUT",
        }
    }

    /// The inverse of [`ErrorType::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.as_str() == text)
    }
}

/// Why a run failed, as reported or as the leader judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// The contract's type.
    #[serde(rename = "type")]
    pub kind: ErrorType,
    /// For people.
    pub message: String,
    /// Stack trace or additional info.
    pub details: Option<String>,
}

/// What a completed run brought back. The texts are JSON as the worker sent it, validated at the edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunResult {
    /// The contract's `result` object.
    pub result: String,
    /// The contract's `metrics` object.
    pub metrics: Option<String>,
    /// `kind, verdict, records, links, artifacts, sources`, where sent, as one object.
    pub extra: Option<String>,
    /// Extracted records: what counts as items.
    pub items: u32,
}

/// An ended run, appended once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Whose run.
    pub task: TaskId,
    /// Which.
    pub run: Run,
    /// The attempt it was.
    pub attempt: u8,
    /// Who held it.
    pub worker: WorkerId,
    /// Hand-out.
    pub assigned_at: Timestamp,
    /// `task:started`, where heard.
    pub started_at: Option<Timestamp>,
    /// End.
    pub ended_at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// Why not, where it failed.
    pub error: Option<RunError>,
    /// What it brought.
    pub result: Option<RunResult>,
    /// The worker's `metrics` of a failed run as JSON.
    pub metrics: Option<String>,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoneStatus {
    /// A result was accepted.
    Completed,
    /// Attempts used up.
    Failed,
    /// By an operator.
    Cancelled,
}

impl DoneStatus {
    /// The word of `status`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The inverse of [`DoneStatus::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Completed, Self::Failed, Self::Cancelled].into_iter().find(|s| s.as_str() == text)
    }
}

/// A task in a terminal state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The submission.
    pub body: Arc<TaskBody>,
    /// Its history; `run` is the last run.
    pub progress: Progress,
    /// How it ended.
    pub status: DoneStatus,
    /// When.
    pub finished_at: Timestamp,
    /// The last run's error, or why it was given up.
    pub error: Option<RunError>,
}

/// Where a task is: exactly one of these at every instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// May be handed out.
    Ready(Waiting),
    /// Becomes ready at the time.
    Delayed(Waiting, Timestamp),
    /// With a worker.
    Leased(Lease),
    /// Ended.
    Done(Done),
}

impl Place {
    /// The submission.
    #[must_use]
    pub fn body(&self) -> &Arc<TaskBody> {
        match self {
            Self::Ready(w) | Self::Delayed(w, _) => &w.body,
            Self::Leased(l) => &l.body,
            Self::Done(d) => &d.body,
        }
    }

    /// The ended task, if it has ended.
    #[must_use]
    pub fn into_done(self) -> Option<Done> {
        match self {
            Self::Done(done) => Some(done),
            Self::Ready(_) | Self::Delayed(..) | Self::Leased(_) => None,
        }
    }

    /// The history.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match self {
            Self::Ready(w) | Self::Delayed(w, _) => w.progress,
            Self::Leased(l) => l.progress,
            Self::Done(d) => d.progress,
        }
    }
}
