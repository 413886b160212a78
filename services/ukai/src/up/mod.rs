//! One machine's Ukai: scheduler, gateway, api and monitor composed on one origin.

mod config;
mod keys;
mod origin;
mod seams;
mod workers;

pub use config::UpConfig;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use ukai_api::{ApiMetrics, ApiState, AuthMode};
use ukai_boot::config::Auth;
use ukai_boot::trace::{CallSpans, Tracer};
use ukai_boot::{Health, Registry, Shutdown};
use ukai_domain::Timestamp;
use ukai_gateway::Gateway;
use ukai_heartbeat_monitor::{Metrics as MonitorMetrics, MonitorConfig};
use ukai_scheduler::{HEALTH_PART, Scheduler, SchedulerConfig};
use ukai_store::Reads;

/// The part of `/readyz` that says whether the bus is there: always, unless it is NATS.
const BUS_PART: &str = "bus";
/// How long each part may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks over all artifacts' contents.
const SWEEP_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// Runs until `shutdown` is given, then ends the parts in the order in which they feed each other.
///
/// # Errors
/// What kept it from starting, or ended it.
pub async fn run(config: UpConfig, tracer: Tracer, shutdown: Shutdown) -> anyhow::Result<()> {
    let Some(store) = seams::store(&config, &shutdown).await? else { return Ok(()) };
    let listener = ukai_boot::http::bind("--listen", config.listen)?;
    let address = listener.local_addr()?;
    keys::store_given(&config, &*store).await?;

    let artifacts =
        config.artifacts.open(Some(&config.data_dir)).map_err(|error| ukai_boot::Usage(error.to_string()))?;

    let mut registry = Registry::default();
    tracer.register(&mut registry);
    let bus = seams::bus(&config, &mut registry).await?;
    let settings = SchedulerConfig {
        address: seams::name(&config, address),
        artifacts_kept: config.retention.artifacts_kept(),
        events_kept: config.retention.events_kept(),
        tracer: tracer.clone(),
        ..SchedulerConfig::new(&config.times)
    };
    let scheduler = Scheduler::new(settings, Arc::clone(&store), Arc::clone(&bus), &mut registry);
    let client = ukai_rpc::scheduler_over(CallSpans::new(scheduler.grpc(), tracer.of("ukai-api")));
    let keys = Arc::clone(&store);
    let reads: Arc<dyn Reads> = store;
    let enroll_token = config.enrolment.token().map(str::to_owned).or_else(|| workers::own_token(&config));
    let gateway = Gateway::new(
        origin::gateway_config(&config, enroll_token.clone(), tracer.clone())?,
        Arc::clone(&bus),
        Arc::clone(&reads),
        &mut registry,
    );
    let api_metrics = ApiMetrics::register(&mut registry);
    let monitor_metrics = MonitorMetrics::register(&mut registry);
    let parts = [HEALTH_PART, ukai_gateway::HEALTH_PART, BUS_PART];
    let health = Health::new(env!("CARGO_PKG_VERSION"), &parts, registry);
    gateway.report_health(health.clone());

    let parts = Parts { process: shutdown.clone(), failure: Arc::default() };
    // Each part stops when it is told, not when the process is: the order matters.
    let (front, middle, core) = (Shutdown::new(), Shutdown::new(), Shutdown::new());
    health.follow(BUS_PART, bus.status(), |status| status.is_connected, &core);
    core.spawn(parts.clone().watch("scheduler", scheduler.run(health.clone(), core.clone())));
    let gateway_run = {
        let (gateway, middle) = (gateway.clone(), middle.clone());
        async move { Ok(gateway.run(middle).await?) }
    };
    middle.spawn(parts.clone().watch("gateway", gateway_run));
    let monitor = MonitorConfig { timeout: config.times.heartbeat_timeout() };
    let monitor = ukai_heartbeat_monitor::run(
        monitor,
        Arc::clone(&bus),
        client.clone(),
        monitor_metrics,
        middle.clone(),
    );
    middle.spawn(parts.clone().watch("heartbeat monitor", monitor));

    front.spawn({
        let sweep = ukai_api::sweep_artifacts(artifacts.clone(), Arc::clone(&reads), SWEEP_EVERY);
        let front = front.clone();
        async move {
            tokio::select! {
                () = front.stopping() => {}
                () = sweep => {}
            }
        }
    });
    let api = ukai_api::router(ApiState {
        reads,
        scheduler: client,
        auth: match config.auth {
            Auth::On => AuthMode::On,
            Auth::Off => AuthMode::Off,
        },
        clock: Arc::new(wall_clock),
        artifacts,
        enroll_token: enroll_token.clone(),
        limits: ukai_api::Limits {
            allow_private_targets: config.allow_private_targets,
            ..ukai_api::Limits::default()
        },
        metrics: api_metrics,
        health: Some(health.clone()),
        tracer: tracer.of("ukai-api"),
    });
    let router = origin::router(&config, api, &gateway);
    front.spawn(ukai_boot::http::serve(
        listener,
        router,
        front.clone(),
        ukai_boot::http::ListenLimits::default(),
    ));
    if let Some(address) = config.metrics.metrics_listen {
        ukai_boot::http::serve_health("--metrics-listen", address, health.clone(), &front).await?;
    }
    let first_key = keys::make_first(&config, &*keys).await?;
    keys::greet(&config, address, first_key.as_deref());
    let children = workers::start(&config, address, enroll_token.as_deref(), &shutdown)?;

    shutdown.stopping().await;
    health.stop();
    children.stop(STOP_LIMIT).await;
    middle.finish(STOP_LIMIT).await;
    front.finish(STOP_LIMIT).await;
    core.finish(STOP_LIMIT).await;
    bus.close().await;
    parts.failure().map_or(Ok(()), Err)
}

/// A part that ends before it was told to takes the process with it.
#[derive(Clone)]
struct Parts {
    process: Shutdown,
    failure: Arc<Mutex<Option<anyhow::Error>>>,
}

impl Parts {
    async fn watch(self, part: &'static str, run: impl Future<Output = anyhow::Result<()>>) {
        if let Err(error) = run.await {
            let error = error.context(format!("the {part} ended"));
            self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            self.process.stop();
        }
    }

    fn failure(&self) -> Option<anyhow::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn wall_clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(0) + since
}
