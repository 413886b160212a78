#![doc = include_str!("../README.md")]

mod clock;
mod config;
mod events;
mod grpc;
mod inbox;
mod intake;
mod leader;
mod leadership;
mod metrics;
mod pusher;
mod release;

pub use config::SchedulerConfig;
pub use inbox::Inbox;

use std::sync::Arc;
use ukai_boot::{Health, Registry, Shutdown};
use ukai_bus::Bus;
use ukai_rpc::v1::scheduler_server::SchedulerServer;
use ukai_store::Store;

/// The name of this service's part in `/readyz`: ready while it leads.
pub const HEALTH_PART: &str = "scheduler";

/// A scheduler with its gRPC face. Clones share the inbox.
pub struct Scheduler {
    config: SchedulerConfig,
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    metrics: metrics::Metrics,
    inbox: Inbox,
    works: inbox::Works,
}

impl Scheduler {
    /// Nothing runs before [`Scheduler::run`].
    pub fn new(
        config: SchedulerConfig,
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        registry: &mut Registry,
    ) -> Self {
        let (inbox, works) = inbox::channel(config.settings.max_handouts.max(1_024) * 8);
        Self { config, store, bus, metrics: metrics::Metrics::register(registry), inbox, works }
    }

    /// The gRPC service: tonic clients call it in memory or behind a server.
    #[must_use]
    pub fn grpc(&self) -> SchedulerServer<grpc::Commands> {
        SchedulerServer::new(grpc::Commands::new(self.inbox.clone()))
            .max_decoding_message_size(ukai_rpc::MAX_MESSAGE)
            .max_encoding_message_size(ukai_rpc::MAX_MESSAGE)
    }

    /// Leads whenever it can, until the shutdown.
    pub async fn run(self, health: Health, shutdown: Shutdown) -> anyhow::Result<()> {
        leadership::run(
            self.config,
            self.store,
            self.bus,
            self.metrics,
            self.inbox,
            self.works,
            health,
            shutdown,
        )
        .await
    }
}

pub use grpc::Commands;
