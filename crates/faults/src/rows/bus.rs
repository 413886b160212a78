//! The bus is away or silent: submits go on, nobody is declared lost, the flow resumes by itself.

use std::time::{Duration, Instant};

use anyhow::ensure;
use reqwest::StatusCode;

use super::{Measure, Outcome};
use crate::fleet::Shape;
use crate::world::World;

/// As long as three of the fleet's timeouts, and longer than it takes to notice a bus that stands still.
const GONE: Duration = Duration::from_secs(18);

/// F15.
pub(super) async fn restarted(seed: u64) -> Outcome {
    let mut world = World::start(Shape::default(), seed).await?;
    world.fleet.nats.kill()?;
    away(&world).await?;
    world.fleet.nats.restart()?;
    returned(world).await
}

/// F15, its other half: connections stand, and nothing answers.
pub(super) async fn frozen(seed: u64) -> Outcome {
    // The clocks of production: what stands still is noticed by pings, which aren't shortened.
    let shape = Shape {
        task_timeout: Duration::from_secs(60),
        lost: Duration::from_secs(30),
        away: Duration::from_secs(10),
        ..Shape::default()
    };
    let world = World::start(shape, seed).await?;
    world.fleet.nats.stop()?;
    away(&world).await?;
    world.fleet.nats.go_on()?;
    returned(world).await
}

async fn away(world: &World) -> anyhow::Result<()> {
    let (gone, before) = (Instant::now(), world.load.accepted());
    tokio::time::sleep(GONE).await;
    let (accepted, refused) = world.load.look(|seen| {
        let refused: Vec<u16> =
            seen.refused.iter().filter(|(at, _)| *at > gone).map(|(_, status)| *status).collect();
        (seen.accepted.len(), refused)
    });
    ensure!(accepted > before || accepted == crate::world::TASKS, "nothing was accepted without a bus");
    ensure!(refused.is_empty(), "submits were refused without a bus: {refused:?}");
    Ok(())
}

async fn returned(world: World) -> Outcome {
    let back = Instant::now();
    let took = world.next_hand_out(back, back).await?;
    world.none_lost("because the bus was away")?;
    let longest = world.load.look(|seen| seen.longest);
    let none =
        world.load.look(|seen| seen.refused.iter().all(|(_, s)| *s == StatusCode::SERVICE_UNAVAILABLE));
    ensure!(none, "a submit was answered with something else than 201 or 503");
    // With clocks this short the monitor may notice many silent sessions before the gateways are back to name theirs.
    world.finish(&["bus", "NATS", "nats", "many workers fell silent"]).await?;
    Ok(vec![
        Measure::new("dispatch after the return", took, 10),
        Measure::new("the longest answer to a submit", longest, 5),
    ])
}
