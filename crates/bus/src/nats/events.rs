//! What happens to the connection: its state for everybody, its troubles in the log and the metrics.

use super::metrics::Metrics;
use super::subscribing::Losses;
use crate::BusStatus;
use async_nats::{ClientError, Event, ServerError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// The library drops events when many come at once, so its state is also looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// An event comes a moment before or after the state that it speaks of.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Between two complaints about the same trouble.
const COMPLAIN_EVERY: Duration = Duration::from_secs(30);

/// The connection's state, shared by all who wait for it.
#[derive(Debug)]
pub(super) struct Line {
    status: watch::Sender<BusStatus>,
    happened: Notify,
    is_closing: AtomicBool,
    closed: watch::Sender<bool>,
    complained: Mutex<Option<Instant>>,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            status: watch::Sender::new(BusStatus::away()),
            happened: Notify::new(),
            is_closing: AtomicBool::new(false),
            closed: watch::Sender::new(false),
            complained: Mutex::default(),
        }
    }

    pub(super) fn status(&self) -> BusStatus {
        *self.status.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<BusStatus> {
        self.status.subscribe()
    }

    /// Returns once the connection of this moment is gone, even if another stands by then.
    pub(super) fn interrupted(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut status = self.status.subscribe();
        let connects = status.borrow().connects;
        async move {
            // The sender is gone only with the bus.
            let _gone = status.wait_for(|now| !now.is_connected || now.connects != connects).await.is_ok();
        }
    }

    /// From now on it is away for good.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
        self.status.send_if_modified(|status| status.update(false, status.connects));
    }

    /// Returns once the library has sent everything and closed.
    pub(super) async fn closed(&self) {
        let mut closed = self.closed.subscribe();
        let _done = closed.wait_for(|closed| *closed).await.is_ok();
    }

    /// Follows the library's state until the bus is closed.
    pub(super) async fn follow(self: Arc<Self>, client: async_nats::Client, metrics: Metrics) {
        while !self.is_closing.load(Ordering::Acquire) {
            self.look(&client, &metrics);
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.happened.notified() => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
        metrics.connected.set(0);
    }

    /// Takes over the library's state of this moment.
    pub(super) fn look(&self, client: &async_nats::Client, metrics: &Metrics) {
        let is_connected = client.connection_state() == async_nats::connection::State::Connected;
        let connects = client.statistics().connects.load(Ordering::Relaxed);
        let before = self.status();
        if self.status.send_if_modified(|status| status.update(is_connected, connects)) {
            tell(before, self.status(), metrics);
        }
    }

    /// One event of the library.
    pub(super) fn hear(&self, event: &Event, losses: &Losses, metrics: &Metrics) {
        match event {
            Event::Connected | Event::Disconnected => self.happened.notify_one(),
            Event::Closed => {
                self.closed.send_replace(true);
            }
            Event::SlowConsumer(_) | Event::ServerError(ServerError::SlowConsumer(_)) => {
                losses.one_for_all();
                metrics.dropped.inc();
                self.complain(|| tracing::warn!("messages of the bus came faster than they were taken"));
            }
            Event::ServerError(ServerError::AuthorizationViolation) => {
                self.complain(|| tracing::error!("the bus refuses this user or password"));
            }
            Event::ServerError(ServerError::Other(error)) => {
                if error.to_ascii_lowercase().contains("permissions violation") {
                    metrics.refused.inc();
                }
                tracing::error!(error, "the bus refuses something");
            }
            Event::ClientError(ClientError::Other(error)) if error.contains("authorization") => {
                self.complain(|| tracing::error!("the bus refuses this user or password: trying on"));
            }
            Event::ClientError(error) => {
                self.complain(|| tracing::warn!(%error, "the bus can't be reached: trying on"));
            }
            Event::LameDuckMode => tracing::info!("the bus server is about to stop"),
            Event::Draining => {}
        }
    }

    fn complain(&self, log: impl FnOnce()) {
        let now = Instant::now();
        let mut last = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|at| now.duration_since(at) >= COMPLAIN_EVERY) {
            *last = Some(now);
            log();
        }
    }
}

fn tell(before: BusStatus, now: BusStatus, metrics: &Metrics) {
    metrics.connected.set(i64::from(now.is_connected));
    // A connection that came back between two looks was away as well.
    let cuts = now.connects.saturating_sub(before.connects) + u64::from(before.is_connected);
    metrics.disconnects.inc_by(cuts.saturating_sub(u64::from(now.is_connected)));
    let away_ms = if before.is_connected { 0 } else { before.since.elapsed().as_millis() };
    match now.is_connected {
        true => tracing::info!(away_ms, connects = now.connects, "connected to the bus"),
        false => tracing::warn!("the bus is away"),
    }
}
