//! The leader dies, freezes or is deposed at a chosen side of a commit: its way to the database is held.

use std::time::{Duration, Instant};

use anyhow::ensure;
use ukai_testkit::fake_worker::{Answer, Happening};
use ukai_testkit::proxy::Faults;

use super::{HOLD_DOWN, HOLD_UP, Measure, Outcome};
use crate::crew::until;
use crate::fleet::Shape;
use crate::world::World;

/// Commits that were sent and aren't applied. Other transactions wait for the leader, which hears nothing.
const OPEN: &str = "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND state <> 'idle'";
/// Runs that the newest commit ended.
const ENDED: &str = "SELECT count(*) FROM ukai.run WHERE outcome = 'completed' AND ended_at = \
     (SELECT now FROM ukai.commit_log ORDER BY epoch DESC, n DESC LIMIT 1)";
/// One of so many has reports: a gateway sends what gathered when its last batch is answered.
const MOST_COMMITS: usize = 50;
/// The standbys look every half second, a lease lasts five.
const DISPATCH_AGAIN: u64 = 10;
/// What is said of a database that doesn't answer, or of an epoch that is over.
const OWN_WORDS: &[&str] = &["stopped leading", "gateways can't be heard"];

/// F03.
pub(super) async fn killed_before_a_commit(seed: u64) -> Outcome {
    let mut world = World::start(Shape::default(), seed).await?;
    let took = kill_holding(&mut world, HOLD_UP).await?;
    world.finish(OWN_WORDS).await?;
    Ok(vec![Measure::new("dispatch again", took, DISPATCH_AGAIN)])
}

/// F04.
pub(super) async fn killed_before_its_effects(seed: u64) -> Outcome {
    let mut world = World::start(Shape::default(), seed).await?;
    let took = kill_holding(&mut world, HOLD_DOWN).await?;
    world.finish(OWN_WORDS).await?;
    Ok(vec![Measure::new("dispatch again", took, DISPATCH_AGAIN)])
}

/// F05: reports are most of what waits.
pub(super) async fn killed_before_reports_are_committed(seed: u64) -> Outcome {
    let mut world = World::start(Shape::default(), seed).await?;
    let killed = kill_holding(&mut world, HOLD_UP).await?;
    world.finish(OWN_WORDS).await?;
    Ok(vec![Measure::new("dispatch again", killed, DISPATCH_AGAIN)])
}

/// F06.
pub(super) async fn killed_before_reports_are_answered(seed: u64) -> Outcome {
    let mut world = World::start(Shape::default(), seed).await?;
    let killed = kill_holding(&mut world, HOLD_DOWN).await?;
    let journal = std::sync::Arc::clone(&world.crew.journal);
    world.finish(OWN_WORDS).await?;
    let twice = |h: &Happening| matches!(h, Happening::Answered { answer: Answer::Duplicate, .. });
    ensure!(journal.count(twice) > 0, "no report was answered as a duplicate: the fault missed its moment");
    Ok(vec![Measure::new("dispatch again", killed, DISPATCH_AGAIN)])
}

/// Holds the leader's way to the database while work arrives, kills it, and measures until the next hand-out.
async fn kill_holding(world: &mut World, faults: Faults) -> anyhow::Result<Duration> {
    let leader = world.fleet.leader()?;
    if faults == HOLD_DOWN {
        commit_without_reply(world, leader).await?;
    } else {
        world.fleet.schedulers[leader].database.set(faults);
        // Whatever passed before the hold has arrived by then, and more waits.
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    world.fleet.schedulers[leader].process.kill()?;
    let killed = Instant::now();
    // What it handed out before may still be on its way.
    until("another leads", || world.fleet.leader().is_ok_and(|now| now != leader)).await?;
    world.next_hand_out(killed, Instant::now()).await
}

/// Returns when a commit was applied that ends runs, and whose reply is held. All of the leader's words wait for a while
/// before, so that many reports gather.
async fn commit_without_reply(world: &World, leader: usize) -> anyhow::Result<()> {
    let link = &world.fleet.schedulers[leader].database;
    link.set(HOLD_UP);
    tokio::time::sleep(Duration::from_millis(600)).await;
    for _ in 0..MOST_COMMITS {
        link.hold_down_after(b"COMMIT", 1);
        link.set(Faults::default());
        until("a commit whose reply is held", || link.faults() == HOLD_DOWN).await?;
        until("it is applied", || world.fleet.sql(OPEN).is_ok_and(|open| open == "0")).await?;
        if world.fleet.sql(ENDED)? != "0" {
            return Ok(());
        }
    }
    anyhow::bail!("no report in {MOST_COMMITS} commits")
}

/// F07.
pub(super) async fn frozen(seed: u64) -> Outcome {
    let mut world = World::start(Shape::default(), seed).await?;
    let leader = world.fleet.leader()?;
    world.fleet.schedulers[leader].process.freeze()?;
    let frozen = Instant::now();
    let took = world.next_hand_out(frozen, frozen + Duration::from_millis(200)).await?;
    until("another leads", || world.fleet.leader().is_ok_and(|now| now != leader)).await?;
    // Longer than its lease and every limit of its calls.
    tokio::time::sleep(Duration::from_secs(12)).await;
    world.fleet.schedulers[leader].process.thaw()?;
    let http = world.fleet.http.clone();
    world.fleet.schedulers[leader].ready(&http).await?;
    let results = world.crew.journal.results();
    if results < crate::world::TASKS {
        world.until_results((results + 50).min(crate::world::TASKS)).await?;
    }
    ensure!(world.fleet.leader()? != leader, "the one that slept leads");
    world.finish(OWN_WORDS).await?;
    Ok(vec![Measure::new("dispatch by the standby", took, DISPATCH_AGAIN)])
}

/// F43: the commit is applied and its reply held until a standby leads; then the old leader hears it.
pub(super) async fn deposed_with_a_commit_under_way(seed: u64) -> Outcome {
    let world = World::start(Shape::default(), seed).await?;
    let leader = world.fleet.leader()?;
    commit_without_reply(&world, leader).await?;
    let held = Instant::now();
    until("another leads", || world.fleet.leader().is_ok_and(|now| now != leader)).await?;
    let took = world.next_hand_out(held, Instant::now()).await?;
    world.fleet.schedulers[leader].database.set(Faults::default());
    world.finish(OWN_WORDS).await?;
    Ok(vec![Measure::new("dispatch by the standby", took, DISPATCH_AGAIN)])
}
