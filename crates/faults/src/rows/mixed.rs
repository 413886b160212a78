//! Versions side by side: migrations that repeat, meet and die, a newer schema under older programs, a newer worker.
//!
//! There is one version of the programs here, so the newer one is what it would leave and say: a schema with more in it,
//! and messages with fields that nobody knows yet.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use ukai_testkit::postgres::{Cluster, Disk};
use ukai_testkit::process::{self, Process};
use ukai_testkit::proxy::{Fault, FaultProxy, Faults};

use super::{Measure, Outcome};
use crate::crew::{enrol, until};
use crate::fleet::{DATABASE, Shape};
use crate::hand::{Hand, completed, holding};
use crate::world::{Trial, World};

/// Migrations that are killed on their way, each a little later.
const KILLS: u32 = 8;
/// The migrations' text takes about a second at that rate, in bytes a second.
const RATE: u32 = 15_000;
/// What there is of a schema.
const PARTS: &str = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'ukai'";

/// F41: migrations, killed midway and several at once.
pub(super) async fn migrations(_trial: Trial) -> Outcome {
    let cluster = Cluster::start(Disk::Waits)?;
    let logs = tempfile::tempdir()?;
    cluster.psql("postgres", "CREATE DATABASE whole")?;
    finish(vec![start(&cluster.url("whole"), logs.path(), "whole")?]).await?;
    let whole = cluster.psql("whole", PARTS)?;

    cluster.psql("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
    let link = FaultProxy::to(([127, 0, 0, 1], cluster.port()).into()).await?;
    link.set(Faults { up: Fault::Slow(RATE), down: Fault::None });
    let mut url = url::Url::parse(&cluster.url(DATABASE))?;
    url.set_port(Some(link.address().port())).ok().context("a port")?;
    for number in 0..KILLS {
        let mut killed = start(url.as_str(), logs.path(), "killed")?;
        let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'ukai' AND pid <> pg_backend_pid()";
        until("it is at work", || cluster.psql(DATABASE, open).is_ok_and(|count| count != "0")).await?;
        // Each a little further on its way.
        tokio::time::sleep(Duration::from_millis(120) * number).await;
        killed.kill()?;
        until("its session is over", || cluster.psql(DATABASE, open).is_ok_and(|count| count == "0")).await?;
        let parts = cluster.psql(DATABASE, PARTS)?;
        ensure!(parts == "0" || parts == whole, "a killed migration left {parts} of {whole} tables");
    }
    let begun = Instant::now();
    let url = cluster.url(DATABASE);
    let at_once = (0..4).map(|n| start(&url, logs.path(), &format!("at-once-{n}")));
    finish(at_once.collect::<Result<_, _>>()?).await?;
    let took = begun.elapsed();
    ensure!(cluster.psql(DATABASE, PARTS)? == whole, "the schema isn't whole");
    let versions = "SELECT string_agg(version::text, ' ' ORDER BY version) FROM ukai.migration";
    let before = cluster.psql(DATABASE, versions)?;
    finish(vec![start(&url, logs.path(), "again")?]).await?;
    ensure!(cluster.psql(DATABASE, versions)? == before, "a repeat changed the schema");
    Ok(vec![Measure::new("four at once are through", took, 60)])
}

/// F41, its other half: services restart one by one on the schema of a newer version, beside a worker of a newer version.
pub(super) async fn newer_schema(trial: Trial) -> Outcome {
    let mut world = World::start(Shape { away: Duration::from_secs(10), ..Shape::default() }, trial).await?;
    world.fleet.sql(
        "BEGIN; ALTER TABLE ukai.task ADD COLUMN newer text; ALTER TABLE ukai.task_lease ADD COLUMN newer integer DEFAULT 7; \
         ALTER TABLE ukai.run ADD COLUMN newer text; CREATE TABLE ukai.newer (id uuid PRIMARY KEY); \
         INSERT INTO ukai.migration (version, serves) SELECT max(version) + 1, max(version) FROM ukai.migration; COMMIT",
    )?;
    newer_worker(&world).await?;
    let http = world.fleet.http.clone();
    let mut longest = Duration::ZERO;
    let fleet = &mut world.fleet;
    let services = fleet.schedulers.iter_mut().chain(&mut fleet.gateways).chain(&mut fleet.monitors);
    for service in services.chain([&mut fleet.api]) {
        service.process.terminate()?;
        ensure!(service.process.ended(Duration::from_secs(35)).await?.success(), "it ended badly");
        let begun = Instant::now();
        service.process.start_again()?;
        service.ready(&http).await?;
        longest = longest.max(begun.elapsed());
    }
    let logs = tempfile::tempdir()?;
    let url = world.fleet.postgres.url(DATABASE);
    finish(vec![start(&url, logs.path(), "older")?]).await?;
    // One is the newer worker's.
    world.until_results(world.size.tasks - 1).await?;
    world.none_lost("in a change of versions")?;
    // One that says that it doesn't serve this version any more.
    world.fleet.sql("UPDATE ukai.migration SET serves = version WHERE version = (SELECT max(version) FROM ukai.migration)")?;
    let mut refused = start(&url, logs.path(), "refused")?;
    let status = refused.ended(Duration::from_secs(60)).await?;
    ensure!(
        !status.success() && refused.log().contains("too old"),
        "it took a schema that is too new: {status}"
    );
    world.finish(&[]).await?;
    Ok(vec![Measure::new("the longest start on the newer schema", longest, 30)])
}

/// Speaks with fields that this version doesn't know.
async fn newer_worker(world: &World) -> anyhow::Result<()> {
    let (_, token) = enrol(&world.fleet, "newer").await?;
    let mut auth = holding(&[]);
    auth["newer"] = json!({ "deep": [1, 2, 3] });
    let mut hand = Hand::connect(&world.fleet.gateway_urls(0)[0], &token, &auth).await?;
    let (task, run) = hand.task().await?;
    let mut report = completed(&task, run);
    report["newer"] = json!("unknown");
    report["metrics"]["newer"] = json!(1);
    let number = hand.ask("task:completed", &report)?;
    let answer = hand.answer(number).await?;
    ensure!(answer["accepted"] == true, "a newer worker's result: {answer}");
    hand.say("worker:draining", &json!({}))?;
    hand.flush().await
}

/// `ukai migrate`, started.
fn start(url: &str, logs: &std::path::Path, name: &str) -> anyhow::Result<Process> {
    let mut command: Command = process::command(&process::binary("ukai")?);
    command.args(["migrate", "--database-url", url]);
    Ok(Process::start(name, command, logs)?)
}

async fn finish(migrations: Vec<Process>) -> anyhow::Result<()> {
    for mut migration in migrations {
        let status = migration.ended(Duration::from_secs(60)).await?;
        ensure!(status.success(), "a migration ended with {status}: {}", migration.log());
    }
    Ok(())
}
