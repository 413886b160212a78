//! `ukai-gateway`: sockets as a process of their own. Any number may run on one bus and one database.

use crate::{Config, Gateway, HEALTH_PART, Limits, Proxies};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use clap::Args;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use ukai_boot::config::{Database, Enrolment, MetricsListen, Origins, TrustedProxies};
use ukai_boot::http::{ListenLimits, bearer, bind, refusal, serve, serve_health, with_fallbacks};
use ukai_boot::trace::Tracer;
use ukai_boot::{Health, Registry, Shutdown, Usage};
use ukai_bus::NatsFlags;
use ukai_domain::Code;
use ukai_store::{Reads, StoreError};
use ukai_wire::secret;

/// How long sockets and last words may take at the end.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How long a start waits for its database.
const DATABASE_LIMIT: Duration = Duration::from_secs(60);
/// The part of `/readyz` that says whether a leader knows this gateway.
const SCHEDULER_PART: &str = "scheduler";

/// What the process can be told.
#[derive(Args, Clone, Debug)]
pub struct ProcessConfig {
    /// Address that serves sockets, /healthz, /readyz and, with an API key, /metrics.
    #[arg(long, env = "UKAI_LISTEN", default_value = "127.0.0.1:8081", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,

    /// Where tokens, keys and workers are read.
    #[command(flatten)]
    pub database: Database,

    /// How workers register themselves.
    #[command(flatten)]
    pub enrolment: Enrolment,

    /// Pages of other origins.
    #[command(flatten)]
    pub origins: Origins,

    /// Proxies in front.
    #[command(flatten)]
    pub proxies: TrustedProxies,

    /// Metrics without a key.
    #[command(flatten)]
    pub metrics: MetricsListen,

    /// The bus.
    #[command(flatten)]
    pub nats: NatsFlags,

    /// How long, at most, the workers of this gateway are told one by one to go to another before it ends. It ends a
    /// few seconds later; without another gateway, at once.
    #[arg(long, env = "UKAI_DRAIN_SPREAD_MS", default_value_t = 20_000, value_name = "MS")]
    pub drain_spread_ms: u64,
}

/// Serves until `shutdown`; then the workers are sent elsewhere one by one, with what they hold, and what is left of
/// the sockets is closed.
///
/// # Errors
/// [`Usage`], or what kept it from starting.
pub async fn run(config: ProcessConfig, tracer: Tracer, shutdown: Shutdown) -> anyhow::Result<()> {
    let settings = Config { tracer, ..config.check()? };
    let listener = bind("--listen", config.listen)?;
    let mut registry = Registry::default();
    settings.tracer.register(&mut registry);
    let bus = config.nats.required("gateway").map_err(|error| Usage(format!("--nats-url: {error}")))?;
    let bus = ukai_bus::connect(bus, &mut registry).await?;
    let url = &config.database.database_url;
    let that_passes = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
    let reads = ukai_boot::persist("the database", DATABASE_LIMIT, &shutdown, that_passes, || {
        ukai_store::connect_reads(url, "ukai-gateway")
    });
    let reads = reads.await.map_err(|error| match error {
        StoreError::Address(_) => anyhow::Error::new(Usage(format!("--database-url: {error}"))),
        _ => error.into(),
    })?;
    let Some(reads) = reads else { return Ok(()) };

    let gateway = Gateway::new(settings, Arc::clone(&bus), Arc::clone(&reads), &mut registry);
    let health = Health::new(env!("CARGO_PKG_VERSION"), &[HEALTH_PART, SCHEDULER_PART], registry);
    let (front, middle) = (Shutdown::new(), Shutdown::new());
    gateway.report_health(health.clone());
    health.follow(SCHEDULER_PART, gateway.acknowledged(), |is_known| *is_known, &middle);
    // All gateways lose their leader together: were they taken out of service for it, no worker could wait here for the next.
    health.decides_once(SCHEDULER_PART);
    let routes = routes(&gateway, &health, reads);
    tracing::info!(gateway.id = %gateway.id(), address = %listener.local_addr()?, "sockets are served here");
    front.spawn(serve(listener, routes, front.clone(), ListenLimits::default()));
    if let Some(address) = config.metrics.metrics_listen {
        serve_health("--metrics-listen", address, health.clone(), &front).await?;
    }
    let departing = gateway.clone();
    let (process, running) = (shutdown.clone(), Box::pin(gateway.run(middle.clone())));
    let running = middle.spawn(async move {
        let ended = running.await;
        // One that ends by itself takes the process with it.
        process.stop();
        ended
    });
    shutdown.stopping().await;
    health.stop();
    departing.depart().await;
    middle.finish(STOP_LIMIT).await;
    front.finish(STOP_LIMIT).await;
    bus.close().await;
    match running.await {
        Ok(ended) => Ok(ended?),
        Err(_) => anyhow::bail!("the gateway broke"),
    }
}

impl ProcessConfig {
    fn check(&self) -> Result<Config, Usage> {
        self.database.check()?;
        self.enrolment.check()?;
        self.origins.check()?;
        let trusted_proxies = Proxies::parse(&self.proxies.trusted_proxies.join(","))
            .map_err(|message| Usage(format!("--trusted-proxies: {message}")))?;
        Ok(Config {
            enroll_token: self.enrolment.token().map(str::to_owned),
            origins: self.origins.list(),
            trusted_proxies,
            limits: Limits { drain_spread: Duration::from_millis(self.drain_spread_ms), ..Limits::default() },
            ..Config::default()
        })
    }
}

/// Everything that the address serves.
fn routes(gateway: &Gateway, health: &Health, reads: Arc<dyn Reads>) -> axum::Router {
    let (open, metrics) = ukai_boot::health_routes(health.clone());
    let metrics = metrics.route_layer(from_fn_with_state(reads, keyed));
    with_fallbacks(gateway.routes().merge(open).merge(metrics))
}

/// Lets requests through that show any valid API key: this address faces the network.
async fn keyed(State(reads): State<Arc<dyn Reads>>, request: Request, next: Next) -> Response {
    let Some(key) = bearer(request.headers()) else {
        return refusal(Code::AuthFailed, "an API key is required");
    };
    let row = match reads.api_key(secret::prefix(key)).await {
        Ok(row) => row.filter(|row| row.revoked_at.is_none()),
        Err(error) => {
            tracing::warn!(%error, "the store is unavailable");
            return refusal(Code::Unavailable, "keys can't be checked at the moment, try again");
        }
    };
    if row.is_some_and(|row| bool::from(row.hash.as_bytes().ct_eq(secret::hash(key).as_bytes()))) {
        return next.run(request).await;
    }
    refusal(Code::AuthFailed, "the API key is not valid")
}

#[cfg(test)]
mod tests;
