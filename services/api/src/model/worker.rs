//! Workers.

use super::Time;
use serde::Serialize;
use ukai_domain::WorkerConfig;
use ukai_domain::scheduler::WorkerView;
use utoipa::ToSchema;
use uuid::Uuid;

/// A registered machine.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Worker {
    /// Given when it was made.
    id: Uuid,
    /// For people.
    #[schema(example = "office-1")]
    name: String,
    /// What it does.
    status: WorkerStatusWord,
    /// Whether its socket is open.
    connected: bool,
    /// Tasks that it holds.
    current_task_ids: Vec<Uuid>,
    /// As it last said.
    #[schema(example = "203.0.113.7")]
    external_ip: Option<String>,
    /// As it last said.
    isp_name: Option<String>,
    /// Kinds of tasks that it takes.
    #[schema(example = json!(["scrape"]))]
    capabilities: Vec<String>,
    /// Tasks at once.
    capacity: u32,
    /// Its own counters.
    stats: WorkerStats,
    /// What an operator set for it.
    config: WorkerSettings,
    /// Why it is blocked.
    blocked_reason: Option<String>,
    /// Whether it holds a slot longer than any run may take.
    stuck: bool,
    /// The last error that it reported.
    last_error: Option<String>,
    /// When it was last heard.
    last_heartbeat_at: Option<Time>,
    /// When its newest connection began.
    connected_at: Option<Time>,
    /// When it was made.
    created_at: Time,
    /// What the worker connects with. Only in the answer to its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ukw_…", value_type = String)]
    pub(crate) token: Option<String>,
}

/// `blocked` gets nothing until reset.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WorkerStatus)]
pub(crate) enum WorkerStatusWord {
    Idle,
    Busy,
    Blocked,
    Disconnected,
}

/// A worker's own counters since it connected.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkerStats {
    /// Pages that gave a result.
    tasks_completed: u64,
    /// Pages that did not.
    tasks_failed: u64,
    /// Seconds.
    uptime: f64,
}

/// What an operator set; `null` leaves the worker's own setting.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkerSettings {
    /// Pause between pages.
    rate_limit: Option<WorkerRateLimit>,
    /// Whether Chromium shows no window.
    headless: Option<bool>,
}

/// The pause is drawn evenly between the two.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkerRateLimit {
    /// ms.
    #[schema(example = 10000)]
    min_delay_ms: u32,
    /// ms.
    #[schema(example = 15000)]
    max_delay_ms: u32,
}

/// A page of workers, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkerList {
    /// What is on it.
    pub(crate) items: Vec<Worker>,
    /// From 1.
    pub(crate) page: u32,
    /// Items of a page at most.
    pub(crate) limit: u32,
    /// All workers.
    pub(crate) total: u64,
}

impl From<WorkerView> for Worker {
    fn from(view: WorkerView) -> Self {
        let row = view.row;
        Self {
            id: row.id.0,
            name: row.name,
            status: match view.status.as_str() {
                "idle" => WorkerStatusWord::Idle,
                "busy" => WorkerStatusWord::Busy,
                "blocked" => WorkerStatusWord::Blocked,
                _ => WorkerStatusWord::Disconnected,
            },
            connected: view.connected,
            current_task_ids: view.current_tasks.into_iter().map(|t| t.0).collect(),
            external_ip: known(row.network.external_ip),
            isp_name: known(row.network.isp_name),
            capabilities: row.capabilities,
            capacity: row.capacity,
            stats: WorkerStats {
                tasks_completed: row.stats.tasks_completed,
                tasks_failed: row.stats.tasks_failed,
                uptime: row.stats.uptime,
            },
            config: row.config.into(),
            blocked_reason: row.blocked_reason.filter(|_| row.blocked),
            stuck: view.stuck,
            last_error: view.last_error,
            last_heartbeat_at: row.last_heartbeat_at.map(Time),
            connected_at: row.connected_at.map(Time),
            created_at: row.created_at.into(),
            token: None,
        }
    }
}

impl From<WorkerConfig> for WorkerSettings {
    fn from(config: WorkerConfig) -> Self {
        Self {
            rate_limit: config
                .rate_limit
                .map(|r| WorkerRateLimit { min_delay_ms: r.min_delay_ms, max_delay_ms: r.max_delay_ms }),
            headless: config.headless,
        }
    }
}

/// Unknown is `""` inside and `null` outside.
fn known(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
