//! Serving a subject: requests in, each answer to the inbox that asked.

use super::metrics::Metrics;
use super::subscribing::leave;
use super::{ENQUEUE, TRACEPARENT, send};
use crate::Request;
use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};

/// Requests that one server may have waiting; one more is not taken, and its caller asks again.
const CAPACITY: usize = 1_024;

/// What the server gets, and the task that carries it there and the answers back. It ends when the receiver is
/// dropped or a newer server takes over; what was taken by then may still be answered.
pub(super) fn serve(
    client: Client,
    mut subscriber: Subscriber,
    mut replaced: oneshot::Receiver<()>,
    metrics: Metrics,
) -> (mpsc::Receiver<Request>, impl Future<Output = ()> + Send) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let serving = async move {
        let mut answers = FuturesUnordered::new();
        loop {
            let message = tokio::select! {
                () = sender.closed() => break,
                // Its sender is dropped: by a newer server, or with the bus.
                _ = &mut replaced => break,
                Some((inbox, answer)) = answers.next() => {
                    respond(&client, inbox, answer).await;
                    continue;
                }
                message = subscriber.next() => message,
            };
            let Some(message) = message else { break };
            let Some(inbox) = message.reply else { continue };
            let (reply, answer) = oneshot::channel();
            let headers = message.headers.as_ref();
            let traceparent = headers.and_then(|headers| headers.get(TRACEPARENT)).map(ToString::to_string);
            if sender.try_send(Request::new(message.payload, traceparent, reply)).is_ok() {
                answers.push(async move { (inbox.into_string(), answer.await) });
            } else {
                metrics.dropped.inc();
            }
        }
        drop(sender);
        leave(subscriber).await;
        while let Some((inbox, answer)) = answers.next().await {
            respond(&client, inbox, answer).await;
        }
    };
    (receiver, serving)
}

/// A request that was dropped without an answer is silence; so is an answer that can't be sent.
async fn respond(client: &Client, inbox: String, answer: Result<Bytes, oneshot::error::RecvError>) {
    if let Ok(payload) = answer
        && let Err(error) = send(client, &inbox, None, payload.into(), ENQUEUE).await
    {
        tracing::debug!(%error, "an answer could not be sent");
    }
}
