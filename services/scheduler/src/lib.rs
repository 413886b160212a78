#![doc = include_str!("../README.md")]

mod admin_key;
mod announcements;
mod bus_watch;
mod clock;
mod config;
mod events;
mod grpc;
mod inbox;
mod intake;
mod leader;
mod leadership;
mod metrics;
pub mod process;
mod pusher;
mod release;
mod served;
mod standing;
mod traced;

pub use admin_key::put as put_admin_key;
pub use config::SchedulerConfig;

use std::sync::Arc;
use ukai_boot::trace::ServedSpans;
use ukai_boot::{Health, Registry, Shutdown};
use ukai_bus::Bus;
use ukai_rpc::v1::scheduler_server::SchedulerServer;
use ukai_store::Store;

/// The name of this service's part in `/readyz`: ready while it leads, or also while it stands by.
pub const HEALTH_PART: &str = "scheduler";

/// A scheduler with its gRPC face.
pub struct Scheduler {
    config: SchedulerConfig,
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    metrics: metrics::Metrics,
    inbox: inbox::Inbox,
    works: inbox::Works,
    standing: standing::Standing,
}

impl Scheduler {
    /// Nothing runs before [`Scheduler::run`].
    pub fn new(
        config: SchedulerConfig,
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        registry: &mut Registry,
    ) -> Self {
        let config = SchedulerConfig { tracer: config.tracer.of("ukai-scheduler"), ..config };
        let (inbox, works) =
            inbox::channel(config.settings.max_handouts.max(1_024) * 8, inbox::MOST_COMMANDED);
        let standing = standing::Standing::new();
        Self { config, store, bus, metrics: metrics::Metrics::register(registry), inbox, works, standing }
    }

    /// The gRPC service for calls in memory. While this process doesn't lead they wait for it.
    #[must_use]
    pub fn grpc(&self) -> ServedSpans<SchedulerServer<Commands>> {
        ServedSpans::new(self.commands(grpc::Patience::Wait), self.config.tracer.clone())
    }

    /// The gRPC service for other processes. While this process doesn't lead they are sent to who does.
    #[must_use]
    pub fn grpc_of_many(&self) -> SchedulerServer<Commands> {
        self.commands(grpc::Patience::Refuse)
    }

    fn commands(&self, patience: grpc::Patience) -> SchedulerServer<Commands> {
        let store = Arc::clone(&self.store);
        SchedulerServer::new(Commands::new(self.inbox.clone(), self.standing.clone(), patience, store))
            .max_decoding_message_size(ukai_rpc::MAX_MESSAGE)
            .max_encoding_message_size(ukai_rpc::MAX_MESSAGE)
    }

    /// Leads whenever it can, until the shutdown; then another may at once.
    pub async fn run(self, health: Health, shutdown: Shutdown) -> anyhow::Result<()> {
        leadership::Candidate {
            config: self.config,
            store: self.store,
            bus: self.bus,
            metrics: self.metrics,
            inbox: self.inbox,
            works: self.works,
            standing: self.standing,
            health,
            shutdown,
        }
        .run()
        .await
    }
}

pub use grpc::Commands;
pub use served::serve;
