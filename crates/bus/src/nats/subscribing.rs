//! Subscriptions: a bounded queue each, and a count of what didn't fit.

use super::ENQUEUE;
use super::metrics::Metrics;
use super::prefix::Prefix;
use crate::{BusError, Message, Subscription};
use async_nats::{Client, Subscriber};
use futures::StreamExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Messages that one subscriber may lag behind before it loses some.
const CAPACITY: usize = 65_536;

/// The counts of lost messages of all open subscriptions.
#[derive(Debug, Default)]
pub(super) struct Losses(Mutex<Vec<Weak<AtomicU64>>>);

impl Losses {
    fn open(&self) -> Arc<AtomicU64> {
        let count = Arc::new(AtomicU64::new(0));
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|count| count.strong_count() > 0);
        counts.push(Arc::downgrade(&count));
        count
    }

    /// The library lost a message and doesn't say whose: one too many reads of the log is better than one too few.
    pub(super) fn one_for_all(&self) {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for count in counts.iter().filter_map(Weak::upgrade) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Subscribes; while the server is away it is done at its return.
pub(super) async fn open(client: &Client, pattern: &str) -> Result<Subscriber, BusError> {
    match timeout(ENQUEUE, client.subscribe(pattern.to_owned())).await {
        Ok(Ok(subscriber)) => Ok(subscriber),
        Ok(Err(error)) => {
            tracing::error!(pattern, %error, "can't subscribe");
            Err(BusError::Unavailable)
        }
        Err(_full) => Err(BusError::Unavailable),
    }
}

/// What the subscriber gets, and the task that carries it there.
pub(super) fn forward(
    mut subscriber: Subscriber,
    prefix: Prefix,
    losses: &Losses,
    metrics: &Metrics,
) -> (Subscription, impl Future<Output = ()> + Send + use<>) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let lost = losses.open();
    let subscription = Subscription::new(receiver, Arc::clone(&lost));
    let dropped = metrics.dropped.clone();
    let forwarding = async move {
        loop {
            let message = tokio::select! {
                () = sender.closed() => break,
                message = subscriber.next() => message,
            };
            let Some(message) = message else { return };
            let subject = prefix.inside(message.subject.into_string());
            let message = Message { subject, payload: message.payload };
            if sender.try_send(message).is_err() {
                lost.fetch_add(1, Ordering::Relaxed);
                dropped.inc();
            }
        }
        leave(subscriber).await;
    };
    (subscription, forwarding)
}

/// Tells the server; dropping does so too, but only as far as there is room.
pub(super) async fn leave(mut subscriber: Subscriber) {
    let _away = timeout(ENQUEUE, subscriber.unsubscribe()).await;
}
