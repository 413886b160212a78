//! Wall clocks that are wrong, and a machine that slept: leases and order don't depend on them.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::{Measure, Outcome};
use crate::check::check;
use crate::crew::{Crew, until};
use crate::fleet::{Fleet, LOST, Shape};
use crate::laptop::{Laptop, connection};
use crate::world::{Trial, World};

/// Tasks that are submitted while the leader dies.
const MORE_TASKS: usize = 300;
/// What the server tells who slept: of its silence, and of the progress of a run that is over, where that was faster than
/// the server's word of it. A result was never sent: that is looked for by its own words.
const TOLD_OF_ITS_SLEEP: &[&str] = &["silent for too long", "STALE_RUN"];
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// F26: every process has another time, and some are set while they work. Workers tell a time that is months off.
pub(super) async fn wrong(trial: Trial) -> Outcome {
    let clock = |name: &str, number: usize| match (name, number) {
        ("ukai-scheduler", 0) | ("ukai-gateway", 1) | ("ukai-api", _) => HOUR,
        _ => -HOUR,
    };
    let mut world = World::start(Shape { clock: Some(clock), ..Shape::default() }, trial).await?;
    let leader = world.fleet.leader()?;
    let steps = [
        (&world.fleet.schedulers[leader], -DAY),
        (&world.fleet.gateways[0], DAY),
        (&world.fleet.monitors[0], DAY),
        (&world.fleet.api, -DAY),
    ];
    for (service, seconds) in steps {
        service.clock.as_ref().context("a clock")?.set(seconds)?;
    }
    // Longer than the lease and the timeout: what a step could break, it has broken by then.
    tokio::time::sleep(LOST + Duration::from_secs(2)).await;
    ensure!(world.fleet.leader()? == leader, "the leader lost its lease to a clock");
    world.none_lost("because clocks were set")?;
    // There is something left to hand out when it dies.
    world.submit_more(MORE_TASKS).await?;
    world.fleet.schedulers[leader].process.kill()?;
    let killed = Instant::now();
    let dispatched = world.next_hand_out(killed, killed + Duration::from_millis(50)).await?;
    world.none_lost("because the clocks of two leaders differ")?;
    world.finish(&["stopped leading", "gateways can't be heard"]).await?;
    Ok(vec![Measure::new("dispatch by a standby whose clock is two hours off", dispatched, 10)])
}

/// F26, its other half: a real worker with a real browser sleeps while its page is open.
pub(super) async fn asleep(trial: Trial) -> Outcome {
    let fleet = Fleet::start(Shape {
        schedulers: 1,
        gateways: 1,
        task_timeout: Duration::from_secs(60),
        ..Shape::default()
    })
    .await?;
    let mut laptop = Laptop::start(&fleet, &fleet.gateway_urls(0)[0], None).await?;
    let task = laptop.submit(&fleet, "/slow?ms=4000").await?;
    laptop.opens(&fleet, &task).await?;
    laptop.process.freeze()?;
    let lost = format!("SELECT count(*) FROM ukai.run WHERE task = '{task}' AND outcome = 'lost'");
    until("it is lost", || fleet.sql(&lost).is_ok_and(|count| count == "1")).await?;
    let crew = Crew::start(&fleet, 1, trial.seed).await?;
    until("another is through with its task", || crew.journal.accepted() == 1).await?;
    crew.members[0].ending.drain.cancel();
    connection(&fleet, &crew.members[0].id, false).await?;
    laptop.process.thaw()?;
    let woken = Instant::now();
    connection(&fleet, &laptop.id, true).await?;
    let back = woken.elapsed();
    // It serves again, and with that it has said all that it had to say of the old run.
    let next = laptop.submit(&fleet, "/jsonld/1").await?;
    let done = format!("SELECT worker FROM ukai.run WHERE task = '{next}' AND outcome = 'completed'");
    until("it serves again", || fleet.sql(&done).is_ok_and(|worker| worker == laptop.id)).await?;
    let log = laptop.process.log();
    ensure!(!log.contains("report not counted"), "it reported a run that was another's by then:\n{log}");
    laptop.process.terminate()?;
    let ended = laptop.process.ended(Duration::from_secs(60)).await?;
    ensure!(ended.success(), "it ended with {ended}: {}", laptop.process.log());
    check(&fleet, &crew.journal, &[task, next], &[]).await?;
    laptop.is_calm(TOLD_OF_ITS_SLEEP)?;
    Ok(vec![Measure::new("connected again after waking", back, 10)])
}
