//! The judge of liveness is away: nobody is lost while it is, nor at its return before a full timeout.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use ukai_testkit::proxy::{Fault, FaultProxy, Faults};

use super::{Measure, Outcome};
use crate::crew::{PAGE, until};
use crate::fleet::{LOST, Shape};
use crate::world::World;

/// F10.
pub(super) async fn killed(seed: u64) -> Outcome {
    let mut world = World::start(Shape { monitors: 2, ..Shape::default() }, seed).await?;
    // One worker behind a link that can fall silent.
    let quiet = 0;
    world.crew.members[quiet].ending.kill.cancel();
    let link = FaultProxy::to(world.fleet.gateways[0].address).await?;
    let dialled = Instant::now();
    world.crew.dial(quiet, vec![format!("http://{}", link.address())], PAGE);
    let journal = std::sync::Arc::clone(&world.crew.journal);
    until("it is back", || journal.registered_after(dialled).contains(&quiet)).await?;

    for monitor in &mut world.fleet.monitors {
        monitor.process.kill()?;
    }
    link.set(Faults::both(Fault::Hold));
    tokio::time::sleep(LOST * 3).await;
    ensure!(is_connected(&world, quiet).await?, "a worker was declared lost without a monitor");
    let http = world.fleet.http.clone();
    for monitor in &mut world.fleet.monitors {
        monitor.process.start_again()?;
        monitor.ready(&http).await?;
    }
    let started = Instant::now();
    while is_connected(&world, quiet).await? {
        ensure!(started.elapsed() < LOST + Duration::from_secs(20), "it is never declared lost");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let lost = started.elapsed();
    // The monitors began to listen before they were seen to be ready.
    ensure!(lost > LOST - Duration::from_millis(1_500), "declared lost {lost:?} after the monitors' start");
    let times = world.fleet.sql(&format!(
        "SELECT count(*) FROM ukai.run WHERE outcome = 'lost' AND worker = '{}'",
        world.crew.members[quiet].id
    ))?;
    ensure!(times.parse::<u64>()? <= 1, "two monitors counted {times} losses of one worker");
    drop(link);
    world.crew.members[quiet].ending.kill.cancel();
    world.finish(&["many workers fell silent"]).await?;
    Ok(vec![Measure::new("lost after the monitors' start, beyond the timeout", lost.saturating_sub(LOST), 5)])
}

async fn is_connected(world: &World, worker: usize) -> anyhow::Result<bool> {
    let id = &world.crew.members[worker].id;
    world.fleet.get(&format!("/api/workers/{id}")).await?["connected"].as_bool().context("connected")
}
