//! A gateway dies with its workers' sockets: they come back elsewhere with what they hold.

use std::time::{Duration, Instant};

use ukai_testkit::proxy::{Fault, Faults};

use super::{Measure, Outcome};
use crate::crew::until;
use crate::fleet::Shape;
use crate::world::{WORKERS, World};

/// The monitor says so when a whole gateway's workers fall silent.
const ALERTS: &[&str] = &["many workers fell silent"];

/// F08.
pub(super) async fn killed(seed: u64) -> Outcome {
    let mut world = World::start(Shape::default(), seed).await?;
    world.fleet.gateways[0].process.kill()?;
    let killed = Instant::now();
    // Workers are dealt to the gateways in turn.
    let journal = std::sync::Arc::clone(&world.crew.journal);
    until("its workers are back", || journal.registered_after(killed).len() == WORKERS / 2).await?;
    let back = killed.elapsed();
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.none_lost("though their workers came back in time")?;
    world.finish(ALERTS).await?;
    Ok(vec![Measure::new("all workers back", back, 30)])
}

/// F29: its workers go to the other one by themselves.
pub(super) async fn cut_from_the_bus(seed: u64) -> Outcome {
    let world = World::start(Shape::default(), seed).await?;
    world.fleet.gateways[0].bus.set(Faults::both(Fault::Hold));
    let cut = Instant::now();
    let journal = std::sync::Arc::clone(&world.crew.journal);
    until("its workers are elsewhere", || journal.registered_after(cut).len() >= WORKERS / 2).await?;
    let moved = cut.elapsed();
    world.fleet.gateways[0].bus.set(Faults::default());
    world.finish(&["bus", "NATS", "nats", ALERTS[0]]).await?;
    Ok(vec![Measure::new("its workers are at the other gateway", moved, 20)])
}
