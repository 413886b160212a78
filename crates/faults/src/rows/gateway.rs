//! A gateway dies with its workers' sockets: they come back elsewhere with what they hold.

use std::time::{Duration, Instant};

use ukai_testkit::proxy::{Fault, Faults};

use super::bus::PRODUCTION;
use super::{ALERT, HOLD_UP, Measure, Outcome};
use crate::crew::until;
use crate::fleet::Shape;
use crate::world::{Trial, World};

/// The monitor says so when a whole gateway's workers fall silent.
const ALERTS: &[&str] = &[ALERT];

/// How long its workers may be away: longer than the slowest of them needs on a busy machine.
const GRACE: Duration = Duration::from_secs(5);

/// F08.
pub(super) async fn killed(trial: Trial) -> Outcome {
    let mut world = World::start(Shape { away: GRACE, ..Shape::default() }, trial).await?;
    world.fleet.gateways[0].process.kill()?;
    let killed = Instant::now();
    // Workers are dealt to the gateways in turn.
    let journal = std::sync::Arc::clone(&world.crew.journal);
    until("its workers are back", || journal.registered_after(killed).len() == world.size.workers / 2)
        .await?;
    let back = killed.elapsed();
    tokio::time::sleep(GRACE * 2).await;
    world.none_lost("though their workers came back in time")?;
    world.finish(ALERTS).await?;
    Ok(vec![Measure::new("all workers back", back, 30)])
}

/// F09: reports have reached it and can't go on to the bus when it dies.
pub(super) async fn killed_before_the_bus(trial: Trial) -> Outcome {
    let mut world = World::start(Shape { away: GRACE, ..Shape::default() }, trial).await?;
    let journal = std::sync::Arc::clone(&world.crew.journal);
    world.fleet.gateways[0].bus.set(HOLD_UP);
    let held = Instant::now();
    // Workers are dealt to the gateways in turn.
    let unanswered = || journal.unanswered(held, |worker| worker % 2 == 0);
    until("reports wait", || unanswered().len() >= 5).await?;
    let waiting = unanswered();
    world.fleet.gateways[0].process.kill()?;
    let killed = Instant::now();
    until("they are reported again and answered", || unanswered().is_disjoint(&waiting)).await?;
    let answered = killed.elapsed();
    let counted = journal.accepted_runs();
    let missing: Vec<_> =
        waiting.iter().filter(|(task, run)| counted.get(task) != Some(&vec![*run])).collect();
    anyhow::ensure!(missing.is_empty(), "these were reported and don't count: {missing:?}");
    world.finish(ALERTS).await?;
    Ok(vec![Measure::new("all of them answered", answered, 30)])
}

/// F29: its workers go to the other one by themselves.
pub(super) async fn cut_from_the_bus(trial: Trial) -> Outcome {
    let world = World::start(PRODUCTION(), trial).await?;
    world.fleet.gateways[0].bus.set(Faults::both(Fault::Hold));
    let cut = Instant::now();
    let journal = std::sync::Arc::clone(&world.crew.journal);
    until("its workers are elsewhere", || journal.registered_after(cut).len() >= world.size.workers / 2)
        .await?;
    let moved = cut.elapsed();
    world.fleet.gateways[0].bus.set(Faults::default());
    world.none_lost("though their workers resumed elsewhere")?;
    world.finish(&["bus", "NATS", "nats", ALERTS[0]]).await?;
    Ok(vec![Measure::new("its workers are at the other gateway", moved, 20)])
}
