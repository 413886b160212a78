//! Services of two versions side by side, as while a fleet is upgraded: those that this code makes and those of the
//! version before, built from the history.

use std::time::{Duration, Instant};

use anyhow::ensure;
use ukai_testkit::process;

use super::{Measure, Outcome};
use crate::check::check;
use crate::crew::until;
use crate::fleet::{DATABASE, Fleet, Shape, Version};
use crate::laptop::Laptop;
use crate::service::Service;
use crate::world::{Trial, World};

/// Results between two changes.
const SOME: usize = 120;
/// As for a leader that is killed.
const DISPATCH_AGAIN: u64 = 10;
/// What a leader says whose gateways are replaced, or who is replaced itself.
const OWN_WORDS: &[&str] = &["stopped leading"];

/// F41: an upgrade, one service after the other and once back again, under load.
pub(super) async fn side_by_side(trial: Trial) -> Outcome {
    let shape = Shape {
        monitors: 2,
        away: Duration::from_secs(10),
        lost: Duration::from_secs(15),
        version: Version::Before,
        ..Shape::default()
    };
    let mut world = World::start(shape, trial).await?;
    let version = "SELECT max(version) FROM ukai.migration";
    let before = world.fleet.sql(version)?;
    migrate(&world.fleet)?;
    ensure!(world.fleet.sql(version)? != before, "both versions have the same schema: {before}");

    // A leader of the version before, among others of both.
    let http = world.fleet.http.clone();
    let old = world.fleet.leader()?;
    let new = 1 - old;
    let fleet = &mut world.fleet;
    for service in [&mut fleet.schedulers[new], &mut fleet.gateways[0], &mut fleet.monitors[0]] {
        replace(service, Version::This, &http).await?;
    }
    ensure!(world.fleet.leader()? == old, "the one of the version before leads still");
    some_more(&world).await?;

    // It dies: one of this version leads, again among others of both.
    world.fleet.schedulers[old].process.kill()?;
    let killed = Instant::now();
    until("the new version leads", || world.fleet.leader().is_ok_and(|now| now == new)).await?;
    let took = world.next_hand_out(killed, Instant::now()).await?;
    some_more(&world).await?;

    // Back to the version before, on the new schema.
    world.fleet.schedulers[old].process.start_again()?;
    world.fleet.schedulers[old].ready(&http).await?;
    stop(&mut world.fleet.schedulers[new]).await?;
    until("the version before leads", || world.fleet.leader().is_ok_and(|now| now == old)).await?;
    world.fleet.schedulers[new].process.start_again()?;
    world.fleet.schedulers[new].ready(&http).await?;
    some_more(&world).await?;

    // The rest.
    let fleet = &mut world.fleet;
    for service in
        [&mut fleet.api, &mut fleet.gateways[1], &mut fleet.monitors[1], &mut fleet.schedulers[old]]
    {
        replace(service, Version::This, &http).await?;
    }
    world.until_results(world.size.tasks).await?;
    world.none_lost("in a change of versions")?;
    let World { fleet, crew, load, .. } = world;
    let mut accepted = load.finish().await?.accepted;
    for member in &crew.members {
        member.ending.kill.cancel();
    }
    accepted.push(worker_of_before(&fleet).await?);
    check(&fleet, &crew.journal, &accepted, OWN_WORDS).await?;
    Ok(vec![Measure::new("dispatch by the new version after the old leader's death", took, DISPATCH_AGAIN)])
}

/// This version's `ukai migrate`.
fn migrate(fleet: &Fleet) -> anyhow::Result<()> {
    let mut command = process::command(&Version::This.program("ukai")?);
    let migrated = command.args(["migrate", "--database-url", &fleet.postgres.url(DATABASE)]).output()?;
    ensure!(migrated.status.success(), "migrate: {}", String::from_utf8_lossy(&migrated.stderr));
    Ok(())
}

/// Asks a service to end, and waits for it.
async fn stop(service: &mut Service) -> anyhow::Result<()> {
    service.process.terminate()?;
    let status = service.process.ended(Duration::from_secs(35)).await?;
    ensure!(status.success(), "{} ended with {status}", service.process.name());
    Ok(())
}

/// Stops a service and starts its other version in its place.
async fn replace(service: &mut Service, version: Version, http: &reqwest::Client) -> anyhow::Result<()> {
    stop(service).await?;
    let name = service.process.name().rsplit_once('-').map_or("", |(name, _)| name).to_owned();
    service.process.start_as(&version.program(&name)?)?;
    service.ready(http).await
}

/// Waits until the fleet, as it is now, has completed some more.
async fn some_more(world: &World) -> anyhow::Result<()> {
    let seen = world.crew.journal.results();
    let all = world.size.tasks;
    ensure!(seen + SOME <= all, "{seen} of {all} were done: too few are left for what follows");
    world.until_results(seen + SOME).await
}

/// The task that a worker of the version before completed, with its browser, at the new services.
async fn worker_of_before(fleet: &Fleet) -> anyhow::Result<String> {
    let laptop = Laptop::of(Version::Before, fleet, &fleet.gateway_urls(0)[0], None).await?;
    let task = laptop.submit(fleet, "/jsonld/1").await?;
    let completed =
        format!("SELECT count(*) FROM ukai.task_done WHERE id = '{task}' AND status = 'completed'");
    until("its task is completed", || fleet.sql(&completed).is_ok_and(|count| count == "1")).await?;
    Ok(task)
}
