//! `ukai-heartbeat-monitor`: the judge as a process of its own. Any number may run.

use crate::{Metrics, MonitorConfig};
use clap::Args;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use ukai_boot::config::{Database, InternalToken, Times};
use ukai_boot::trace::{CallSpans, Tracer};
use ukai_boot::{Health, Registry, Shutdown, Usage, http};
use ukai_bus::NatsFlags;
use ukai_rpc::{Lookup, Patience, scheduler_over, way_to_leader};
use ukai_store::StoreError;

/// How long requests that are under way may take at the end.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// How long a start waits for its database.
const DATABASE_LIMIT: Duration = Duration::from_secs(60);
/// The part of `/readyz`.
const BUS_PART: &str = "bus";

/// What the process can be told.
#[derive(Args, Clone, Debug)]
pub struct ProcessConfig {
    /// Address that serves /healthz, /readyz and /metrics without a key.
    #[arg(long, env = "UKAI_LISTEN", default_value = "127.0.0.1:8082", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,

    /// Where it is written who leads.
    #[command(flatten)]
    pub database: Database,

    /// What the services share.
    #[command(flatten)]
    pub internal: InternalToken,

    /// The bus.
    #[command(flatten)]
    pub nats: NatsFlags,

    /// The clocks.
    #[command(flatten)]
    pub times: Times,
}

/// Listens and judges until `shutdown`.
///
/// # Errors
/// [`Usage`], or what kept it from starting or ended it.
pub async fn run(config: ProcessConfig, tracer: Tracer, shutdown: Shutdown) -> anyhow::Result<()> {
    config.check()?;
    let mut registry = Registry::default();
    tracer.register(&mut registry);
    let bus =
        config.nats.required("heartbeat-monitor").map_err(|error| Usage(format!("--nats-url: {error}")))?;
    let bus = ukai_bus::connect(bus, &mut registry).await?;
    let url = &config.database.database_url;
    let that_passes = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
    let reads = ukai_boot::persist("the database", DATABASE_LIMIT, &shutdown, that_passes, || {
        ukai_store::connect_reads(url, "ukai-heartbeat-monitor")
    });
    let reads = reads.await.map_err(|error| match error {
        StoreError::Address(_) => anyhow::Error::new(Usage(format!("--database-url: {error}"))),
        _ => error.into(),
    })?;
    let Some(reads) = reads else { return Ok(()) };
    let lookup: Lookup = Arc::new(move || {
        let reads = Arc::clone(&reads);
        Box::pin(async move { reads.leader().await.ok()??.live_address().map(str::to_owned) })
    });
    let way = way_to_leader(lookup, config.internal.token(), Patience::default());
    let scheduler = scheduler_over(CallSpans::new(way, tracer.of("ukai-heartbeat-monitor")));

    let metrics = Metrics::register(&mut registry);
    let health = Health::new(env!("CARGO_PKG_VERSION"), &[BUS_PART], registry);
    let front = Shutdown::new();
    http::serve_health("--listen", config.listen, health.clone(), &front).await?;
    health.follow(BUS_PART, bus.status(), |status| status.is_connected, &front);
    let judged = MonitorConfig { timeout: config.times.heartbeat_timeout() };
    let ended = crate::run(judged, Arc::clone(&bus), scheduler, metrics, shutdown).await;
    health.stop();
    front.finish(STOP_LIMIT).await;
    bus.close().await;
    ended
}

impl ProcessConfig {
    fn check(&self) -> Result<(), Usage> {
        self.database.check()?;
        self.internal.check()?;
        self.times.check()
    }
}
