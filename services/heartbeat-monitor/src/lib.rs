#![doc = include_str!("../README.md")]

mod judge;
pub mod process;

pub use judge::{HeldBack, Judge, Verdict};

use futures::StreamExt;
use prost::Message;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ukai_boot::{Registry, Shutdown};
use ukai_bus::{Bus, HEARTBEATS};
use ukai_domain::{GatewayId, SessionId};
use ukai_rpc::{Scheduler, v1};

/// Between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// The reports of one sweep take at most this long: the next one repeats those without an answer.
const REPORTS: Duration = Duration::from_secs(4);
/// Calls of the leader at once.
const AT_ONCE: usize = 32;

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
    let status = bus.status();
    let mut connects = status.borrow().connects;
    let mut judge = Judge::new(config.timeout, Instant::now());
    let mut tick = tokio::time::interval(SWEEP_EVERY.min(config.timeout / 10));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // What was heard while reports were under way comes before the next judgement.
            biased;
            () = shutdown.stopping() => return Ok(()),
            message = digests.next() => match message {
                Some(message) => hear(&mut judge, &message.payload),
                None => anyhow::bail!("the bus is closed"),
            },
            _ = tick.tick() => {
                let line = *status.borrow();
                if !line.is_connected || line.connects != std::mem::replace(&mut connects, line.connects) {
                    judge.start_anew(Instant::now());
                }
                let sweep = judge.sweep(Instant::now());
                registry.watched.set(i64::try_from(judge.watched()).unwrap_or(i64::MAX));
                if !sweep.held_back.is_empty() {
                    registry.mass_losses.inc();
                    alert(&sweep.held_back);
                }
                if !sweep.lost.is_empty() {
                    tokio::select! {
                        () = shutdown.stopping() => return Ok(()),
                        () = report_all(&scheduler, &mut judge, &registry, sweep.lost) => {}
                    }
                    judge.reported(Instant::now(), REPORTS);
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

fn alert(held_back: &[HeldBack]) {
    for held in held_back {
        tracing::error!(
            gateway.id = %held.gateway,
            sessions = held.sessions,
            gateway_silent_ms = held.gateway_silent_for.as_millis(),
            "many workers fell silent at once: waiting once more"
        );
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
    let now = Instant::now();
    judge.stalled(gateway, Duration::from_millis(digest.late_ms), now);
    judge.hear(gateway, &heard, now);
    if digest.whole {
        let (from, until) = (SessionId::from_slice(&digest.from), SessionId::from_slice(&digest.until));
        let told = |session: SessionId| {
            from.is_none_or(|from| from <= session) && until.is_none_or(|until| session < until)
        };
        judge.keep(gateway, told, &heard.iter().map(|(session, _)| *session).collect());
    }
    for session in digest.ended.iter().filter_map(|id| SessionId::from_slice(id)) {
        judge.forget(session);
    }
}

async fn report_all(scheduler: &Scheduler, judge: &mut Judge, metrics: &Metrics, lost: Vec<Verdict>) {
    let deadline = tokio::time::Instant::now() + REPORTS;
    let (mut waiting, mut answered) = (lost.len(), 0);
    let mut reports = futures::stream::iter(lost)
        .map(|verdict| async move { (verdict, report(scheduler.clone(), verdict).await) })
        .buffer_unordered(AT_ONCE);
    while let Ok(Some((verdict, taken))) = tokio::time::timeout_at(deadline, reports.next()).await {
        waiting -= 1;
        match taken {
            Ok(()) => {
                answered += u64::from(!verdict.is_repeat);
                judge.taken(verdict.session, Instant::now());
            }
            Err(status) => tracing::warn!(session.id = %verdict.session, %status, "a loss was not taken"),
        }
    }
    metrics.reported.inc_by(answered);
    if waiting > 0 {
        tracing::warn!(reports = waiting, "losses were not answered in time");
    }
}

async fn report(mut scheduler: Scheduler, verdict: Verdict) -> Result<(), tonic::Status> {
    let request = v1::ReportLostRequest {
        session: verdict.session.as_bytes().to_vec(),
        silent_for_ms: u64::try_from(verdict.silent_for.as_millis()).unwrap_or(u64::MAX),
    };
    scheduler.report_lost(request).await.map(|_| ())
}
