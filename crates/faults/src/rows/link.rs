//! Links of single workers that are half-open, unread or slow: only who is silent for the full time is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::{StreamExt, TryStreamExt};
use reqwest::Method;
use serde_json::json;
use ukai_testkit::fake_worker::{Answer, Happening};
use ukai_testkit::proxy::{Fault, Faults};

use super::{HOLD_BOTH, HOLD_DOWN, HOLD_UP, Measure, Outcome};
use crate::check::check;
use crate::crew::{Crew, Journal, PAGE, until};
use crate::fleet::{Fleet, LOST, Shape};
use crate::load::Load;
use crate::world::Trial;

/// A single gateway and scheduler.
const SMALL: fn() -> Shape = || Shape { schedulers: 1, gateways: 1, ..Shape::default() };
/// What the gateway may need for one worker, in bytes.
const MEMORY: u64 = 2 << 20;
/// Messages that are pushed to a worker that doesn't read.
const PUSHES: usize = 2_000;
/// How long a gateway waits for the answer to a ping, its own pause included: not shortened.
const PINGS: Duration = Duration::from_secs(25 + 60);

/// F22: first a worker whose link carries nothing any more, then one that speaks but doesn't read what it is sent.
pub(super) async fn half_open_and_unread(trial: Trial) -> Outcome {
    let fleet = Fleet::start(SMALL()).await?;
    let mut crew = Crew::start(&fleet, 6, trial.seed).await?;
    let links = [crew.relink(&fleet, 0, PAGE).await?, crew.relink(&fleet, 1, PAGE).await?];
    let gateway = &fleet.gateways[0];
    let sockets = gateway.metric(&fleet.http, "ukai_gateway_sessions ").await?;
    links[0].set(HOLD_BOTH);
    let silent = Instant::now();
    while gateway.metric(&fleet.http, "ukai_gateway_sessions ").await? > sockets - 1.0 {
        ensure!(silent.elapsed() < LOST * 8, "its socket is never closed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let closed = silent.elapsed();
    ensure!(closed > LOST - Duration::from_millis(1_500), "lost too early: {closed:?}");

    // Its allocator has seen the like before it counts.
    push(&fleet, &crew.members[2].id).await?;
    let before = gateway.process.memory()?;
    links[1].set(HOLD_DOWN);
    let unread = Instant::now();
    push(&fleet, &crew.members[1].id).await?;
    let held = gateway.process.memory()?.saturating_sub(before);
    ensure!(held <= MEMORY, "the gateway kept {held} bytes for a worker that doesn't read");
    let dropped = || {
        let own = crew.journal.all();
        own.iter().any(|e| e.worker == 1 && e.at > unread && matches!(e.happening, Happening::Cut(_)))
    };
    // Its end passes the link only now and then: whoever doesn't read doesn't see it either.
    let sessions = gateway.metric(&fleet.http, "ukai_gateway_sessions ").await?;
    while !dropped() && gateway.metric(&fleet.http, "ukai_gateway_sessions ").await? >= sessions {
        ensure!(unread.elapsed() < PINGS * 2, "its socket is never closed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let closed_unread = unread.elapsed();
    links.iter().for_each(|link| link.set(Faults::default()));
    let load = Load::start(&fleet, 100);
    let seen = load.finish().await?;
    check(&fleet, &crew.journal, &seen.accepted, &[]).await?;
    Ok(vec![
        Measure::new("the half-open socket is closed, beyond the timeout", closed.saturating_sub(LOST), 5),
        Measure::new(
            "the socket of who speaks and doesn't read is closed",
            closed_unread,
            PINGS.as_secs() + 5,
        ),
    ])
}

/// Pushes settings to a worker, many times.
async fn push(fleet: &Fleet, worker: &str) -> anyhow::Result<()> {
    let path = format!("/api/workers/{worker}/config");
    let bodies = (0..PUSHES).map(|n| json!({ "rateLimit": { "minDelayMs": n % 100, "maxDelayMs": 1_000 } }));
    let answers = futures::stream::iter(bodies).map(|body| {
        let path = &path;
        async move { fleet.ask(Method::PATCH, path, &body).await }
    });
    answers.buffer_unordered(16).try_for_each(|_| std::future::ready(Ok(()))).await
}

/// F23: a slow one, one whose beats come late, and one that is silent for too long.
pub(super) async fn slow_and_late(trial: Trial) -> Outcome {
    let fleet = Fleet::start(SMALL()).await?;
    let mut crew = Crew::start(&fleet, 8, trial.seed).await?;
    let journal = Arc::clone(&crew.journal);
    let (slow, late, silent) = (0, 1, 2);
    let page = Duration::from_secs(2);
    let links = [
        crew.relink(&fleet, slow, page).await?,
        crew.relink(&fleet, late, page).await?,
        crew.relink(&fleet, silent, page).await?,
    ];
    // TCP sends lost packets again: to both ends, loss is delay.
    links[slow].set(Faults { up: Fault::Slow(1_000), down: Fault::Delay(Duration::from_secs(2)) });
    let begun = Instant::now();
    let load = Load::start(&fleet, 300);
    let has_task = |worker: usize| {
        let own = journal.all();
        own.iter()
            .any(|e| e.worker == worker && e.at > begun && matches!(e.happening, Happening::Assigned { .. }))
    };
    until("each of them has a task", || [slow, late, silent].into_iter().all(has_task)).await?;
    links[silent].set(HOLD_BOTH);
    let quiet = Instant::now();
    for _ in 0..3 {
        links[late].set(HOLD_UP);
        tokio::time::sleep(LOST / 2).await;
        links[late].set(Faults::default());
        tokio::time::sleep(LOST / 4).await;
    }
    let ends = |worker: usize, outcome: &str| {
        let id = &crew.members[worker].id;
        fleet.sql(&format!("SELECT count(*) FROM ukai.run WHERE worker = '{id}' AND outcome = '{outcome}'"))
    };
    until("the silent one is lost", || ends(silent, "lost").is_ok_and(|count| count == "1")).await?;
    links[silent].set(Faults::default());
    let heard = Instant::now();
    until("it is welcome again", || journal.registered_after(heard).contains(&silent)).await?;
    let welcome = heard.elapsed();
    until("its late result is refused", || refused(&journal, silent, quiet)).await?;
    let seen = load.finish().await?;
    until("the slow one is through", || ends(slow, "completed").is_ok_and(|count| count != "0")).await?;
    links[slow].set(Faults::default());
    check(&fleet, &journal, &seen.accepted, &[]).await?;
    for worker in [slow, late] {
        let lost = (ends(worker, "lost")?, ends(worker, "timed_out")?);
        ensure!(lost == ("0".to_owned(), "0".to_owned()), "worker {worker}: lost and timed out {lost:?}");
    }
    ensure!(ends(silent, "lost")? == "1", "it was lost once");
    Ok(vec![Measure::new("who was silent for too long is welcome again", welcome, 10)])
}

/// Whether a result of that worker was told to be stale, or its run to be over.
fn refused(journal: &Journal, worker: usize, from: Instant) -> bool {
    journal.all().iter().any(|e| {
        let late = match &e.happening {
            Happening::Answered { answer: Answer::Refused(reason), .. } => reason == "stale",
            Happening::Cancelled { .. } => true,
            _ => false,
        };
        e.worker == worker && e.at > from && late
    })
}
