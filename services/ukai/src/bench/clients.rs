//! The client process of a benchmark: its workers, and the single posts whose way to a worker is timed.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::task::JoinSet;
use ukai_testkit::fake_worker::{Answer, Ending, FakeWorker, Happening, Observer};

use super::protocol::{News, Order, now};
use crate::client::{Client, Server};
use crate::exit::Failure;

/// What all workers of the process have seen.
#[derive(Default)]
struct Seen {
    registered: usize,
    accepted: Vec<String>,
    last: u64,
    duplicates: u64,
    refused: u64,
    first_refusal: Option<String>,
    /// Task to the time of its assignment; only while single posts are timed.
    assigned: Option<HashMap<String, Instant>>,
}

type Shared = Arc<Mutex<Seen>>;

/// Serves orders until standard input ends.
pub(crate) async fn run() -> Result<(), Failure> {
    let shared = Shared::default();
    let mut workers = JoinSet::new();
    let mut ending = Ending::default();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut told = 0;
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { return Ok(()) };
                let order = serde_json::from_str(&line)
                    .map_err(|error| Failure::usage(format!("not an order: {error}")))?;
                let news = obey(order, &shared, &mut workers, &mut ending).await;
                tell(&news.unwrap_or_else(|failure| News::Failed { why: failure.message().to_owned() }));
            }
            _ = tick.tick() => {
                let (accepted, at) = {
                    let seen = lock(&shared);
                    (seen.accepted.len() as u64, seen.last)
                };
                if accepted != told {
                    told = accepted;
                    tell(&News::Progress { accepted, at });
                }
            }
        }
    }
}

async fn obey(
    order: Order,
    shared: &Shared,
    workers: &mut JoinSet<()>,
    ending: &mut Ending,
) -> Result<News, Failure> {
    match order {
        Order::Connect { url, tokens } => {
            *ending = Ending::default();
            lock(shared).registered = 0;
            let wanted = tokens.len();
            for (seed, token) in (1..).zip(tokens) {
                let worker = FakeWorker::new(&url, &token, seed);
                let (ending, observer) = (ending.clone(), observer(shared));
                workers.spawn(async move {
                    // An address that can't be dialled shows as workers that never register.
                    let _ = worker.run(ending, observer).await;
                });
            }
            wait(Duration::from_secs(60), "not all workers registered", || lock(shared).registered >= wanted)
                .await?;
            Ok(News::Connected)
        }
        Order::Crowd { url, token, workers: wanted, per_second } => {
            let before = lock(shared).registered;
            let mut pace = tokio::time::interval(Duration::from_secs(1) / per_second.max(1));
            for seed in 0..wanted {
                pace.tick().await;
                let worker = FakeWorker::new(&url, &token, u64::from(seed));
                let (ending, observer) = (ending.clone(), observer(shared));
                workers.spawn(async move {
                    // An address that can't be dialled shows as workers that never register.
                    let _ = worker.run(ending, observer).await;
                });
            }
            let wanted = before + usize::try_from(wanted).unwrap_or(usize::MAX / 2);
            wait(Duration::from_secs(60), "not all workers registered", || lock(shared).registered >= wanted)
                .await?;
            Ok(News::Connected)
        }
        Order::Latency { url, key, posts } => {
            let url = url.parse().map_err(|_| Failure::usage("not an address"))?;
            let client = Client::new(&Server { url, key: Some(key) })?;
            Ok(News::Latency { micros: latency(&client, posts, shared).await? })
        }
        Order::Drain => {
            ending.drain.cancel();
            let all = async { while workers.join_next().await.is_some() {} };
            tokio::time::timeout(Duration::from_secs(60), all)
                .await
                .map_err(|_| Failure::failed("a worker still holds a task 60 s after it was to drain"))?;
            Ok(News::Drained)
        }
        Order::Write { file } => {
            let (ids, news) = {
                let seen = lock(shared);
                if let Some(refusal) = &seen.first_refusal {
                    tracing::warn!(refusal, "a result was refused");
                }
                let accepted = seen.accepted.len() as u64;
                let news = News::Written { accepted, duplicates: seen.duplicates, refused: seen.refused };
                (seen.accepted.join("\n"), news)
            };
            std::fs::write(file, ids)?;
            Ok(news)
        }
    }
}

/// One post after the other on an idle system, each a little after the one before has ended.
async fn latency(client: &Client, posts: u32, shared: &Shared) -> Result<Vec<u64>, Failure> {
    let warm_up = 20;
    let mut micros = Vec::new();
    for n in 0..posts + warm_up {
        lock(shared).assigned = Some(HashMap::new());
        let done = lock(shared).accepted.len();
        let body =
            json!({ "productUrl": format!("https://shop{}.example/item/{n}", n % 50), "priority": 90 });
        let begun = Instant::now();
        let task = client.post("api/tasks", &body).await?;
        let id = task["id"].as_str().ok_or_else(|| Failure::failed("a task without an id"))?;
        let arrived = || lock(shared).assigned.as_ref().and_then(|assigned| assigned.get(id).copied());
        wait(Duration::from_secs(10), "a single post reached no worker", || arrived().is_some()).await?;
        wait(Duration::from_secs(10), "a single post did not end", || lock(shared).accepted.len() > done)
            .await?;
        if let Some(arrived) = arrived().filter(|_| n >= warm_up) {
            micros.push(u64::try_from(arrived.duration_since(begun).as_micros()).unwrap_or(u64::MAX));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    lock(shared).assigned = None;
    Ok(micros)
}

fn observer(shared: &Shared) -> Observer {
    let shared = Arc::clone(shared);
    Arc::new(move |happening| {
        let mut seen = lock(&shared);
        match happening {
            Happening::Registered => seen.registered += 1,
            Happening::Assigned { task, .. } => {
                if let Some(assigned) = &mut seen.assigned {
                    assigned.insert(task, Instant::now());
                }
            }
            Happening::Answered { task, answer: Answer::Accepted, .. } => {
                seen.accepted.push(task);
                seen.last = now();
            }
            Happening::Answered { answer: Answer::Duplicate, .. } => seen.duplicates += 1,
            Happening::Answered { answer: Answer::Refused(why), .. } | Happening::Error(why) => {
                seen.refused += 1;
                seen.first_refusal.get_or_insert(why);
            }
            Happening::Reported { .. } | Happening::Cancelled { .. } => {}
            Happening::Cut(why) => tracing::debug!(why, "cut"),
        }
    })
}

async fn wait(limit: Duration, otherwise: &str, mut done: impl FnMut() -> bool) -> Result<(), Failure> {
    let begun = Instant::now();
    while !done() {
        if begun.elapsed() > limit {
            return Err(Failure::failed(otherwise));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, Seen> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tell(news: &News) {
    if let Ok(text) = serde_json::to_string(news) {
        let mut out = std::io::stdout().lock();
        let _reader_left = writeln!(out, "{text}").and_then(|()| out.flush());
    }
}
