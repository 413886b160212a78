//! What `/metrics` says about the bus.

use crate::BusError;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Clones share the numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Metrics {
    pub(super) connected: Gauge,
    pub(super) disconnects: Counter,
    pub(super) dropped: Counter,
    pub(super) refused: Counter,
    requests: Family<[(&'static str, &'static str); 1], Counter>,
}

impl Metrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let m = metrics.clone();
        let registry = registry.sub_registry_with_prefix("ukai_bus");
        registry.register("connected", "1 while the connection to the bus stands", m.connected);
        registry.register("disconnects", "Times that the bus went away", m.disconnects);
        registry.register("dropped_messages", "Messages that came faster than they were taken", m.dropped);
        registry.register("refused", "Subjects that the server does not allow this user", m.refused);
        registry.register("requests", "Requests by outcome", m.requests);
        metrics
    }

    pub(super) fn request(&self, outcome: Result<(), BusError>) {
        let outcome = match outcome {
            Ok(()) => "answered",
            Err(BusError::NoResponders) => "no_responders",
            Err(BusError::Timeout) => "timeout",
            Err(BusError::Unavailable) => "unavailable",
            Err(BusError::TooLarge) => "too_large",
        };
        self.requests.get_or_create(&[("outcome", outcome)]).inc();
    }
}
