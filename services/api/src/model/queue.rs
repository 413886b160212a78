//! The queue's balance.

use super::Time;
use serde::Serialize;
use std::collections::BTreeMap;
use ukai_domain::scheduler::QueueView;
use ukai_domain::{Counts, Timestamp};
use utoipa::ToSchema;
use uuid::Uuid;

/// `submitted = ready + delayed + leased + completed + failed + cancelled + purged`, at every instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Balance {
    /// Ever accepted.
    submitted: i64,
    /// May be handed out.
    ready: i64,
    /// Waiting for a time.
    delayed: i64,
    /// With a worker.
    leased: i64,
    /// Ended with a result.
    completed: i64,
    /// Ended without.
    failed: i64,
    /// Ended by an operator.
    cancelled: i64,
    /// Removed after their end.
    purged: i64,
}

/// The queue now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Queue {
    /// All jobs together.
    total: Balance,
    /// Whether every balance here holds; never false in health.
    balanced: bool,
    /// Jobs with open tasks.
    jobs: Vec<QueueJob>,
    /// Ready tasks by kind; `null` without a leader.
    #[schema(example = json!({"scrape": 12}))]
    depth: Option<BTreeMap<String, i64>>,
    /// When the oldest ready task was created.
    oldest_ready_at: Option<Time>,
    /// Its age in ms.
    oldest_ready_age_ms: Option<u64>,
    /// Connected workers; `null` without a leader.
    workers: Option<u64>,
    /// Slots of connected workers.
    slots: Option<u64>,
    /// Slots that could take a run now.
    free_slots: Option<u64>,
    /// Whether no leader answered and only the store's totals are shown.
    stale: bool,
}

/// One job's part of the queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueJob {
    /// The job.
    id: Uuid,
    /// For people.
    name: String,
    /// Its tasks by where they are.
    counts: Balance,
}

impl Queue {
    pub(crate) fn new(view: QueueView, now: Timestamp) -> Self {
        Self {
            total: Balance::from(&view.total),
            balanced: view.total.balanced() && view.jobs.iter().all(|(_, _, counts)| counts.balanced()),
            jobs: view
                .jobs
                .into_iter()
                .map(|(id, name, counts)| QueueJob { id: id.0, name, counts: Balance::from(&counts) })
                .collect(),
            depth: Some(view.depth.into_iter().collect()),
            oldest_ready_at: view.oldest_ready.map(Time),
            oldest_ready_age_ms: view
                .oldest_ready
                .map(|oldest| u64::try_from(now.since(oldest).as_millis()).unwrap_or(u64::MAX)),
            workers: Some(view.workers),
            slots: Some(view.slots),
            free_slots: Some(view.free_slots),
            stale: false,
        }
    }

    /// From the store's tables alone.
    pub(crate) fn stale(total: &Counts) -> Self {
        Self {
            total: Balance::from(total),
            balanced: total.balanced(),
            jobs: Vec::new(),
            depth: None,
            oldest_ready_at: None,
            oldest_ready_age_ms: None,
            workers: None,
            slots: None,
            free_slots: None,
            stale: true,
        }
    }
}

impl From<&Counts> for Balance {
    fn from(c: &Counts) -> Self {
        Self {
            submitted: c.submitted,
            ready: c.ready,
            delayed: c.delayed,
            leased: c.leased,
            completed: c.completed,
            failed: c.failed,
            cancelled: c.cancelled,
            purged: c.purged,
        }
    }
}
