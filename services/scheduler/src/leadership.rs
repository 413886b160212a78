//! Who leads: takes the lease, renews it on its own task, gives it up at once when it stops.

use crate::clock::Clock;
use crate::config::SchedulerConfig;
use crate::inbox::{Inbox, Works};
use crate::leader::{Ended, Leader};
use crate::metrics::Metrics;
use crate::{HEALTH_PART, events, intake};
use std::sync::Arc;
use std::time::Duration;
use ukai_boot::{Health, Shutdown};
use ukai_bus::Bus;
use ukai_domain::scheduler::State;
use ukai_store::{CommitError, Store};

/// Between two clean-ups.
const MAINTAIN_EVERY: Duration = Duration::from_secs(60);
/// How long a repeat of a command finds its reply.
const REPLIES_KEPT: Duration = Duration::from_secs(24 * 3600);

#[allow(clippy::too_many_arguments, reason = "the one place where the service's parts meet")]
pub(crate) async fn run(
    config: SchedulerConfig,
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    metrics: Metrics,
    inbox: Inbox,
    works: Works,
    health: Health,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let standby_poll = config.renew_every / 2;
    while !shutdown.is_stopping() {
        let taken = match store.take_over(&config.address, config.lease).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::warn!(%error, "can't look at the leader row");
                None
            }
        };
        let Some(row) = taken else {
            tokio::select! {
                () = shutdown.stopping() => break,
                () = tokio::time::sleep(standby_poll) => continue,
            }
        };
        tracing::info!(epoch = row.epoch, "leading");
        let ended =
            lead(&config, &store, &bus, &metrics, &inbox, &works, &health, &shutdown, row.epoch).await;
        metrics.leading.set(0);
        health.set(HEALTH_PART, false);
        match ended {
            Ok(Ended::Stopped) => {}
            Ok(Ended::Deposed) => tracing::warn!(epoch = row.epoch, "deposed: standing by"),
            Err(error) => tracing::error!(epoch = row.epoch, error = format!("{error:#}"), "stopped leading"),
        }
        if let Err(error) = store.release(row.epoch).await {
            tracing::warn!(%error, "the lease could not be given up");
        }
        if !shutdown.is_stopping() {
            tokio::time::sleep(standby_poll).await;
        }
    }
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "as above")]
async fn lead(
    config: &SchedulerConfig,
    store: &Arc<dyn Store>,
    bus: &Arc<dyn Bus>,
    metrics: &Metrics,
    inbox: &Inbox,
    works: &Works,
    health: &Health,
    shutdown: &Shutdown,
    epoch: u64,
) -> anyhow::Result<Ended> {
    let snapshot = store.load(epoch, config.settings.delayed_window).await?;
    let row = store.leader().await?.ok_or_else(|| anyhow::anyhow!("the leader row is gone"))?;
    let clock = Clock::start(row.now.max(snapshot.last_now));
    let seed = epoch ^ row.now.0.unsigned_abs().rotate_left(17) ^ u64::from(std::process::id()) << 40;
    let state = State::load(config.settings.clone(), snapshot, seed, clock.now());
    let leading = shutdown.child();
    let renewal = leading.spawn(renew(Arc::clone(store), config.clone(), epoch, leading.clone()));
    let stream = events::Publisher::new(Arc::clone(bus), epoch);
    leading.spawn(stream.clone().announce_head(state.last_event(), leading.clone()));
    let intake = {
        let (bus, inbox, leading) = (Arc::clone(bus), inbox.clone(), leading.clone());
        async move { intake::run(&*bus, &inbox, &leading).await }
    };
    leading.spawn(async move {
        if let Err(error) = intake.await {
            tracing::error!(%error, "gateways can't be heard");
        }
    });
    leading.spawn(maintain(Arc::clone(store), epoch, clock, leading.clone()));
    metrics.leading.set(1);
    health.set(HEALTH_PART, true);
    let mut works = works.lock().await;
    let leader = Leader {
        config: config.clone(),
        store: Arc::clone(store),
        bus: Arc::clone(bus),
        metrics: metrics.clone(),
        inbox: inbox.clone(),
        clock,
        seed,
        leading: leading.clone(),
        events: stream,
        stepped: std::time::Instant::now(),
        measured: None,
        looked: None,
    };
    let ended = leader.run(state, &mut works).await;
    leading.finish(Duration::from_secs(5)).await;
    let deposed = renewal.await.unwrap_or(true);
    Ok(if deposed && !shutdown.is_stopping() { Ended::Deposed } else { ended? })
}

/// Renews until the end of the epoch; true when it was lost.
async fn renew(store: Arc<dyn Store>, config: SchedulerConfig, epoch: u64, leading: Shutdown) -> bool {
    let mut renewed = tokio::time::Instant::now();
    loop {
        tokio::select! {
            () = leading.stopping() => return false,
            () = tokio::time::sleep(config.renew_every) => {}
        }
        match store.renew(epoch, config.lease).await {
            Ok(_) => renewed = tokio::time::Instant::now(),
            Err(CommitError::Deposed { .. }) => {
                leading.stop();
                return true;
            }
            Err(error) => {
                tracing::warn!(%error, overdue_ms = renewed.elapsed().as_millis(), "the lease was not renewed")
            }
        }
    }
}

/// Forgets replies that are older than a day, in small steps between commits.
async fn maintain(store: Arc<dyn Store>, epoch: u64, clock: Clock, leading: Shutdown) {
    loop {
        tokio::select! {
            () = leading.stopping() => return,
            () = tokio::time::sleep(MAINTAIN_EVERY) => {}
        }
        if let Err(error) = store.maintain(epoch, clock.now() - REPLIES_KEPT).await {
            tracing::warn!(%error, "old rows were not removed");
        }
    }
}
