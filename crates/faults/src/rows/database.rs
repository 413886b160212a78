//! The database dies or falls silent: clear refusals while it does, and nothing accepted is lost.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ukai_testkit::proxy::{Fault, Faults};

use super::{Measure, Outcome};
use crate::crew::until;
use crate::fleet::Shape;
use crate::world::{Trial, World};

/// A 503, or no answer where the api was cut itself.
const UNAVAILABLE: u16 = 503;
/// Lines about a database that is away.
const OWN_WORDS: &[&str] =
    &["database", "stopped leading", "store", "leader row", "gateways can't be heard", "commit"];

/// How long nothing is heard of it.
const SILENT: Duration = Duration::from_secs(120);
/// How long its leases are locked.
const LOCKED: Duration = Duration::from_secs(60);

/// Results wait for longer than a task may take in the other rows: here its time isn't over when they are heard.
const PATIENT: fn() -> Shape = || Shape { task_timeout: Duration::from_secs(300), ..Shape::default() };

/// F17.
pub(super) async fn killed(trial: Trial) -> Outcome {
    let world = World::start(Shape::default(), trial).await?;
    world.fleet.postgres.kill()?;
    restarted(world).await
}

/// F17, its other half: it is asked to end, and ends its clients' connections.
pub(super) async fn stopped(trial: Trial) -> Outcome {
    let world = World::start(Shape::default(), trial).await?;
    let server = world.fleet.postgres.processes()?.pop().context("a server")?;
    // As `pg_ctl stop -m fast` does.
    kill(Pid::from_raw(i32::try_from(server)?), Signal::SIGINT)?;
    until("it has ended", || world.fleet.postgres.processes().is_err()).await?;
    restarted(world).await
}

async fn restarted(mut world: World) -> Outcome {
    tokio::time::sleep(Duration::from_secs(3)).await;
    refused_clearly(&world)?;
    world.fleet.postgres.restart()?;
    let took = resumes(&world).await?;
    world.finish_without_rerun(OWN_WORDS).await?;
    Ok(vec![Measure::new("accepts again after it is ready", took, 5)])
}

/// F18: packets are dropped on all ways to it.
pub(super) async fn silent(trial: Trial) -> Outcome {
    let world = World::start(PATIENT(), trial).await?;
    world.fleet.set_database(Faults::both(Fault::Hold));
    tokio::time::sleep(SILENT).await;
    over(world, |world| world.fleet.set_database(Faults::default())).await
}

/// F18, its other half: somebody leaves a lock on the leases.
pub(super) async fn locked(trial: Trial) -> Outcome {
    let world = World::start(PATIENT(), trial).await?;
    let lock = "LOCK TABLE ukai.task_lease IN ACCESS EXCLUSIVE MODE";
    let held = world.fleet.postgres.open_transaction(crate::fleet::DATABASE, lock)?;
    tokio::time::sleep(LOCKED).await;
    over(world, |_| drop(held)).await
}

/// F19: the primary turns read-only, and the standby that followed it takes its place. The old one ends a while later.
pub(super) async fn demoted(trial: Trial) -> Outcome {
    let mut world = World::start(Shape { is_movable: true, ..Shape::default() }, trial).await?;
    let next = world.fleet.postgres.standby()?;
    world.fleet.sql("ALTER SYSTEM SET default_transaction_read_only = on")?;
    world.fleet.sql("SELECT pg_reload_conf()")?;
    let refused = || world.load.look(|seen| seen.refused.len());
    until("submits are refused", || refused() > 0).await?;
    refused_clearly(&world)?;
    next.promote(&world.fleet.postgres)?;
    let former = world.fleet.move_database(next)?;
    let back = Instant::now();
    let took = accepts_again(&world, back).await?;
    let dispatched = world.next_hand_out(back, back).await?;
    // Whoever only reads may have stayed with it until now.
    former.kill()?;
    let longest = world.load.look(|seen| seen.longest);
    world.finish_without_rerun(OWN_WORDS).await?;
    Ok(vec![
        Measure::new("the longest answer to a submit", longest, 5),
        Measure::new("accepts again, by the new primary", took, 10),
        Measure::new("dispatch by it", dispatched, 10),
    ])
}

fn refused_clearly(world: &World) -> anyhow::Result<()> {
    let refused: Vec<u16> = world.load.look(|seen| seen.refused.iter().map(|(_, status)| *status).collect());
    ensure!(
        !refused.is_empty() || world.load.accepted() == world.size.tasks,
        "submits were accepted without a database"
    );
    ensure!(refused.iter().all(|status| *status == UNAVAILABLE), "refused with other words: {refused:?}");
    Ok(())
}

/// Ends a fault in which submits were refused, and measures what came of it.
async fn over(world: World, end: impl FnOnce(&World)) -> Outcome {
    refused_clearly(&world)?;
    let longest = world.load.look(|seen| seen.longest);
    end(&world);
    let took = resumes(&world).await?;
    world.finish_without_rerun(OWN_WORDS).await?;
    Ok(vec![
        Measure::new("the longest answer to a submit", longest, 5),
        Measure::new("accepts again", took, 10),
    ])
}

/// How long from now until a submit is accepted; hand-outs go on then, too.
async fn resumes(world: &World) -> anyhow::Result<Duration> {
    let back = Instant::now();
    let took = accepts_again(world, back).await?;
    world.next_hand_out(back, back).await?;
    Ok(took)
}

async fn accepts_again(world: &World, from: Instant) -> anyhow::Result<Duration> {
    let before = world.load.accepted();
    until("submits are accepted", || world.load.accepted() > before || before == world.size.tasks).await?;
    Ok(from.elapsed())
}
