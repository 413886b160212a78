//! Who leads: takes the lease, renews it on its own task, gives it up at once when it stops.

use crate::clock::Clock;
use crate::config::SchedulerConfig;
use crate::inbox::{Inbox, Works, give_back};
use crate::leader::{Ended, Leader};
use crate::metrics::Metrics;
use crate::standing::{Role, Standing};
use crate::traced::Traced;
use crate::{HEALTH_PART, bus_watch, events, intake};
use std::sync::Arc;
use std::time::Duration;
use ukai_boot::{Health, Shutdown};
use ukai_bus::Bus;
use ukai_domain::Timestamp;
use ukai_domain::scheduler::State;
use ukai_store::{CommitError, LeaderRow, Store, StoreError};

/// How long a repeat of a command finds its reply.
const REPLIES_KEPT: Duration = Duration::from_secs(24 * 3600);
/// So much the leader's time may be behind the database's.
const MOST_BEHIND: Duration = Duration::from_secs(2);
/// Rows of artifacts that one step deletes.
const ARTIFACTS_AT_ONCE: u32 = 500;

/// A process that leads whenever it can.
pub(crate) struct Candidate {
    pub(crate) config: SchedulerConfig,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) metrics: Metrics,
    pub(crate) inbox: Inbox,
    pub(crate) works: Works,
    pub(crate) standing: Standing,
    pub(crate) health: Health,
    pub(crate) shutdown: Shutdown,
}

impl Candidate {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let standby_poll = self.config.renew_every / 2;
        while !self.shutdown.is_stopping() {
            if let Some(row) = self.try_to_lead().await {
                let epoch = row.epoch;
                tracing::info!(epoch, "leading");
                let ended = self.lead(row).await;
                self.metrics.leading.set(0);
                self.stand_by(None, false);
                match ended {
                    Ok(Ended::Stopped) => tracing::info!(epoch, "another may lead"),
                    Ok(Ended::Deposed) => tracing::warn!(epoch, "deposed: standing by"),
                    Err(error) => {
                        tracing::error!(epoch, error = format!("{error:#}"), "stopped leading");
                    }
                }
            }
            tokio::select! {
                () = self.shutdown.stopping() => {}
                () = tokio::time::sleep(standby_poll) => {}
            }
        }
        Ok(())
    }

    /// The row of the new epoch, where the lease was free.
    async fn try_to_lead(&self) -> Option<LeaderRow> {
        let (taken, leader) = match self.store.take_over(&self.config.address, self.config.lease).await {
            Ok(Some(row)) => return Some(row),
            Ok(None) => (Ok(()), self.store.leader().await.ok().flatten()),
            Err(error) => (Err(error), None),
        };
        if let Err(error) = &taken {
            tracing::warn!(%error, "can't look at the leader row");
        }
        self.stand_by(leader.as_ref().and_then(LeaderRow::live_address), taken.is_ok());
        None
    }

    fn stand_by(&self, leader: Option<&str>, is_well: bool) {
        self.standing.set(Role::StandingBy { leader: leader.map(str::to_owned) });
        self.health.set(HEALTH_PART, is_well && self.config.is_ready_in_standby);
    }

    /// From the first moment the lease is renewed: to load may take longer than it lasts.
    async fn lead(&self, row: LeaderRow) -> anyhow::Result<Ended> {
        let (epoch, clock, leading) = (row.epoch, Clock::start(row.now), self.shutdown.child());
        let renewal = leading.spawn(renew(
            Arc::clone(&self.store),
            self.config.clone(),
            (row, clock),
            (self.health.clone(), self.standing.clone()),
            leading.clone(),
        ));
        let ended = self.load_and_lead(epoch, clock, &leading).await;
        leading.stop();
        let deposed = renewal.await.unwrap_or(true);
        if !deposed {
            self.release(epoch).await;
        }
        leading.finish(Duration::from_secs(5)).await;
        Ok(if deposed { Ended::Deposed } else { ended? })
    }

    async fn load_and_lead(&self, epoch: u64, clock: Clock, leading: &Shutdown) -> anyhow::Result<Ended> {
        let Self { config, store, .. } = self;
        let snapshot = tokio::select! {
            snapshot = store.load(epoch, config.settings.delayed_window) => snapshot?,
            () = leading.stopping() => return Ok(Ended::Stopped),
        };
        let clock = Clock::start(clock.now().max(snapshot.last_now));
        let seed = epoch ^ clock.now().0.unsigned_abs().rotate_left(17) ^ u64::from(std::process::id()) << 40;
        let state = State::load(config.settings.clone(), snapshot, seed, clock.now());
        let stream = events::Publisher::new(Arc::clone(&self.bus), epoch);
        self.listen(&stream, state.last_event(), leading);
        leading.spawn(maintain(Arc::clone(store), config.clone(), epoch, clock, leading.clone()));
        self.metrics.leading.set(1);
        self.health.set(HEALTH_PART, true);
        let mut works = self.works.lock().await;
        self.standing.set(Role::Leading);
        let leader = Leader {
            config: config.clone(),
            store: Arc::clone(store),
            bus: Arc::clone(&self.bus),
            metrics: self.metrics.clone(),
            inbox: self.inbox.clone(),
            clock,
            seed,
            leading: leading.clone(),
            events: stream,
            stepped: std::time::Instant::now(),
            measured: None,
            looked: None,
            traced: Traced::default(),
        };
        let ended = leader.run(state, &mut works).await;
        // Whoever waits is free to go before the lease is.
        self.standing.set(Role::StandingBy { leader: None });
        leading.stop();
        give_back(&mut works);
        ended
    }

    /// Another may lead at once. Harmless when another does.
    async fn release(&self, epoch: u64) {
        if let Err(error) = self.store.release(epoch).await {
            tracing::warn!(%error, "the lease could not be given up");
        }
    }

    /// Hears gateways, and tells observers where the log stands.
    fn listen(&self, stream: &events::Publisher, last_event: u64, leading: &Shutdown) {
        leading.spawn(stream.clone().announce_head(last_event, leading.clone()));
        let (bus, inbox, until) = (Arc::clone(&self.bus), self.inbox.clone(), leading.clone());
        let tracer = self.config.tracer.clone();
        leading.spawn(async move {
            if let Err(error) = intake::run(&*bus, &inbox, &tracer, &until).await {
                // Who can't be told anything must not lead.
                tracing::error!(%error, "gateways can't be heard");
                until.stop();
            }
        });
        leading.spawn(bus_watch::run(self.bus.status(), self.inbox.clone(), leading.clone()));
    }
}

