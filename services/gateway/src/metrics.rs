//! What `/metrics` says about a gateway.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use ukai_boot::Registry;
use ukai_domain::Code;

type Label = [(&'static str, &'static str); 1];

/// Counters by one label.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters(Family<Label, Counter>, &'static str);

impl Counters {
    fn new(label: &'static str) -> Self {
        Self(Family::default(), label)
    }

    /// Counts one.
    pub(crate) fn count(&self, value: &'static str) {
        self.0.get_or_create(&[(self.1, value)]).inc();
    }
}

/// All of them; clones share the numbers.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) sessions: Gauge,
    pub(crate) sessions_held: Gauge,
    pub(crate) events: Counters,
    pub(crate) refused: Counters,
    pub(crate) auth_failures: Counter,
    pub(crate) refused_connects: Counters,
    pub(crate) handshakes_refused: Counters,
    pub(crate) batches: Counters,
    pub(crate) batch_inputs: Histogram,
    pub(crate) queued: Gauge,
    pub(crate) pushes: Counters,
    pub(crate) rate_limited: Counter,
    pub(crate) dropped: Counters,
}

impl Metrics {
    /// Counts a connect that was refused: strangers apart from workers that shall come again.
    pub(crate) fn connect_refused(&self, code: Code) {
        match code {
            Code::AuthFailed => _ = self.auth_failures.inc(),
            _ => self.refused_connects.count(code.as_str()),
        }
    }

    /// Registers them all under `ukai_gateway_`.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            sessions: Gauge::default(),
            sessions_held: Gauge::default(),
            events: Counters::new("event"),
            refused: Counters::new("reason"),
            auth_failures: Counter::default(),
            refused_connects: Counters::new("code"),
            handshakes_refused: Counters::new("reason"),
            batches: Counters::new("outcome"),
            batch_inputs: Histogram::new([1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 2_000.0]),
            queued: Gauge::default(),
            pushes: Counters::new("kind"),
            rate_limited: Counter::default(),
            dropped: Counters::new("reason"),
        };
        let m = metrics.clone();
        let registry = registry.sub_registry_with_prefix("ukai_gateway");
        registry.register("sessions", "Connected workers", m.sessions);
        let help = "Sessions in memory, also closed ones whose last input waits";
        registry.register("sessions_held", help, m.sessions_held);
        registry.register("events", "Events received from workers", m.events.0);
        registry.register("events_refused", "Events or reports refused", m.refused.0);
        registry.register("auth_failures", "Connects without a valid token", m.auth_failures);
        let help = "Connects refused for another reason than their token";
        registry.register("refused_connects", help, m.refused_connects.0);
        registry.register(
            "handshakes_refused",
            "Transports refused before the upgrade",
            m.handshakes_refused.0,
        );
        registry.register("batches", "Requests to the leader", m.batches.0);
        registry.register("batch_inputs", "Inputs in one request to the leader", m.batch_inputs);
        registry.register("queued_inputs", "Inputs that wait for the leader", m.queued);
        registry.register("pushes", "Messages pushed to workers", m.pushes.0);
        registry.register("rate_limited", "Events over a worker's limit", m.rate_limited);
        registry.register("connections_dropped", "Sockets that the gateway closed", m.dropped.0);
        metrics
    }
}
