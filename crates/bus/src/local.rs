//! The bus of one process: the same promises as a server's, without one.

use crate::{Bus, BusError, Message, Request, Subscription, subject::matches};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Messages that one subscriber may lag behind before it loses some.
const SUBSCRIPTION_CAPACITY: usize = 65_536;
/// Requests that one server may have waiting before callers wait too.
const SERVER_CAPACITY: usize = 1_024;

/// In-process bus. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct LocalBus {
    routes: Arc<Mutex<Routes>>,
}

#[derive(Debug, Default)]
struct Routes {
    subscribers: Vec<Subscriber>,
    servers: HashMap<String, mpsc::Sender<Request>>,
}

#[derive(Debug)]
struct Subscriber {
    pattern: String,
    messages: mpsc::Sender<Message>,
    lost: Arc<AtomicU64>,
}

impl LocalBus {
    /// An empty bus.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn routes(&self) -> std::sync::MutexGuard<'_, Routes> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, subject: &str, payload: Bytes) -> Result<(), BusError> {
        let mut routes = self.routes();
        routes.subscribers.retain(|s| !s.messages.is_closed());
        for subscriber in routes.subscribers.iter().filter(|s| matches(&s.pattern, subject)) {
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
        });
        Ok(Subscription::new(receiver, lost))
    }

    async fn serve(&self, subject: &str) -> Result<mpsc::Receiver<Request>, BusError> {
        let (sender, receiver) = mpsc::channel(SERVER_CAPACITY);
        self.routes().servers.insert(subject.to_owned(), sender);
        Ok(receiver)
    }

    async fn request(&self, subject: &str, payload: Bytes, timeout: Duration) -> Result<Bytes, BusError> {
        let server = self.routes().servers.get(subject).cloned().ok_or(BusError::NoResponders)?;
        let (reply, answer) = oneshot::channel();
        let exchange = async {
            if server.send(Request::new(payload, reply)).await.is_err() {
                return Err(BusError::NoResponders);
            }
            // A server that drops the request without an answer is silence, as on a real bus.
            match answer.await {
                Ok(bytes) => Ok(bytes),
                Err(_dropped) => std::future::pending().await,
            }
        };
        tokio::time::timeout(timeout, exchange).await.unwrap_or(Err(BusError::Timeout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn publishes_to_matching_subscribers_in_order() {
        let bus = LocalBus::new();
        let mut all = bus.subscribe("a.>").await.unwrap();
        let mut one = bus.subscribe("a.b").await.unwrap();
        for n in 0..100_u8 {
            bus.publish(if n % 2 == 0 { "a.b" } else { "a.c" }, Bytes::from(vec![n])).await.unwrap();
        }
        for n in 0..100_u8 {
            assert_eq!(all.next().await.unwrap().payload[0], n);
        }
        for n in (0..100_u8).step_by(2) {
            assert_eq!(one.next().await.unwrap().payload[0], n);
        }
    }

    #[tokio::test]
    async fn request_tells_no_responder_from_silence() {
        let bus = LocalBus::new();
        let quick = Duration::from_millis(20);
        assert_eq!(bus.request("s", Bytes::new(), quick).await, Err(BusError::NoResponders));
        let mut server = bus.serve("s").await.unwrap();
        let echo = tokio::spawn(async move {
            let first = server.recv().await.unwrap();
            let payload = first.payload.clone();
            first.respond(payload);
            drop(server.recv().await);
            server
        });
        assert_eq!(bus.request("s", Bytes::from_static(b"x"), Duration::from_secs(5)).await.unwrap(), "x");
        assert_eq!(bus.request("s", Bytes::new(), quick).await, Err(BusError::Timeout));
        drop(echo.await.unwrap());
        assert_eq!(bus.request("s", Bytes::new(), quick).await, Err(BusError::NoResponders));
    }

    #[tokio::test]
    async fn a_slow_subscriber_loses_and_knows_it() {
        let bus = LocalBus::new();
        let slow = bus.subscribe(">").await.unwrap();
        for _ in 0..=SUBSCRIPTION_CAPACITY {
            bus.publish("x", Bytes::new()).await.unwrap();
        }
        assert_eq!(slow.lost(), 1);
    }
}
