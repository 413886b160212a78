#![doc = include_str!("../README.md")]

mod judge;

pub use judge::{Judge, Verdict};

use prost::Message;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ukai_boot::{Registry, Shutdown};
use ukai_bus::{Bus, HEARTBEATS};
use ukai_domain::{GatewayId, SessionId};
use ukai_rpc::{Scheduler, v1};

/// Between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// A call of the leader takes at most this long.
const CALL: Duration = Duration::from_secs(4);

/// What a monitor needs to know.
#[derive(Clone, Debug)]
pub struct MonitorConfig {
    /// Silence after which a session counts as lost.
    pub timeout: Duration,
}

/// Listens and judges until the shutdown.
pub async fn run(
    config: MonitorConfig,
    bus: Arc<dyn Bus>,
    scheduler: Scheduler,
    registry: Metrics,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let mut digests = bus.subscribe(HEARTBEATS).await?;
    let mut judge = Judge::new(config.timeout, Instant::now());
    let mut tick = tokio::time::interval(SWEEP_EVERY.min(config.timeout / 10));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.stopping() => return Ok(()),
            message = digests.next() => match message {
                Some(message) => hear(&mut judge, &message.payload),
                None => anyhow::bail!("the bus is closed"),
            },
            _ = tick.tick() => {
                let sweep = judge.sweep(Instant::now());
                registry.watched.set(i64::try_from(judge.watched()).unwrap_or(i64::MAX));
                if sweep.held_back > 0 {
                    registry.mass_losses.inc();
                    tracing::error!(sessions = sweep.held_back, "many workers fell silent at once: waiting once more");
                }
                for verdict in sweep.lost {
                    report(&scheduler, &mut judge, &registry, verdict).await;
                }
            }
        }
    }
}

/// What a monitor measures.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    watched: prometheus_client::metrics::gauge::Gauge,
    reported: prometheus_client::metrics::counter::Counter,
    mass_losses: prometheus_client::metrics::counter::Counter,
}

impl Metrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let r = registry.sub_registry_with_prefix("ukai_monitor");
        r.register("watched_sessions", "Sessions heard of", metrics.watched.clone());
        r.register("reported_lost", "Sessions reported as lost", metrics.reported.clone());
        r.register("mass_losses", "Sweeps that were held back once", metrics.mass_losses.clone());
        metrics
    }
}

fn hear(judge: &mut Judge, payload: &[u8]) {
    let Ok(digest) = v1::HeartbeatDigest::decode(payload) else { return };
    let Some(gateway) = GatewayId::from_slice(&digest.gateway) else { return };
    let heard = digest
        .heard
        .iter()
        .filter_map(|h| Some((SessionId::from_slice(&h.session)?, Duration::from_millis(h.ago_ms))))
        .collect::<Vec<_>>();
    judge.hear(gateway, &heard, Instant::now());
}

async fn report(scheduler: &Scheduler, judge: &mut Judge, metrics: &Metrics, verdict: Verdict) {
    let request = v1::ReportLostRequest {
        session: verdict.session.as_bytes().to_vec(),
        silent_for_ms: u64::try_from(verdict.silent_for.as_millis()).unwrap_or(u64::MAX),
    };
    let mut scheduler = scheduler.clone();
    match tokio::time::timeout(CALL, scheduler.report_lost(request)).await {
        Ok(Ok(_)) => {
            metrics.reported.inc();
            judge.forget(verdict.session);
        }
        Ok(Err(status)) => tracing::warn!(session.id = %verdict.session, %status, "a loss was not taken"),
        Err(_) => tracing::warn!(session.id = %verdict.session, "a loss was not answered"),
    }
}
