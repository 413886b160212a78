//! `ukai-scheduler`: the scheduler as a process of its own, with its gRPC port.

use crate::{HEALTH_PART, Scheduler, SchedulerConfig, admin_key, serve};
use clap::Args;
use std::net::SocketAddr;
use std::time::Duration;
use ukai_boot::config::{Database, InternalToken, Retention, Times, check_admin_key};
use ukai_boot::trace::Tracer;
use ukai_boot::{Health, Registry, Shutdown, Usage, http};
use ukai_bus::NatsFlags;
use ukai_rpc::Guard;
use ukai_store::StoreError;

/// How long calls and requests that are under way may take at the end.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// How long a start waits for its database.
const DATABASE_LIMIT: Duration = Duration::from_secs(60);
/// The part of `/readyz` that says whether the bus is there.
const BUS_PART: &str = "bus";

/// What the process can be told.
#[derive(Args, Clone, Debug)]
pub struct ProcessConfig {
    /// Address of the gRPC port that api and heartbeat monitor call.
    #[arg(long, env = "UKAI_LISTEN", default_value = "127.0.0.1:7070", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,

    /// Where they reach that port [default: the listen address; for 0.0.0.0 and [::] the machine's name].
    #[arg(long, env = "UKAI_ADVERTISE", value_name = "HOST:PORT")]
    pub advertise: Option<String>,

    /// Address that serves /healthz, /readyz and /metrics without a key.
    #[arg(long, env = "UKAI_METRICS_LISTEN", default_value = "127.0.0.1:7071", value_name = "ADDRESS:PORT")]
    pub metrics_listen: SocketAddr,

    /// Where the queue is.
    #[command(flatten)]
    pub database: Database,

    /// What the services share.
    #[command(flatten)]
    pub internal: InternalToken,

    /// An admin key, stored at the start: without any key nobody can use the api.
    #[arg(long, env = "UKAI_ADMIN_KEY", value_name = "KEY", hide_env_values = true)]
    pub admin_key: Option<String>,

    /// How long things are kept.
    #[command(flatten)]
    pub retention: Retention,

    /// The bus.
    #[command(flatten)]
    pub nats: NatsFlags,

    /// The clocks.
    #[command(flatten)]
    pub times: Times,
}

/// Leads or stands by until `shutdown`; then another may lead at once.
///
/// # Errors
/// [`Usage`], or what kept it from starting.
pub async fn run(config: ProcessConfig, tracer: Tracer, shutdown: Shutdown) -> anyhow::Result<()> {
    config.check()?;
    let listener = http::bind("--listen", config.listen)?;
    let address = advertised(config.advertise.as_deref(), listener.local_addr()?)?;
    let mut registry = Registry::default();
    tracer.register(&mut registry);
    let bus = config.nats.required("scheduler").map_err(|error| Usage(format!("--nats-url: {error}")))?;
    let bus = ukai_bus::connect(bus, &mut registry).await?;
    let url = &config.database.database_url;
    let that_passes = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
    let store = ukai_boot::persist("the database", DATABASE_LIMIT, &shutdown, that_passes, || {
        ukai_store::connect(url, "ukai-scheduler")
    });
    let store = store.await.map_err(|error| match error {
        StoreError::Address(_) => anyhow::Error::new(Usage(format!("--database-url: {error}"))),
        _ => error.into(),
    })?;
    let Some(store) = store else { return Ok(()) };
    admin_key::at_start(&*store, config.admin_key.as_deref()).await?;

    let settings = SchedulerConfig {
        address,
        is_ready_in_standby: true,
        artifacts_kept: config.retention.artifacts_kept(),
        events_kept: config.retention.events_kept(),
        tracer: tracer.clone(),
        ..SchedulerConfig::new(&config.times)
    };
    tracing::info!(address = settings.address, "the scheduler's calls come in here");
    let scheduler = Scheduler::new(settings, store, std::sync::Arc::clone(&bus), &mut registry);
    let health = Health::new(env!("CARGO_PKG_VERSION"), &[HEALTH_PART, BUS_PART], registry);
    let front = Shutdown::new();
    http::serve_health("--metrics-listen", config.metrics_listen, health.clone(), &front).await?;
    health.follow(BUS_PART, bus.status(), |status| status.is_connected, &front);
    let guard = Guard::new(config.internal.token());
    let calls = serve(listener, scheduler.grpc_of_many(), guard, tracer, front.clone());
    let (process, calls) = (shutdown.clone(), Box::pin(calls));
    front.spawn(async move {
        if let Err(error) = calls.await {
            tracing::error!(%error, "calls can't be served");
            process.stop();
        }
    });
    let ended = scheduler.run(health.clone(), shutdown).await;
    health.stop();
    front.finish(STOP_LIMIT).await;
    bus.close().await;
    ended
}

impl ProcessConfig {
    fn check(&self) -> Result<(), Usage> {
        self.database.check()?;
        self.internal.check()?;
        check_admin_key(self.admin_key.as_deref())?;
        self.times.check()
    }
}

/// The address in the leader row: no other scheduler has the same.
fn advertised(given: Option<&str>, bound: SocketAddr) -> Result<String, Usage> {
    if let Some(given) = given {
        let port = given.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !host.contains('/'));
        return match port.and_then(|(_, port)| port.parse::<u16>().ok()) {
            Some(1..) => Ok(given.to_owned()),
            _ => Err(Usage(format!("--advertise must be HOST:PORT, not {given}"))),
        };
    }
    if !bound.ip().is_unspecified() {
        return Ok(bound.to_string());
    }
    let name = ukai_boot::machine_name().ok_or_else(|| {
        Usage("--advertise is needed: this machine has no name that can be read".to_owned())
    })?;
    Ok(format!("{name}:{}", bound.port()))
}

#[cfg(test)]
mod tests {
    use super::advertised;

    #[test]
    fn the_address_in_the_leader_row() {
        let (any, one) = ("0.0.0.0:7070".parse().unwrap(), "10.0.0.1:7070".parse().unwrap());
        assert_eq!(advertised(Some("scheduler-0.ukai:7070"), any).unwrap(), "scheduler-0.ukai:7070");
        assert_eq!(advertised(Some("[::1]:7070"), any).unwrap(), "[::1]:7070");
        assert_eq!(advertised(None, one).unwrap(), "10.0.0.1:7070");
        assert!(advertised(None, any).unwrap().ends_with(":7070"));
        for wrong in ["scheduler", "http://scheduler:7070", ":7070", "scheduler:0", "scheduler:99999"] {
            assert!(advertised(Some(wrong), one).unwrap_err().to_string().contains("--advertise"), "{wrong}");
        }
    }
}
