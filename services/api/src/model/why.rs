//! Why a task is where it is.

use super::Time;
use serde::Serialize;
use serde_json::Value;
use ukai_domain::scheduler::WhyView;
use utoipa::ToSchema;

/// Why a task is where it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Why {
    /// The task's status.
    #[schema(example = "pending")]
    state: String,
    /// `no_capable_worker`, `all_busy`, `behind`, `lane_interval`, `lane_cooldown`, `job_paused`, `delayed`,
    /// `workers_blocked`, or how it is with a worker or ended.
    #[schema(example = "all_busy")]
    reason: String,
    /// Since when, where that is known.
    since: Option<Time>,
    /// Until when, where that is known.
    until: Option<Time>,
    /// The facts behind the reason.
    #[schema(value_type = Value)]
    details: Value,
}

impl From<WhyView> for Why {
    fn from(view: WhyView) -> Self {
        Self {
            state: view.state,
            reason: view.reason,
            since: view.since.map(Time),
            until: view.until.map(Time),
            details: view.details,
        }
    }
}
