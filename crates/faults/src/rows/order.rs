//! Reports that come too late, and services that are asked to end under load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::json;
use ukai_testkit::fake_worker::{Answer, Happening};
use ukai_testkit::proxy::{Fault, Faults};

use super::{Measure, Outcome};
use crate::check::check;
use crate::crew::{Crew, is_hand_out, until};
use crate::fleet::{Fleet, LOST, Shape};
use crate::world::World;

/// F24: a worker's link is held until its task is another's; its result arrives after.
pub(super) async fn late_result(seed: u64) -> Outcome {
    let fleet = Fleet::start(Shape { gateways: 1, ..Shape::default() }).await?;
    let mut crew = Crew::start(&fleet, 1, seed).await?;
    let dialled = Instant::now();
    // Its page is done after the hold, and before the hold ends.
    let link = crew.relink(&fleet, 0, LOST * 3 / 4).await?;
    let journal = Arc::clone(&crew.journal);
    let task =
        fleet.ask(Method::POST, "/api/tasks", &json!({ "productUrl": "https://shop.example/1" })).await?;
    let id = task["id"].as_str().context("an id")?.to_owned();
    until("it has the task", || journal.first_after(dialled, is_hand_out).is_some()).await?;
    link.set(Faults::both(Fault::Hold));
    let silent = Instant::now();
    let lost = format!("SELECT count(*) FROM ukai.run WHERE task = '{id}' AND outcome = 'lost'");
    until("it is lost", || fleet.sql(&lost).is_ok_and(|count| count == "1")).await?;
    let took = silent.elapsed();
    // Another worker has the next run when the late result arrives.
    let other = Crew::start(&fleet, 1, seed + 1).await;
    let other = other?;
    until("another has it", || other.journal.count(is_hand_out) == 1).await?;
    link.set(Faults::default());
    let first_refused = |h: &Happening| match h {
        Happening::Answered { answer: Answer::Refused(reason), .. } => reason == "stale",
        _ => false,
    };
    until("the newer run is accepted", || other.journal.accepted() == 1).await?;
    until("the late one is told", || {
        journal.count(first_refused) > 0 || journal.registered_after(silent).contains(&0)
    })
    .await?;
    ensure!(journal.accepted() == 0, "a result of an old run was accepted");
    check(&fleet, &other.journal, &[id], &[]).await?;
    Ok(vec![Measure::new("lost after its silence, beyond the timeout", took.saturating_sub(LOST), 5)])
}

/// F35: each process in turn, and each is started again.
pub(super) async fn asked_to_end(seed: u64) -> Outcome {
    // The grace of production: here nobody may be too slow for it.
    let mut world = World::start(Shape { away: Duration::from_secs(10), ..Shape::default() }, seed).await?;
    let http = world.fleet.http.clone();
    let mut longest = Duration::ZERO;
    let leader = world.fleet.leader()?;
    let fleet = &mut world.fleet;
    let services =
        [&mut fleet.schedulers[leader], &mut fleet.gateways[0], &mut fleet.monitors[0], &mut fleet.api];
    for service in services {
        service.process.terminate()?;
        let asked = Instant::now();
        let status = service.process.ended(Duration::from_secs(35)).await?;
        longest = longest.max(asked.elapsed());
        ensure!(status.success(), "{} ended with {status}", service.process.name());
        service.process.start_again()?;
        service.ready(&http).await?;
    }
    world.none_lost("in orderly ends")?;
    world.finish(&[]).await?;
    Ok(vec![Measure::new("the longest orderly end", longest, 30)])
}
