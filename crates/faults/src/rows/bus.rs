//! The bus is away or silent: submits go on, nobody is declared lost, the flow resumes by itself.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::ensure;
use reqwest::StatusCode;
use ukai_testkit::fake_worker::Happening;
use ukai_testkit::nats_middle::Chaos;

use super::{ALERT, Measure, Outcome};
use crate::check::{check, known};
use crate::crew::{Crew, until};
use crate::fleet::{Fleet, Shape};
use crate::load::Load;
use crate::world::{Trial, World};

/// As long as three of the fleet's timeouts, and longer than it takes to notice a bus that stands still.
const GONE: Duration = Duration::from_secs(18);

/// That an answer to a submit takes.
const LONGEST: Duration = Duration::from_secs(5);
/// As long as the row says.
const LONG_GONE: Duration = Duration::from_secs(60);
/// Restarts, and the time between two of them: two minutes in all.
const RESTARTS: usize = 24;
const BETWEEN_RESTARTS: Duration = Duration::from_secs(5);
/// The clocks of production, and a task's time that is longer than the fault.
pub(super) const PRODUCTION: fn() -> Shape = || Shape {
    task_timeout: Duration::from_secs(300),
    lost: Duration::from_secs(30),
    away: Duration::from_secs(10),
    ..Shape::default()
};

/// A message that is lost costs its sender a timeout.
const CHAOTIC_TASKS: usize = 300;
const CHAOTIC_WORKERS: usize = 40;

/// F15.
pub(super) async fn restarted(trial: Trial) -> Outcome {
    gone(Shape::default(), GONE, trial).await
}

/// F15 for as long as its row says.
pub(super) async fn long_gone(trial: Trial) -> Outcome {
    gone(PRODUCTION(), LONG_GONE, trial).await
}

async fn gone(shape: Shape, time: Duration, trial: Trial) -> Outcome {
    let mut world = World::start(shape, trial).await?;
    let submits = Load::trickle(&world.fleet);
    world.fleet.nats.kill()?;
    away(&submits, time).await?;
    world.fleet.nats.restart()?;
    returned(world, submits).await
}

/// F15: it comes back, and is gone again before all have found it.
pub(super) async fn restarted_often(trial: Trial) -> Outcome {
    let mut world = World::start(PRODUCTION(), trial).await?;
    let submits = Load::trickle(&world.fleet);
    for _ in 0..RESTARTS {
        world.fleet.nats.kill()?;
        world.fleet.nats.restart()?;
        away(&submits, BETWEEN_RESTARTS).await?;
    }
    returned(world, submits).await
}

/// F15, its other half: connections stand, and nothing answers.
pub(super) async fn frozen(trial: Trial) -> Outcome {
    // What stands still is noticed by pings, which aren't shortened.
    let world = World::start(PRODUCTION(), trial).await?;
    let submits = Load::trickle(&world.fleet);
    world.fleet.nats.stop()?;
    let stopped = Instant::now();
    let (noticed, stays) = tokio::join!(noticed(&world.fleet, stopped), away(&submits, LONG_GONE));
    stays?;
    world.fleet.nats.go_on()?;
    let mut measures = vec![Measure::new("noticed by all", noticed?, 15)];
    measures.extend(returned(world, submits).await?);
    Ok(measures)
}

/// How long after `stopped` each service that has a bus says that it is away.
async fn noticed(fleet: &Fleet, stopped: Instant) -> anyhow::Result<Duration> {
    for service in fleet.schedulers.iter().chain(&fleet.gateways).chain(&fleet.monitors) {
        while service.metric(&fleet.http, "ukai_bus_connected").await? != 0.0 {
            ensure!(stopped.elapsed() < LONG_GONE, "{} never notices", service.process.name());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(stopped.elapsed())
}

/// F16: with clocks a tenth as long, messages are late by a tenth too; one in ten by as much as the row says.
pub(super) async fn chaotic(trial: Trial) -> Outcome {
    let chaos = Chaos {
        late: Duration::from_millis(500),
        straggler_percent: 10,
        straggle: Duration::from_secs(5),
        lost_percent: 5,
        twice: true,
        seed: trial.seed,
    };
    let begun = Instant::now();
    let fleet = Fleet::start(Shape { chaos: Some(chaos), ..Shape::default() }).await?;
    let crew = Crew::start(&fleet, CHAOTIC_WORKERS, trial.seed).await?;
    let load = Load::start(&fleet, CHAOTIC_TASKS);
    until("all results", || crew.journal.results() >= CHAOTIC_TASKS).await?;
    let took = begun.elapsed();
    let unhappy = fleet.sql("SELECT id, status FROM ukai.task_done WHERE status <> 'completed'")?;
    ensure!(unhappy.is_empty(), "ended otherwise than in order: {unhappy}");
    let entries = crew.journal.all().into_iter();
    let told = entries.filter_map(|entry| match entry.happening {
        Happening::Assigned { task, run } => Some(format!("{task}|{run}")),
        _ => None,
    });
    let told: BTreeSet<String> = told.collect();
    let counted = fleet.sql("SELECT task, run FROM ukai.run WHERE outcome <> 'handed_back'")?;
    for run in counted.lines() {
        ensure!(told.contains(run), "run {run} counts as an attempt, and no worker was told of it");
    }
    let lost = fleet.lost_messages();
    ensure!(lost > 50, "only {lost} messages were lost");
    let seen = load.finish().await?;
    check(&fleet, &crew.journal, &seen.accepted, &["bus", "NATS", "nats", ALERT]).await?;
    Ok(vec![Measure::new("all tasks done, start included", took, 180)])
}

/// Waits; all the time submits are accepted.
async fn away(submits: &Load, time: Duration) -> anyhow::Result<()> {
    let (gone, mut before) = (Instant::now(), submits.accepted());
    while gone.elapsed() < time {
        tokio::time::sleep(LONGEST.min(time)).await;
        let (accepted, refused) = submits.look(|seen| (seen.accepted.len(), seen.refused.clone()));
        let after = gone.elapsed();
        ensure!(
            accepted > before,
            "nothing was accepted without a bus for {LONGEST:?}, {after:?} after it went"
        );
        ensure!(refused.is_empty(), "submits were refused without a bus: {refused:?}");
        before = accepted;
    }
    Ok(())
}

async fn returned(world: World, submits: Load) -> Outcome {
    let back = Instant::now();
    let took = world.next_hand_out(back, back).await?;
    world.none_lost("because the bus was away")?;
    submits.enough();
    let submits = submits.finish().await?;
    known(&world.fleet, &submits.accepted)?;
    let longest = world.load.look(|seen| seen.longest.max(submits.longest));
    let none =
        world.load.look(|seen| seen.refused.iter().all(|(_, s)| *s == StatusCode::SERVICE_UNAVAILABLE));
    ensure!(none, "a submit was answered with something else than 201 or 503");
    // With clocks this short the monitor may notice many silent sessions before the gateways are back to name theirs.
    world.finish(&["bus", "NATS", "nats", "many workers fell silent"]).await?;
    Ok(vec![
        Measure::new("dispatch after the return", took, 10),
        Measure::new("the longest answer to a submit", longest, LONGEST.as_secs()),
    ])
}
