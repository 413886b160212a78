//! The event log.

use super::Time;
use serde::Serialize;
use serde_json::{Map, Value};
use ukai_domain::{Event, EventRow, JobId, Timestamp};
use ukai_store::EventPage;
use utoipa::ToSchema;
use uuid::Uuid;

/// A fact of the log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogEvent {
    /// Its number: without gaps in the whole log.
    seq: u64,
    /// What happened.
    #[schema(example = "taskCompleted")]
    r#type: String,
    /// When it was committed.
    timestamp: Time,
    /// `null` for events of workers.
    job_id: Option<Uuid>,
    /// The fact's own members: `taskId`, `run`, `workerId` …
    #[schema(value_type = Object)]
    data: Map<String, Value>,
}

/// Events in the order of their numbers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventList {
    /// What is asked for, as far as it goes.
    pub(crate) items: Vec<LogEvent>,
    /// The oldest number that is kept; below it everything was forgotten by age.
    pub(crate) oldest_seq: u64,
    /// The log's last number.
    pub(crate) last_seq: u64,
    /// Pass it as `since` for what follows; the log's last number where the list goes so far.
    pub(crate) next_since: u64,
}

impl EventList {
    /// The first `limit` events above `since`.
    pub(crate) fn new(page: EventPage, since: u64, limit: usize) -> Self {
        let items: Vec<LogEvent> = page
            .rows
            .into_iter()
            .flat_map(LogEvent::of_row)
            .filter(|event| event.seq > since)
            .take(limit)
            .collect();
        // Where the list wasn't cut there is nothing more up to the log's end, and somebody whose job is quiet reads on
        // from there.
        let read = items.last().map_or(since, |event| event.seq);
        let next_since = if items.len() < limit { read.max(page.last) } else { read };
        Self { items, oldest_seq: page.oldest, last_seq: page.last, next_since }
    }
}

impl LogEvent {
    fn of_row(row: EventRow) -> impl Iterator<Item = Self> {
        let job_id = Some(row.job.0).filter(|_| row.job != JobId::NIL);
        let timestamp = Time(row.at);
        (row.first..).zip(row.events).map(move |(seq, event)| {
            let (r#type, data) = members(&event);
            Self { seq, r#type, timestamp, job_id, data }
        })
    }
}

/// The event's word and its members under their public names.
fn members(event: &Event) -> (String, Map<String, Value>) {
    let Ok(Value::Object(mut members)) = serde_json::to_value(event) else { return Default::default() };
    let r#type = match members.remove("type") {
        Some(Value::String(word)) => word,
        _ => String::new(),
    };
    for (inner, public) in [("task", "taskId"), ("worker", "workerId")] {
        if let Some(id) = members.remove(inner) {
            members.insert(public.to_owned(), id);
        }
    }
    if let Some(at) = members.get_mut("retryAt")
        && let Some(millis) = at.as_i64()
    {
        *at = Value::String(Timestamp(millis).to_rfc3339());
    }
    (r#type, members)
}
