//! `/metrics` of a worker, for whoever watches it: served only where an address for it is given.

use std::{fmt, net::SocketAddr, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use ukai_boot::{Health, Shutdown, http, trace::Tracer};

use crate::{PageFetcher, holdings::Holdings, link::Link};

/// Reads everything at the moment it is asked for.
struct Worker {
    fetcher: Arc<dyn PageFetcher>,
    holdings: Arc<Holdings>,
    link: Arc<Link>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Collector for Worker {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let vitals = self.fetcher.vitals();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let reports = count(self.holdings.outbox().waiting().count());
        let runs = count(self.holdings.running().len());
        for (name, help, value) in [
            ("browsers_expected", "Browser processes that should be there", u64::from(vitals.expected)),
            ("browsers_alive", "Browser processes that are there", u64::from(vitals.alive)),
            ("browser_memory_bytes", "Memory of the browser's process group", vitals.memory),
            ("pages_under_way", "Pages that the browser is at", u64::from(vitals.pages)),
            ("runs_held", "Runs that are under way or wait for their pause", runs),
            ("reports_waiting", "Reports that the server has not acknowledged", reports),
            ("connected", "Whether there is a connection to the server", u64::from(self.link.is_connected())),
        ] {
            let gauge = ConstGauge::new(value);
            let name = format!("ukai_worker_{name}");
            gauge.encode(encoder.encode_descriptor(&name, help, None, gauge.metric_type())?)?;
        }
        for (name, help, value) in [
            ("browsers_started", "Browser processes started", vitals.started),
            ("browsers_crashed", "Browser processes that ended by themselves", vitals.crashed),
        ] {
            let counter = ConstCounter::new(value);
            let name = format!("ukai_worker_{name}");
            counter.encode(encoder.encode_descriptor(&name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}

/// Serves `/healthz`, `/readyz` and `/metrics` until `stop`.
pub(crate) async fn serve(
    address: SocketAddr,
    tracer: &Tracer,
    fetcher: Arc<dyn PageFetcher>,
    (holdings, link): (Arc<Holdings>, Arc<Link>),
    stop: &Shutdown,
) -> anyhow::Result<()> {
    let mut registry = Registry::default();
    tracer.register(&mut registry);
    registry.register_collector(Box::new(Worker { fetcher, holdings, link }));
    let health = Health::new(env!("CARGO_PKG_VERSION"), &[], registry);
    let address = http::serve_health("--metrics-listen", address, health, stop).await?;
    tracing::info!(%address, "metrics are served");
    Ok(())
}
