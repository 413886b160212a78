//! Who submits: steadily, one task a request, and remembers what was accepted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::fleet::{Fleet, send};

/// Between two requests of one client.
const PAUSE: Duration = Duration::from_millis(10);
/// Clients.
const CLIENTS: usize = 4;
/// Between two requests of who submits a little, for as long as a fault lasts.
const LONG_PAUSE: Duration = Duration::from_millis(100);
/// Hosts that the addresses lie on.
const HOSTS: usize = 50;

/// What the submitters saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The ids of tasks that were answered with 201.
    pub(crate) accepted: Vec<String>,
    /// Times of all answers that weren't 201, with their status; 0 where there was none.
    pub(crate) refused: Vec<(Instant, u16)>,
    /// The longest that an answer took.
    pub(crate) longest: Duration,
}

/// A steady submitter.
#[derive(Debug)]
pub(crate) struct Load {
    seen: Arc<Mutex<Seen>>,
    clients: Vec<tokio::task::JoinHandle<()>>,
    enough: CancellationToken,
}

impl Load {
    /// Starts to submit `count` tasks. A request that isn't answered with 201 is sent again under the same key.
    #[must_use]
    pub(crate) fn start(fleet: &Fleet, count: usize) -> Self {
        Self::at(&fleet.http, &format!("http://{}/api/tasks", fleet.api.address), count)
    }

    /// The same at an address of one's own.
    #[must_use]
    pub(crate) fn at(http: &reqwest::Client, url: &str, count: usize) -> Self {
        Self::of(http, url, count, CLIENTS, PAUSE)
    }

    /// A task each tenth of a second, until there are enough.
    #[must_use]
    pub(crate) fn trickle(fleet: &Fleet) -> Self {
        Self::of(&fleet.http, &format!("http://{}/api/tasks", fleet.api.address), usize::MAX, 1, LONG_PAUSE)
    }

    fn of(http: &reqwest::Client, url: &str, count: usize, clients: usize, pause: Duration) -> Self {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let enough = CancellationToken::new();
        let step = clients;
        let clients = (0..clients).map(|client| {
            let (seen, http, url, enough) = (Arc::clone(&seen), http.clone(), url.to_owned(), enough.clone());
            tokio::spawn(async move {
                for number in (client..count).step_by(step).take_while(|_| !enough.is_cancelled()) {
                    submit(&http, &url, number, &seen).await;
                    tokio::time::sleep(pause).await;
                }
            })
        });
        let clients = clients.collect();
        Self { seen, clients, enough }
    }

    /// No more tasks than those that are asked for now.
    pub(crate) fn enough(&self) {
        self.enough.cancel();
    }

    /// What was seen so far.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Seen) -> T) -> T {
        at(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many were accepted so far.
    #[must_use]
    pub(crate) fn accepted(&self) -> usize {
        self.look(|seen| seen.accepted.len())
    }

    /// Waits until all are accepted; what was seen.
    ///
    /// # Errors
    /// A client ended early.
    pub(crate) async fn finish(self) -> anyhow::Result<Seen> {
        for client in self.clients {
            tokio::time::timeout(Duration::from_secs(180), client).await??;
        }
        let seen =
            Arc::into_inner(self.seen).map(|seen| seen.into_inner().unwrap_or_else(PoisonError::into_inner));
        seen.ok_or_else(|| anyhow::anyhow!("somebody still submits"))
    }
}

async fn submit(http: &reqwest::Client, url: &str, number: usize, seen: &Mutex<Seen>) {
    let key = uuid::Uuid::new_v4().to_string();
    let body = json!({ "productUrl": format!("https://shop{}.example/{number}", number % HOSTS) });
    loop {
        let begun = Instant::now();
        let answer = send(http, url, Method::POST, &body, &key).await;
        let (now, took) = (Instant::now(), begun.elapsed());
        {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.longest = seen.longest.max(took);
            match answer {
                Ok((StatusCode::CREATED, task)) => {
                    seen.accepted.push(task["id"].as_str().unwrap_or_default().to_owned());
                    return;
                }
                Ok((status, Value::Null | Value::Object(_))) => seen.refused.push((now, status.as_u16())),
                Ok(_) | Err(_) => seen.refused.push((now, 0)),
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
