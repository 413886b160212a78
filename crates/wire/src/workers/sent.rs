//! Messages to workers. Each serialises into the contract's payload; our keys on top are left out where unknown.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use ukai_domain::{JobId, Run, TaskId, Timestamp, WorkerId};

/// Names of the events that go to workers.
pub mod event {
    /// [`super::WorkerRegistered`].
    pub const REGISTERED: &str = "worker:registered";
    /// [`super::TaskAssigned`].
    pub const ASSIGNED: &str = "task:assigned";
    /// [`super::TaskCancelled`].
    pub const CANCELLED: &str = "task:cancelled";
    /// [`super::ConfigUpdate`].
    pub const CONFIG_UPDATE: &str = "worker:config_update";
    /// [`crate::ErrorBody`].
    pub const ERROR: &str = "error";
}

/// `worker:registered`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerRegistered {
    /// Given by the leader.
    pub worker_id: WorkerId,
    /// The leader's time.
    #[serde(serialize_with = "rfc3339")]
    pub server_time: Timestamp,
    /// What the worker should keep to.
    pub config: RegisteredConfig,
}

/// Times that a worker keeps to.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredConfig {
    /// ms.
    pub heartbeat_interval: u64,
    /// ms.
    pub task_timeout: u64,
}

/// `task:assigned`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskAssigned<'a> {
    /// Which task.
    pub task_id: TaskId,
    /// What to fetch.
    pub product_url: &'a str,
    /// 0–100.
    pub priority: u32,
    /// 1, 2 or 3.
    pub attempt_number: u32,
    /// By the leader's clock.
    #[serde(serialize_with = "rfc3339")]
    pub assigned_at: Timestamp,
    /// The fence; reports may carry it.
    pub run: Run,
    /// `scrape` …
    pub kind: &'a str,
    /// The job that it belongs to.
    pub job_id: JobId,
    /// Until when `task:started` must be heard.
    #[serde(serialize_with = "rfc3339")]
    pub deadline_at: Timestamp,
    /// Of the submission's options: what to extract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<&'a RawValue>,
    /// The submission's options as they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<&'a RawValue>,
    /// What the page's links must keep to, where they are followed: `respectRobots`, `scope` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crawl: Option<&'a RawValue>,
    /// W3C trace context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<&'a str>,
}

impl<'a> TaskAssigned<'a> {
    /// `options` with the `recipe` in it, from the text that the bus carried; unreadable text is left out.
    #[must_use]
    pub fn with_options(mut self, options: Option<&'a str>) -> Self {
        #[derive(serde::Deserialize)]
        struct Recipe<'a> {
            #[serde(borrow)]
            recipe: Option<&'a RawValue>,
        }
        self.options = options.and_then(|text| serde_json::from_str(text).ok());
        self.recipe = options.and_then(|text| serde_json::from_str::<Recipe<'_>>(text).ok()?.recipe);
        self
    }

    /// `crawl` from the text that the bus carried; unreadable text is left out.
    #[must_use]
    pub fn with_crawl(mut self, crawl: Option<&'a str>) -> Self {
        self.crawl = crawl.and_then(|text| serde_json::from_str(text).ok());
        self
    }
}

/// `task:cancelled`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskCancelled<'a> {
    /// Which task.
    pub task_id: TaskId,
    /// For people.
    pub reason: &'a str,
    /// Which run of it.
    pub run: Run,
}

/// `worker:config_update`: the stored config as it is, with `reset` where a block is cleared; or a wish that is not stored.
#[derive(Clone, Debug)]
pub struct ConfigUpdate(Box<RawValue>);

impl ConfigUpdate {
    /// From the JSON object of a worker's config. `None` where there is nothing to tell.
    #[must_use]
    pub fn new(config: &str, reset: bool) -> Option<Self> {
        let inner = config.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
        let text = match (inner.is_empty(), reset) {
            (true, false) => return None,
            (true, true) => r#"{"reset":true}"#.to_owned(),
            (false, false) => format!("{{{inner}}}"),
            (false, true) => format!("{{{inner},\"reset\":true}}"),
        };
        RawValue::from_string(text).ok().map(Self)
    }

    /// Changes nothing: the worker shall bring a picture of the run's page as it is now.
    #[must_use]
    pub fn screenshot(task: TaskId, run: Run) -> Option<Self> {
        let text = format!(r#"{{"screenshot":true,"taskId":"{task}","run":{}}}"#, run.0);
        RawValue::from_string(text).ok().map(Self)
    }
}

impl Serialize for ConfigUpdate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// The acknowledgement of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ack {
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Ack {
    /// It counts; a report that had been accepted before says so.
    #[must_use]
    pub fn accepted(duplicate: bool) -> Self {
        Self { accepted: true, reason: duplicate.then(|| "duplicate".to_owned()) }
    }

    /// It changed nothing: `stale`, `not_assigned` or `invalid`.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self { accepted: false, reason: Some(reason.into()) }
    }
}

fn rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339())
}
