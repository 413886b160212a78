//! Hosts: how politely they are asked.

use super::Time;
use serde::Serialize;
use ukai_domain::scheduler::HostView;
use utoipa::ToSchema;

/// A host's politeness and what happens there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Host {
    /// In lower case.
    #[schema(example = "shop.example")]
    host: String,
    /// ms between hand-outs; 0 is unlimited.
    #[schema(example = 1000)]
    min_interval_ms: u32,
    /// Tasks at once; 0 is unlimited.
    #[schema(example = 2)]
    max_concurrency: u32,
    /// Tasks there now.
    running: u32,
    /// Nothing is handed out before, because the host refused.
    cooldown_until: Option<Time>,
}

impl From<HostView> for Host {
    fn from(view: HostView) -> Self {
        Self {
            host: view.host,
            min_interval_ms: view.min_interval_ms,
            max_concurrency: view.max_concurrency,
            running: view.running,
            cooldown_until: view.cooldown_until.map(Time),
        }
    }
}
