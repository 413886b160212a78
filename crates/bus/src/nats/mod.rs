//! The bus of many processes: core NATS behind the same promises, each call with a bound of its own.
//!
//! The client library queues what it can't send and waits for ever for what doesn't come. Here a call fails at once
//! while the connection is away, and within its time otherwise.

mod connecting;
mod events;
mod metrics;
mod options;
mod prefix;
mod replies;
mod serving;
mod subscribing;

pub use connecting::{ConnectError, connect};
pub use options::{NatsFlags, NatsOptions};

use crate::{Bus, BusError, BusStatus, Request, Subscription};
use async_nats::client::PublishErrorKind;
use async_trait::async_trait;
use bytes::Bytes;
use events::Line;
use metrics::Metrics;
use prefix::Prefix;
use replies::Replies;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use subscribing::Losses;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

/// The header that carries a place in a trace.
const TRACEPARENT: &str = "traceparent";
/// A full send queue of a connection that stands is waited for this long.
const ENQUEUE: Duration = Duration::from_secs(2);
/// The server's confirmation that it took a subscription is waited for this long.
const SETTLE: Duration = Duration::from_secs(2);
/// What was published leaves within this time when the bus is closed.
const CLOSE: Duration = Duration::from_secs(3);

/// One connection to NATS, made again for ever; ended by [`Bus::close`] or the drop of the last handle.
#[derive(Debug)]
pub struct NatsBus {
    client: async_nats::Client,
    line: Arc<Line>,
    replies: Arc<Replies>,
    losses: Arc<Losses>,
    metrics: Metrics,
    prefix: Prefix,
    /// The newest server of each subject here; dropping the sender ends it.
    servers: Mutex<HashMap<String, oneshot::Sender<()>>>,
    /// They end with the bus.
    tasks: Mutex<JoinSet<()>>,
}

impl NatsBus {
    /// Sends while the connection stands; a queue that stays full is as bad as none.
    async fn send(
        &self,
        subject: &str,
        reply_to: Option<String>,
        outgoing: impl Into<Outgoing<'_>>,
    ) -> Result<(), BusError> {
        if !self.line.status().is_connected {
            return Err(BusError::Unavailable);
        }
        send(&self.client, subject, reply_to, outgoing.into(), ENQUEUE).await
    }

    /// Returns once the server has taken what was sent before; at once where it is away, for then all subscriptions
    /// are made when it comes back.
    async fn settle(&self) {
        if !self.line.status().is_connected {
            return;
        }
        let (own, echo) = self.replies.expect();
        let echoed = async {
            self.send(own.subject(), None, Bytes::new()).await?;
            echo.await.map_err(|_| BusError::Unavailable)
        };
        tokio::select! {
            outcome = timeout(SETTLE, echoed) => if !matches!(outcome, Ok(Ok(_))) {
                tracing::warn!("the bus did not confirm a subscription in time");
            },
            () = self.line.interrupted() => {}
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    async fn exchange(
        &self,
        outgoing: Outgoing<'_>,
        subject: &str,
        limit: Duration,
    ) -> Result<Bytes, BusError> {
        let deadline = Instant::now() + limit;
        let (own, answer) = self.replies.expect();
        let interrupted = self.line.interrupted();
        let exchange = async {
            self.send(subject, Some(own.subject().to_owned()), outgoing).await?;
            answer.await.unwrap_or(Err(BusError::Unavailable))
        };
        tokio::select! {
            outcome = timeout_at(deadline, exchange) => outcome.unwrap_or(Err(BusError::Timeout)),
            () = interrupted => Err(BusError::Unavailable),
        }
    }
}

/// A message as it leaves.
struct Outgoing<'a> {
    traceparent: Option<&'a str>,
    payload: Bytes,
}

impl From<Bytes> for Outgoing<'_> {
    fn from(payload: Bytes) -> Self {
        Self { traceparent: None, payload }
    }
}

/// Queues one message in the client, within `limit`.
async fn send(
    client: &async_nats::Client,
    subject: &str,
    reply_to: Option<String>,
    outgoing: Outgoing<'_>,
    limit: Duration,
) -> Result<(), BusError> {
    let Outgoing { traceparent, payload } = outgoing;
    let bytes = payload.len();
    let to = subject.to_owned();
    let headers = traceparent.map(|traceparent| {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(TRACEPARENT, traceparent);
        headers
    });
    let queued = async {
        match (reply_to, headers) {
            (Some(reply_to), Some(headers)) => {
                client.publish_with_reply_and_headers(to, reply_to, headers, payload).await
            }
            (Some(reply_to), None) => client.publish_with_reply(to, reply_to, payload).await,
            (None, _) => client.publish(to, payload).await,
        }
    };
    match timeout(limit, queued).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
            let limit = client.max_payload();
            tracing::error!(subject, bytes, limit, "a message is larger than the bus takes (max_payload)");
            Err(BusError::TooLarge)
        }
        Ok(Err(error)) => {
            tracing::debug!(subject, %error, "message not sent");
            Err(BusError::Unavailable)
        }
        Err(_full) => Err(BusError::Unavailable),
    }
}

#[async_trait]
impl Bus for NatsBus {
    async fn publish(&self, subject: &str, payload: Bytes) -> Result<(), BusError> {
        self.send(&self.prefix.outside(subject), None, payload).await
    }

    async fn subscribe(&self, pattern: &str) -> Result<Subscription, BusError> {
        let subscriber = subscribing::open(&self.client, &self.prefix.outside(pattern)).await?;
        let (subscription, forwarding) =
            subscribing::forward(subscriber, self.prefix.clone(), &self.losses, &self.metrics);
        self.spawn(forwarding);
        self.settle().await;
        Ok(subscription)
    }

    async fn serve(&self, subject: &str) -> Result<mpsc::Receiver<Request>, BusError> {
        let subscriber = subscribing::open(&self.client, &self.prefix.outside(subject)).await?;
        let (replaced, is_replaced) = oneshot::channel();
        let (receiver, serving) =
            serving::serve(self.client.clone(), subscriber, is_replaced, self.metrics.clone());
        self.spawn(serving);
        self.servers.lock().unwrap_or_else(PoisonError::into_inner).insert(subject.to_owned(), replaced);
        self.settle().await;
        Ok(receiver)
    }

    async fn request_within(
        &self,
        traceparent: Option<&str>,
        subject: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, BusError> {
        let subject = self.prefix.outside(subject);
        let outcome = self.exchange(Outgoing { traceparent, payload }, &subject, timeout).await;
        self.metrics.request(outcome.as_ref().map(|_| ()).map_err(|error| *error));
        outcome
    }

    fn status(&self) -> watch::Receiver<BusStatus> {
        self.line.watch()
    }

    async fn close(&self) {
        let was_connected = self.line.status().is_connected;
        self.line.close();
        let drained = timeout(CLOSE, async {
            if self.client.drain().await.is_ok() && was_connected {
                self.line.closed().await;
            }
        });
        if drained.await.is_err() {
            tracing::warn!("the bus did not take the last messages in time");
        }
    }
}
