//! Calls that follow the leader: a transport that looks up who leads, stays with it, and finds the next one.
//!
//! A call that certainly reached no leader (nobody could be connected to, or a standby refused it) is tried again for a
//! while. One whose outcome is unknown is not, unless it changes nothing: its caller is told, and repeats it under its
//! idempotency key.

mod attempt;
mod connection;

use crate::client::{Scheduler, Transport, scheduler_over, transport};
use crate::status::unavailable;
use attempt::{Call, Sent};
use connection::Link;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request, Response};

/// Says where the leader is, as `host:port`; `None` while nobody leads or nobody knows.
pub type Lookup = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<String>> + Send>> + Send + Sync>;

/// How long a following call waits for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a leader to be found.
    pub leader: Duration,
    /// For the leader's answer; it is told, and gives up then too.
    pub answer: Duration,
    /// For everything together.
    pub whole: Duration,
    /// For a connection.
    pub connect: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            leader: Duration::from_secs(3),
            answer: Duration::from_secs(3),
            whole: Duration::from_secs(4),
            connect: Duration::from_secs(2),
        }
    }
}

/// Between two tries to find a leader.
const TRY_EVERY: Duration = Duration::from_millis(100);
/// A look-up that takes longer has failed.
const LOOKUP_LIMIT: Duration = Duration::from_secs(1);

/// A client of whoever leads, by `lookup`, showing `token` where one is given.
///
/// Its calls end within `patience.whole`, at worst with `UNAVAILABLE`.
#[must_use]
pub fn scheduler_of_leader(lookup: Lookup, token: Option<&str>, patience: Patience) -> Scheduler {
    scheduler_over(way_to_leader(lookup, token, patience))
}

/// The transport of such a client, for whoever puts something around each call.
#[must_use]
pub fn way_to_leader(lookup: Lookup, token: Option<&str>, patience: Patience) -> Transport {
    let token =
        token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok()).map(|mut t| {
            t.set_sensitive(true);
            t
        });
    transport(Following(Arc::new(Follower { lookup, token, patience, state: Mutex::default() })))
}

/// The transport; clones share one connection.
#[derive(Clone)]
struct Following(Arc<Follower>);

struct Follower {
    lookup: Lookup,
    token: Option<HeaderValue>,
    patience: Patience,
    state: Mutex<State>,
}

/// What is known of the leader.
#[derive(Default)]
struct State {
    link: Option<Link>,
    /// Where a standby says that the leader is.
    hint: Option<String>,
    /// The end of the last try to find it that failed.
    failed: Option<Instant>,
}

impl tower::Service<Request<Body>> for Following {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let follower = Arc::clone(&self.0);
        Box::pin(async move { Ok(follower.call(request).await) })
    }
}

impl Follower {
    async fn call(&self, request: Request<Body>) -> Response<Body> {
        let begun = Instant::now();
        let (no_leader_after, end) = (begun + self.patience.leader, begun + self.patience.whole);
        let call = match Call::read(request, self.token.as_ref(), self.patience.answer).await {
            Ok(call) => call,
            Err(status) => return status.into_http(),
        };
        loop {
            let Some(link) = self.link(no_leader_after).await else {
                return unavailable("no scheduler leads right now, try again").into_http();
            };
            let answer_by = end.min(Instant::now() + self.patience.answer);
            let sent = tokio::time::timeout_at(answer_by, call.send(&link)).await.unwrap_or(Sent::Silence);
            let is_over = Instant::now() >= no_leader_after;
            match sent {
                Sent::Answered(response) => return response,
                Sent::StandsBy { leader } => self.leave(&link, leader).await,
                Sent::Unsent => self.leave(&link, None).await,
                Sent::Broken | Sent::Silence => {
                    self.leave(&link, None).await;
                    if !call.changes_nothing() || is_over {
                        return unavailable("the scheduler did not answer, try again").into_http();
                    }
                }
            }
            tokio::time::sleep_until(no_leader_after.min(Instant::now() + TRY_EVERY / 2)).await;
        }
    }

    /// The connection to the leader, made where there is none; `None` if there is none by `until`.
    async fn link(&self, until: Instant) -> Option<Link> {
        while Instant::now() < until {
            if let Ok(Some(link)) = tokio::time::timeout_at(until, self.try_link()).await {
                return Some(link);
            }
            tokio::time::sleep_until(until.min(Instant::now() + TRY_EVERY)).await;
        }
        None
    }

    /// One caller looks while the others wait for what it finds.
    async fn try_link(&self) -> Option<Link> {
        let mut state = self.state.lock().await;
        if let Some(link) = state.link.as_ref().filter(|link| link.is_open()) {
            return Some(link.clone());
        }
        state.link = None;
        if state.failed.is_some_and(|at| at.elapsed() < TRY_EVERY / 2) {
            return None;
        }
        let address = match state.hint.take() {
            Some(hint) => Some(hint),
            None => tokio::time::timeout(LOOKUP_LIMIT, (self.lookup)()).await.ok().flatten(),
        };
        let link = match address {
            Some(address) => connection::open(&address, self.patience.connect).await,
            None => None,
        };
        state.failed = link.is_none().then(Instant::now);
        state.link.clone_from(&link);
        link
    }

    /// Doesn't use this connection again.
    async fn leave(&self, link: &Link, hint: Option<String>) {
        let mut state = self.state.lock().await;
        if state.link.as_ref().is_some_and(|current| current.is_same(link)) {
            state.link = None;
            state.hint = hint.filter(|address| address != link.address());
        }
    }
}

#[cfg(test)]
mod tests;
