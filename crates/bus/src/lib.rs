#![doc = include_str!("../README.md")]

mod local;
mod nats;
mod status;
mod subject;

pub use local::LocalBus;
pub use nats::{ConnectError, NatsBus, NatsFlags, NatsOptions, connect};
pub use status::BusStatus;
pub use subject::matches;

use async_trait::async_trait;
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// One ordered stream a gateway incarnation; only the leader answers.
pub const SCHEDULER_IN: &str = "ukai.v1.scheduler.in";
/// Digests of gateways, once a second.
pub const HEARTBEATS: &str = "ukai.v1.heartbeats";
/// The last event number, each second and on takeover.
pub const EVENT_HEAD: &str = "ukai.v1.event.head";
/// All events, for subscribers.
pub const EVENTS: &str = "ukai.v1.event.>";

/// Where a gateway's pushes go.
#[must_use]
pub fn gateway_subject(gateway: &str) -> String {
    format!("ukai.v1.gateway.{gateway}")
}

/// Where a job's events go.
#[must_use]
pub fn event_subject(kind: &str, job: &str) -> String {
    format!("ukai.v1.event.{kind}.{job}")
}

/// A message that arrived at a subscription.
#[derive(Clone, Debug)]
pub struct Message {
    /// Where it was published.
    pub subject: String,
    /// What.
    pub payload: Bytes,
}

/// A request that waits for its reply. Dropped without one, the caller runs into its timeout.
#[derive(Debug)]
pub struct Request {
    /// What.
    pub payload: Bytes,
    /// The header of the same name (W3C Trace Context): where the sender's work stands in a trace.
    pub traceparent: Option<String>,
    reply: oneshot::Sender<Bytes>,
}

impl Request {
    /// A request and where its reply goes, for implementations of [`Bus`].
    #[must_use]
    pub fn new(payload: Bytes, traceparent: Option<String>, reply: oneshot::Sender<Bytes>) -> Self {
        Self { payload, traceparent, reply }
    }

    /// Answers; a caller that gave up is no error.
    pub fn respond(self, payload: Bytes) {
        let _gave_up = self.reply.send(payload);
    }
}

/// Messages of one subscription; ends when the bus closes.
#[derive(Debug)]
pub struct Subscription {
    messages: mpsc::Receiver<Message>,
    lost: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Subscription {
    /// For implementations of [`Bus`]: the receiving end and the count of dropped messages.
    #[must_use]
    pub fn new(
        messages: mpsc::Receiver<Message>,
        lost: std::sync::Arc<std::sync::atomic::AtomicU64>,
    ) -> Self {
        Self { messages, lost }
    }

    /// The next message; `None` once the bus is closed.
    pub async fn next(&mut self) -> Option<Message> {
        self.messages.recv().await
    }

    /// How many messages this subscriber was too slow for; it must read the log instead.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// Why a request got no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// Nobody serves the subject: known at once.
    #[error("no responders")]
    NoResponders,
    /// Nobody answered in time: it may or may not have been handled.
    #[error("no reply in time")]
    Timeout,
    /// The bus is closed or unreachable: known at once. What was under way may or may not arrive.
    #[error("bus unavailable")]
    Unavailable,
    /// More bytes than the bus takes in one message: sending it again is of no use.
    #[error("larger than the bus takes in one message")]
    TooLarge,
}

/// The seam.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// To every subscriber of a matching pattern, at most once.
    async fn publish(&self, subject: &str, payload: Bytes) -> Result<(), BusError>;

    /// Whether somebody may listen: a publisher may save the work of encoding when not.
    fn is_wanted(&self, _subject: &str) -> bool {
        true
    }

    /// `*` stands for one token, a closing `>` for one or more.
    async fn subscribe(&self, pattern: &str) -> Result<Subscription, BusError>;

    /// Requests on the subject, until the receiver is dropped. Of several servers in one process the newest gets them.
    /// Servers in different processes each get a copy: only the one that has the right to answer does.
    async fn serve(&self, subject: &str) -> Result<mpsc::Receiver<Request>, BusError>;

    /// One reply, within `timeout`.
    async fn request(&self, subject: &str, payload: Bytes, timeout: Duration) -> Result<Bytes, BusError> {
        self.request_within(None, subject, payload, timeout).await
    }

    /// The same with the header `traceparent`, where there is one.
    async fn request_within(
        &self,
        traceparent: Option<&str>,
        subject: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, BusError>;

    /// Whether the bus can be reached, now and from now on.
    fn status(&self) -> watch::Receiver<BusStatus>;

    /// What was published still leaves, within three seconds; then nothing works any more.
    async fn close(&self) {}
}
