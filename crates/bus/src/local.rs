//! The bus of one process: the same promises as a server's, without one.

use crate::{Bus, BusError, BusStatus, Message, Request, Subscription, subject::matches};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Messages that one subscriber may lag behind before it loses some.
const SUBSCRIPTION_CAPACITY: usize = 65_536;
/// Requests that one server may have waiting before callers wait too.
const SERVER_CAPACITY: usize = 1_024;

/// In-process bus. Clones share it and its link.
#[derive(Clone, Debug, Default)]
pub struct LocalBus {
    routes: Arc<Mutex<Routes>>,
    link: Arc<Link>,
}

#[derive(Debug, Default)]
struct Routes {
    subscribers: Vec<Subscriber>,
    servers: HashMap<String, Server>,
}

#[derive(Debug)]
struct Subscriber {
    pattern: String,
    messages: mpsc::Sender<Message>,
    lost: Arc<AtomicU64>,
    link: Arc<Link>,
}

#[derive(Clone, Debug)]
struct Server {
    requests: mpsc::Sender<Request>,
    link: Arc<Link>,
}

/// One user's way to the bus.
#[derive(Debug)]
struct Link(watch::Sender<BusStatus>);

impl Default for Link {
    fn default() -> Self {
        let mut status = BusStatus::away();
        status.update(true, 1);
        Self(watch::Sender::new(status))
    }
}

impl Link {
    fn is_up(&self) -> bool {
        self.0.borrow().is_connected
    }

    fn check(&self) -> Result<(), BusError> {
        if self.is_up() { Ok(()) } else { Err(BusError::Unavailable) }
    }
}

impl LocalBus {
    /// An empty bus.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same bus over a link of its own, which can be cut alone.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { routes: Arc::clone(&self.routes), link: Arc::default() }
    }

    /// Cuts this link until [`LocalBus::mend`]: for tests of what a service does without the bus.
    pub fn cut(&self) {
        self.link.0.send_if_modified(|status| status.update(false, status.connects));
    }

    /// Subscriptions and servers go on; what was sent meanwhile is lost.
    pub fn mend(&self) {
        self.link
            .0
            .send_if_modified(|status| !status.is_connected && status.update(true, status.connects + 1));
    }

    fn routes(&self) -> std::sync::MutexGuard<'_, Routes> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once the link is cut.
    async fn cut_off(&self) -> BusError {
        // The sender lives as long as this bus.
        let mut status = self.link.0.subscribe();
        let _cut = status.wait_for(|status| !status.is_connected).await.is_ok();
        BusError::Unavailable
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, subject: &str, payload: Bytes) -> Result<(), BusError> {
        self.link.check()?;
        let mut routes = self.routes();
        routes.subscribers.retain(|s| !s.messages.is_closed());
        for subscriber in routes.subscribers.iter().filter(|s| s.link.is_up() && matches(&s.pattern, subject))
        {
            let message = Message { subject: subject.to_owned(), payload: payload.clone() };
            if subscriber.messages.try_send(message).is_err() {
                subscriber.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn is_wanted(&self, subject: &str) -> bool {
        self.routes().subscribers.iter().any(|s| !s.messages.is_closed() && matches(&s.pattern, subject))
    }

    async fn subscribe(&self, pattern: &str) -> Result<Subscription, BusError> {
        let (sender, receiver) = mpsc::channel(SUBSCRIPTION_CAPACITY);
        let lost = Arc::new(AtomicU64::new(0));
        self.routes().subscribers.push(Subscriber {
            pattern: pattern.to_owned(),
            messages: sender,
            lost: Arc::clone(&lost),
            link: Arc::clone(&self.link),
        });
        Ok(Subscription::new(receiver, lost))
    }

    async fn serve(&self, subject: &str) -> Result<mpsc::Receiver<Request>, BusError> {
        let (requests, receiver) = mpsc::channel(SERVER_CAPACITY);
        self.routes().servers.insert(subject.to_owned(), Server { requests, link: Arc::clone(&self.link) });
        Ok(receiver)
    }

    async fn request_within(
        &self,
        traceparent: Option<&str>,
        subject: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, BusError> {
        self.link.check()?;
        let server = self.routes().servers.get(subject).filter(|s| s.link.is_up()).cloned();
        let server = server.ok_or(BusError::NoResponders)?;
        let (reply, answer) = oneshot::channel();
        let request = Request::new(payload, traceparent.map(str::to_owned), reply);
        let exchange = async {
            if server.requests.send(request).await.is_err() {
                return Err(BusError::NoResponders);
            }
            // A server that drops the request without an answer is silence, as on a real bus.
            match answer.await {
                Ok(bytes) if server.link.is_up() => Ok(bytes),
                Ok(_) | Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            outcome = tokio::time::timeout(timeout, exchange) => outcome.unwrap_or(Err(BusError::Timeout)),
            error = self.cut_off() => Err(error),
        }
    }

    fn status(&self) -> watch::Receiver<BusStatus> {
        self.link.0.subscribe()
    }
}
