//! Workers as the leader and the stores know them.

use crate::{Timestamp, WorkerId};
use serde::{Deserialize, Serialize};

/// What a worker says of itself in a heartbeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedStatus {
    /// Ready for work.
    #[default]
    Idle,
    /// On a page.
    Busy,
    /// Thinks that it is blocked.
    Blocked,
}

/// Where a worker's traffic comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInfo {
    /// `""` when unknown.
    pub external_ip: String,
    /// `""` when unknown.
    pub isp_name: String,
    /// As the worker said it; never used in decisions.
    pub last_checked_at: String,
}

/// A worker's own counters since it connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerStats {
    /// Pages that gave a result.
    pub tasks_completed: u64,
    /// Pages that did not.
    pub tasks_failed: u64,
    /// Seconds.
    pub uptime: f64,
}

/// What an operator set for a worker; sent after every registration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerConfig {
    /// Pause between pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Whether Chromium shows a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headless: Option<bool>,
}

/// The pause between pages is drawn evenly between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// ms.
    pub min_delay_ms: u32,
    /// ms, at least the other.
    pub max_delay_ms: u32,
}

/// A registered worker's row. The token itself is never stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerRow {
    /// Given by the leader.
    pub id: WorkerId,
    /// For people; unique among workers that registered themselves by name.
    pub name: String,
    /// SHA-256 of the token as hex; `None` for a worker that uses the enrolment token.
    pub token_hash: Option<String>,
    /// The first characters of the token: what it is looked up by.
    pub token_prefix: Option<String>,
    /// Blocked until reset.
    pub blocked: bool,
    /// When it became blocked and why.
    pub blocked_reason: Option<String>,
    /// What it can do.
    pub capabilities: Vec<String>,
    /// Slots.
    pub capacity: u32,
    /// What an operator set.
    pub config: WorkerConfig,
    /// Last known.
    pub network: NetworkInfo,
    /// Last known.
    pub stats: WorkerStats,
    /// Last sign of life that was written (every 60 s).
    pub last_heartbeat_at: Option<Timestamp>,
    /// Of the newest connection.
    pub connected_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}
