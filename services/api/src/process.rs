//! `ukai-api`: REST as a process of its own. It finds the leader through the database, and never writes there.

use crate::{ApiMetrics, ApiState, AuthMode, Limits, cors, router, sweep_artifacts};
use clap::Args;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ukai_artifacts::{ArtifactConfig, Artifacts};
use ukai_boot::config::{Auth, Database, Enrolment, InternalToken, MetricsListen, Origins, check_auth};
use ukai_boot::http::{self, ListenLimits};
use ukai_boot::trace::{CallSpans, Tracer};
use ukai_boot::{Health, Registry, Shutdown, Usage};
use ukai_domain::Timestamp;
use ukai_rpc::{Lookup, Patience, Scheduler, scheduler_over, v1, way_to_leader};
use ukai_store::{Reads, StoreError};

/// How long requests that are under way may take at the end.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How long a start waits for its database.
const DATABASE_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks over all artifacts' contents.
const SWEEP_EVERY: Duration = Duration::from_secs(6 * 3_600);
/// Parts of `/readyz`.
const STORE_PART: &str = "store";
const SCHEDULER_PART: &str = "scheduler";
/// Between two looks at them.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A look that takes longer says no.
const LOOK_LIMIT: Duration = Duration::from_secs(4);

/// What the process can be told.
#[derive(Args, Clone, Debug)]
pub struct ProcessConfig {
    /// Address that serves REST, /healthz, /readyz and, with a key, /metrics.
    #[arg(long, env = "UKAI_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,

    /// Where the queue is.
    #[command(flatten)]
    pub database: Database,

    /// What the services share.
    #[command(flatten)]
    pub internal: InternalToken,

    /// Whether requests need a key. `off` is refused on any address but loopback.
    #[arg(long, env = "UKAI_AUTH", value_enum, default_value_t = Auth::On)]
    pub auth: Auth,

    /// Lets tasks name addresses that aren't public (this machine, the local network).
    #[arg(long, env = "UKAI_ALLOW_PRIVATE_TARGETS")]
    pub allow_private_targets: bool,

    /// The token with which workers register themselves: they bring files with it too.
    #[command(flatten)]
    pub enrolment: Enrolment,

    /// Pages of other origins.
    #[command(flatten)]
    pub origins: Origins,

    /// Metrics without a key.
    #[command(flatten)]
    pub metrics: MetricsListen,

    /// Where workers' files are kept; several apis share the place.
    #[command(flatten)]
    pub artifacts: ArtifactConfig,
}

/// Serves until `shutdown`; requests that are under way then are still answered.
///
/// # Errors
/// [`Usage`], or what kept it from starting.
pub async fn run(config: ProcessConfig, tracer: Tracer, shutdown: Shutdown) -> anyhow::Result<()> {
    config.check()?;
    let artifacts = config.artifacts.open(None).map_err(|error| Usage(error.to_string()))?;
    let listener = http::bind("--listen", config.listen)?;
    let url = &config.database.database_url;
    let that_passes = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
    let reads = ukai_boot::persist("the database", DATABASE_LIMIT, &shutdown, that_passes, || {
        ukai_store::connect_reads(url, "ukai-api")
    });
    let reads = reads.await.map_err(|error| match error {
        StoreError::Address(_) => anyhow::Error::new(Usage(format!("--database-url: {error}"))),
        _ => error.into(),
    })?;
    let Some(reads) = reads else { return Ok(()) };
    let way = way_to_leader(lookup(Arc::clone(&reads)), config.internal.token(), Patience::default());
    let tracer = tracer.of("ukai-api");
    let scheduler = scheduler_over(CallSpans::new(way, tracer.clone()));

    let mut registry = Registry::default();
    tracer.register(&mut registry);
    let metrics = ApiMetrics::register(&mut registry);
    let health = Health::new(env!("CARGO_PKG_VERSION"), &[STORE_PART, SCHEDULER_PART], registry);
    let front = Shutdown::new();
    front.spawn(look(Arc::clone(&reads), scheduler.clone(), health.clone(), front.clone()));
    front.spawn(swept(artifacts.clone(), Arc::clone(&reads), front.clone()));
    let routes = router(ApiState {
        reads,
        scheduler,
        auth: match config.auth {
            Auth::On => AuthMode::On,
            Auth::Off => AuthMode::Off,
        },
        clock: Arc::new(wall_clock),
        artifacts,
        enroll_token: config.enrolment.token().map(str::to_owned),
        limits: Limits {
            allow_private_targets: config.allow_private_targets,
            // Longer than a call waits for a leader: its own answer says more than "not in time".
            call: Patience::default().whole + Duration::from_millis(500),
            ..Limits::default()
        },
        metrics,
        health: Some(health.clone()),
        tracer,
    });
    let routes = routes.layer(cors(&config.origins.list()));
    tracing::info!(address = %listener.local_addr()?, "REST is served here");
    front.spawn(http::serve(listener, routes, front.clone(), ListenLimits::default()));
    if let Some(address) = config.metrics.metrics_listen {
        http::serve_health("--metrics-listen", address, health.clone(), &front).await?;
    }
    shutdown.stopping().await;
    health.stop();
    front.finish(STOP_LIMIT).await;
    Ok(())
}

impl ProcessConfig {
    fn check(&self) -> Result<(), Usage> {
        self.database.check()?;
        self.internal.check()?;
        self.enrolment.check()?;
        self.origins.check()?;
        check_auth(self.auth, self.listen)
    }
}

async fn swept(artifacts: Artifacts, reads: Arc<dyn Reads>, stop: Shutdown) {
    tokio::select! {
        () = stop.stopping() => {}
        () = sweep_artifacts(artifacts, reads, SWEEP_EVERY) => {}
    }
}

/// The leader row says where the leader is.
fn lookup(reads: Arc<dyn Reads>) -> Lookup {
    Arc::new(move || {
        let reads = Arc::clone(&reads);
        Box::pin(async move { reads.leader().await.ok()??.live_address().map(str::to_owned) })
    })
}

/// Ready is who reaches the store and a leader.
async fn look(reads: Arc<dyn Reads>, scheduler: Scheduler, health: Health, stop: Shutdown) {
    loop {
        let store = async {
            let row = tokio::time::timeout(LOOK_LIMIT, reads.leader()).await;
            health.set(STORE_PART, matches!(row, Ok(Ok(_))));
        };
        let leader = async {
            let mut scheduler = scheduler.clone();
            let answer = tokio::time::timeout(LOOK_LIMIT, scheduler.probe(v1::ProbeRequest {})).await;
            health.set(SCHEDULER_PART, matches!(answer, Ok(Ok(_))));
        };
        tokio::join!(store, leader);
        tokio::select! {
            () = stop.stopping() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

fn wall_clock() -> Timestamp {
    Timestamp(0) + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
