//! What the server says, as far as a worker needs it. Keys that the contract alone does not have are optional.

use serde::Deserialize;
use serde_json::Value;
use ukai_domain::{CRAWL_KIND, CrawlRules};

use crate::picture::Wish;

/// `worker:registered`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Registered {
    pub(crate) worker_id: String,
    #[serde(default)]
    pub(crate) config: RegisteredConfig,
}

/// The server's times, in milliseconds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RegisteredConfig {
    pub(crate) heartbeat_interval: u64,
    pub(crate) task_timeout: u64,
}

impl Default for RegisteredConfig {
    fn default() -> Self {
        Self { heartbeat_interval: 10_000, task_timeout: 60_000 }
    }
}

/// `task:assigned`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Assigned {
    pub(crate) task_id: String,
    pub(crate) product_url: String,
    #[serde(default)]
    pub(crate) attempt_number: u32,
    /// The fence; a server that speaks the contract alone has none.
    #[serde(default)]
    pub(crate) run: Option<u32>,
    #[serde(default)]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) options: Option<Options>,
    #[serde(default)]
    pub(crate) recipe: Option<Value>,
    /// What the page's links must keep to, where they are followed.
    #[serde(default)]
    pub(crate) crawl: Option<Value>,
    /// Where the hand-out stands in a trace (W3C), where it is traced.
    #[serde(default)]
    pub(crate) traceparent: Option<String>,
}

impl Assigned {
    /// The rules of the crawl that the page belongs to; what can't be read is the default.
    pub(crate) fn crawl_rules(&self) -> Option<CrawlRules> {
        if self.kind.as_deref() != Some(CRAWL_KIND) {
            return None;
        }
        let rules = self.crawl.clone().and_then(|rules| serde_json::from_value(rules).ok());
        Some(rules.unwrap_or_default())
    }
}

/// The submission's options.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Options {
    pub(crate) screenshot: Wish,
    pub(crate) html: bool,
    pub(crate) timeout_ms: Option<u64>,
}

/// `task:cancelled`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cancelled {
    pub(crate) task_id: String,
    #[serde(default)]
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) run: Option<u32>,
}

/// `worker:config_update`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfigUpdate {
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) headless: Option<bool>,
    #[serde(default)]
    pub(crate) reset: bool,
    /// A picture of the page that is open is wanted: of this run, or of any where none is named.
    #[serde(default)]
    pub(crate) screenshot: bool,
    pub(crate) task_id: Option<String>,
    pub(crate) run: Option<u32>,
}

/// The pause between two pages.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RateLimit {
    pub(crate) min_delay_ms: u64,
    pub(crate) max_delay_ms: u64,
}

/// `error`.
#[derive(Debug, Deserialize)]
pub(crate) struct ServerError {
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) message: String,
}

/// The answer to a report.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) accepted: bool,
    #[serde(default)]
    pub(crate) reason: Option<String>,
}
