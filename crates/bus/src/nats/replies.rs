//! Replies to our requests, on one inbox: who waits for which. A caller that gives up leaves nothing behind.

use crate::BusError;
use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures::StreamExt;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

type Answer = Result<Bytes, BusError>;

/// All requests that are under way.
#[derive(Debug)]
pub(super) struct Replies {
    inbox: String,
    last: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
}

/// One request; forgotten when dropped.
pub(super) struct Expected<'a> {
    replies: &'a Replies,
    number: u64,
    subject: String,
}

impl Replies {
    /// On an inbox that nobody else has.
    pub(super) fn new(inbox: String) -> Self {
        Self { inbox, last: AtomicU64::new(0), waiting: Mutex::default() }
    }

    /// Where all replies come.
    pub(super) fn pattern(&self) -> String {
        format!("{}.*", self.inbox)
    }

    /// A subject for one reply.
    pub(super) fn expect(&self) -> (Expected<'_>, oneshot::Receiver<Answer>) {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.waiting().insert(number, sender);
        (Expected { replies: self, number, subject: format!("{}.{number}", self.inbox) }, receiver)
    }

    /// Hands replies out until the connection is closed.
    pub(super) async fn receive(self: Arc<Self>, mut subscriber: Subscriber) {
        while let Some(message) = subscriber.next().await {
            self.deliver(message);
        }
        // Nobody waits any longer.
        self.waiting().clear();
    }

    fn deliver(&self, message: Message) {
        let number = message.subject.rsplit('.').next().and_then(|token| token.parse().ok());
        let waiting = number.and_then(|number: u64| self.waiting().remove(&number));
        // A later reply to a request that was answered or given up has nobody to go to.
        if let Some(waiting) = waiting {
            let is_nobody = message.status == Some(StatusCode::NO_RESPONDERS);
            let _gave_up =
                waiting.send(if is_nobody { Err(BusError::NoResponders) } else { Ok(message.payload) });
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.waiting().len()
    }
}

impl Expected<'_> {
    /// Where the reply goes.
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.replies.waiting().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_up_is_forgotten() {
        let replies = Replies::new("_INBOX.test".to_owned());
        let (first, _) = replies.expect();
        let (second, _) = replies.expect();
        assert_eq!((first.subject(), second.subject()), ("_INBOX.test.0", "_INBOX.test.1"));
        assert_eq!(replies.len(), 2);
        drop(first);
        assert_eq!(replies.len(), 1);
        drop(second);
        assert_eq!(replies.len(), 0);
    }
}
