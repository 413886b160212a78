//! The judge of liveness is away: nobody is lost while it is, nor at its return before a full timeout.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use ukai_testkit::proxy::{Fault, Faults};

use super::{ALERT, HOLD_BOTH, Measure, Outcome};
use crate::crew::{is_hand_out, until};
use crate::fleet::{Fleet, LOST, Shape};
use crate::world::{Trial, World};

/// Sessions as the leader knows them.
const SESSIONS: &str = "ukai_scheduler_connected_sessions";

/// No page of a row takes as long.
const ENDLESS: Duration = Duration::from_secs(600);

/// F10.
pub(super) async fn killed(trial: Trial) -> Outcome {
    // Tasks don't run out of time before the monitors have judged.
    let shape = Shape { monitors: 2, task_timeout: ENDLESS, ..Shape::default() };
    let mut world = World::start(shape, trial).await?;
    // One worker at an endless page, behind a link that can fall silent.
    let quiet = 0;
    let dialled = Instant::now();
    let link = world.crew.relink(&world.fleet, quiet, ENDLESS).await?;
    let journal = std::sync::Arc::clone(&world.crew.journal);
    let has_task = || {
        journal.look(|entries| {
            entries.iter().any(|e| e.worker == quiet && e.at > dialled && is_hand_out(&e.happening))
        })
    };
    until("it has a task", has_task).await?;

    // Dialling again it had forgotten a task: that loss is no monitor's.
    let id = world.crew.members[quiet].id.clone();
    let losses = |fleet: &Fleet| -> anyhow::Result<u64> {
        let lost = "SELECT count(*) FROM ukai.run WHERE outcome = 'lost' AND worker";
        Ok(fleet.sql(&format!("{lost} = '{id}'"))?.parse()?)
    };
    let before = losses(&world.fleet)?;
    for monitor in &mut world.fleet.monitors {
        monitor.process.kill()?;
    }
    link.set(Faults::both(Fault::Hold));
    tokio::time::sleep(LOST * 3).await;
    ensure!(is_connected(&world, quiet).await?, "a worker was declared lost without a monitor");
    let http = world.fleet.http.clone();
    let first = Instant::now();
    for monitor in &mut world.fleet.monitors {
        monitor.process.start_again()?;
        monitor.ready(&http).await?;
    }
    let started = Instant::now();
    while is_connected(&world, quiet).await? {
        ensure!(started.elapsed() < LOST + Duration::from_secs(20), "it is never declared lost");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (watched, lost) = (first.elapsed(), started.elapsed());
    ensure!(watched > LOST, "declared lost {watched:?} after the first monitor's start");
    let times = losses(&world.fleet)? - before;
    ensure!(times == 1, "two monitors counted {times} losses of one worker");
    drop(link);
    world.crew.members[quiet].ending.kill.cancel();
    world.finish(&["many workers fell silent"]).await?;
    Ok(vec![Measure::new("lost after the monitors' start, beyond the timeout", lost.saturating_sub(LOST), 5)])
}

/// F46: the judge stands still, then all workers of one gateway fall silent at once.
pub(super) async fn stalled(trial: Trial) -> Outcome {
    let through_its_door = |fleet: &Fleet, number: usize| match number % 2 {
        0 => vec![format!("http://{}", fleet.gateways[0].door.address())],
        _ => fleet.gateway_urls(1),
    };
    // Tasks don't run out of time before the monitor has judged twice.
    let shape = Shape { task_timeout: Duration::from_secs(60), ..Shape::default() };
    let world = World::start_at(shape, trial, through_its_door).await?;
    world.fleet.monitors[0].process.freeze()?;
    tokio::time::sleep(LOST * 3).await;
    world.fleet.monitors[0].process.thaw()?;
    // What it would judge by its stall, it would judge now.
    tokio::time::sleep(LOST / 2).await;
    world.none_lost("because the monitor stood still")?;

    let quiet: Vec<_> =
        (0..world.size.workers).step_by(2).map(|number| &world.crew.members[number].id).collect();
    let open = world.fleet.schedulers[world.fleet.leader()?].metric(&world.fleet.http, SESSIONS).await?;
    let log = || world.fleet.monitors[0].process.log();
    ensure!(!log().contains(ALERT), "it alerted because it stood still");
    world.fleet.gateways[0].door.set(HOLD_BOTH);
    let silent = Instant::now();
    until("it alerts", || log().contains(ALERT)).await?;
    let alerted = silent.elapsed();
    let leader = &world.fleet.schedulers[world.fleet.leader()?];
    while leader.metric(&world.fleet.http, SESSIONS).await? > open - quiet.len() as f64 / 2.0 {
        ensure!(silent.elapsed() < LOST * 10, "they are never declared lost");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let lost = silent.elapsed();
    ensure!(lost > LOST * 2 - Duration::from_secs(1), "a mass loss didn't wait: {lost:?}");
    world.fleet.gateways[0].door.set(Faults::default());
    world.finish(&[ALERT]).await?;
    Ok(vec![
        Measure::new("the alert, beyond the timeout", alerted.saturating_sub(LOST), 5),
        Measure::new("the loss, beyond twice the timeout", lost.saturating_sub(LOST * 2), 5),
    ])
}

async fn is_connected(world: &World, worker: usize) -> anyhow::Result<bool> {
    let id = &world.crew.members[worker].id;
    world.fleet.get(&format!("/api/workers/{id}")).await?["connected"].as_bool().context("connected")
}
