//! What all parts of one gateway share.

use crate::HEALTH_PART;
use crate::auth::Authenticator;
use crate::config::Config;
use crate::inbox::Inbox;
use crate::metrics::Metrics;
use crate::reach::Reach;
use crate::sessions::Sessions;
use socketioxide::service::SocketIoService;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use ukai_boot::Health;
use ukai_boot::http::TransportHandle;
use ukai_bus::Bus;
use ukai_domain::{GatewayId, Timestamp};

/// One gateway's parts.
pub(crate) struct Shared {
    pub(crate) id: GatewayId,
    pub(crate) config: Config,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) auth: Authenticator,
    pub(crate) sessions: Sessions,
    pub(crate) inbox: Inbox,
    pub(crate) metrics: Metrics,
    pub(crate) epoch: Epoch,
    /// Whether a leader has acknowledged an announcement of this gateway, and answers it.
    pub(crate) acknowledged: watch::Sender<bool>,
    pub(crate) engine: OnceLock<SocketIoService<axum::Router>>,
    /// Whether the bus reaches this gateway.
    pub(crate) reach: watch::Sender<Reach>,
    /// Whether its last word is so old that the leader may have said something that didn't arrive.
    pub(crate) may_miss_words: watch::Sender<bool>,
    /// Whether an announcement is under way: what is pushed meanwhile is not in it, so it is confirmed after it only.
    pub(crate) announcing: watch::Sender<bool>,
    /// Whether workers are sent elsewhere because the bus is away from here.
    pub(crate) refuses: AtomicBool,
    /// Whether they are because this gateway is about to end.
    pub(crate) departs: AtomicBool,
    /// Whether another gateway was heard lately.
    pub(crate) has_neighbours: AtomicBool,
    health: OnceLock<Health>,
    started: Instant,
    upgraded: Mutex<HashMap<String, TransportHandle>>,
}

impl Shared {
    pub(crate) fn new(
        id: GatewayId,
        config: Config,
        bus: Arc<dyn Bus>,
        auth: Authenticator,
        metrics: Metrics,
    ) -> Self {
        let inbox = Inbox::new(config.limits.queued_inputs, config.limits.queued_bytes);
        Self {
            id,
            config,
            bus,
            auth,
            sessions: Sessions::default(),
            inbox,
            metrics,
            epoch: Epoch::default(),
            acknowledged: watch::Sender::new(false),
            engine: OnceLock::new(),
            reach: watch::Sender::default(),
            may_miss_words: watch::Sender::default(),
            announcing: watch::Sender::default(),
            refuses: AtomicBool::new(false),
            departs: AtomicBool::new(false),
            has_neighbours: AtomicBool::new(false),
            health: OnceLock::new(),
            started: Instant::now(),
            upgraded: Mutex::default(),
        }
    }

    /// Milliseconds since this gateway started.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Where [`Shared::set_ready`] goes, from the first call on.
    pub(crate) fn report_health(&self, health: Health) {
        let _as_before = self.health.set(health);
    }

    pub(crate) fn set_ready(&self, is_ready: bool) {
        if let Some(health) = self.health.get() {
            health.set(HEALTH_PART, is_ready);
        }
    }

    /// Notes the transport that an Engine.IO session was upgraded to.
    pub(crate) fn note_upgrade(&self, sid: &str, handle: TransportHandle) {
        let mut upgraded = self.upgraded.lock().unwrap_or_else(PoisonError::into_inner);
        if upgraded.len().is_power_of_two() {
            upgraded.retain(|_, h| !h.is_gone());
        }
        upgraded.insert(sid.to_owned(), handle);
    }

    /// How many are noted.
    #[cfg(test)]
    pub(crate) fn upgrades_noted(&self) -> usize {
        self.upgraded.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The transport that an Engine.IO session was upgraded to, if it was.
    pub(crate) fn upgraded(&self, sid: &str) -> Option<TransportHandle> {
        self.upgraded.lock().unwrap_or_else(PoisonError::into_inner).get(sid).cloned()
    }

    /// A leader's epoch, from whichever side it came. `false` for an older one: its sender is deposed.
    pub(crate) fn heard_epoch(&self, epoch: u64) -> bool {
        let before = self.epoch.known.fetch_max(epoch, Ordering::AcqRel);
        if epoch > before {
            // The batcher announces the sessions to a leader that it hears of for the first time.
            self.inbox.wake();
        }
        epoch >= before
    }
}

/// The newest leader that was heard, and whether it may have forgotten our sessions.
#[derive(Default)]
pub(crate) struct Epoch {
    known: AtomicU64,
    is_forgotten: AtomicBool,
}

impl Epoch {
    /// The newest epoch.
    pub(crate) fn known(&self) -> u64 {
        self.known.load(Ordering::Acquire)
    }

    /// The leader has to be told of all sessions again, whatever its epoch.
    pub(crate) fn forget(&self) {
        self.is_forgotten.store(true, Ordering::Release);
    }

    /// Whether it has to be; asking settles it.
    pub(crate) fn take_forgotten(&self) -> bool {
        self.is_forgotten.swap(false, Ordering::AcqRel)
    }
}

/// The wall clock, for the timestamps of `error` events alone.
pub(crate) fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