/// Renews until the end of the epoch; true when it was lost. A leader whose time stood still (its machine slept) ends its
/// epoch: it takes the next one by the database's time, and gives every clock a fresh start.
async fn renew(
    store: Arc<dyn Store>,
    config: SchedulerConfig,
    (mut heard, clock): (LeaderRow, Clock),
    (health, standing): (Health, Standing),
    leading: Shutdown,
) -> bool {
    let mut renewed = tokio::time::Instant::now();
    loop {
        tokio::select! {
            () = leading.stopping() => return false,
            () = tokio::time::sleep(config.renew_every) => {}
        }
        match store.renew(heard.epoch, heard.expires_at, config.lease).await {
            Ok(row) => {
                let behind = row.now.since(clock.now());
                if behind > MOST_BEHIND {
                    tracing::warn!(
                        behind_ms = behind.as_millis(),
                        "behind the database's time: beginning anew"
                    );
                    leading.stop();
                    return false;
                }
                heard = row;
                renewed = tokio::time::Instant::now();
                if standing.is_leading() {
                    health.set(HEALTH_PART, true);
                }
            }
            Err(CommitError::Deposed { .. }) => {
                leading.stop();
                return true;
            }
            Err(error) => {
                tracing::warn!(%error, overdue_ms = renewed.elapsed().as_millis(), "the lease was not renewed");
                health.set(HEALTH_PART, renewed.elapsed() < config.lease);
            }
        }
    }
}

/// Forgets replies that are older than a day, old artifacts and old events, in small steps between commits.
async fn maintain(
    store: Arc<dyn Store>,
    config: SchedulerConfig,
    epoch: u64,
    clock: Clock,
    leading: Shutdown,
) {
    loop {
        tokio::select! {
            () = leading.stopping() => return,
            () = tokio::time::sleep(config.maintain_every) => {}
        }
        tokio::select! {
            // A step that is left in the middle changes nothing.
            () = leading.stopping() => return,
            () = forget(&*store, &config, epoch, clock.now()) => {}
        }
    }
}

/// All that is too old now.
async fn forget(store: &dyn Store, config: &SchedulerConfig, epoch: u64, now: Timestamp) {
    if let Err(error) = store.maintain(epoch, now - REPLIES_KEPT).await {
        tracing::warn!(%error, "old rows were not removed");
    }
    if let Some(kept) = config.artifacts_kept
        && let Err(error) = forget_artifacts(store, now - kept).await
    {
        tracing::warn!(%error, "old artifacts were not forgotten");
    }
    if let Some(kept) = config.events_kept
        && let Err(error) = store.forget_events(epoch, now - kept).await
    {
        tracing::warn!(%error, "old events were not forgotten");
    }
}

/// The contents go with the next sweep of their store.
async fn forget_artifacts(store: &dyn Store, before: Timestamp) -> Result<(), StoreError> {
    while store.delete_artifacts(before, ARTIFACTS_AT_ONCE).await? == u64::from(ARTIFACTS_AT_ONCE) {}
    Ok(())
}
