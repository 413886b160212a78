//! Disks that are full, and a file whose process is killed at any moment.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use serde_json::Value;
use ukai_testkit::disk::SmallDisk;
use ukai_testkit::proxy::{FaultProxy, Faults};

use super::{HOLD_BOTH, Measure, Outcome};
use crate::check::{calm, check};
use crate::crew::{Crew, until};
use crate::fleet::{Fleet, Shape};
use crate::hand::{Hand, holding, started};
use crate::laptop::Laptop;
use crate::load::Load;
use crate::single::Single;
use crate::world::{Trial, World};

/// Bytes of a small disk.
const SMALL: usize = 64 << 20;
/// What is said of a disk that is full: it couldn't be made only where this user may not mount.
const NO_MOUNT: &str = "a small disk needs root, for its mount";
/// What a service may say while there is no room.
const OWN_WORDS: &[&str] = &["no room", "full", "space", "stopped leading", "store", "database", "commit"];
/// Resumes within this after space returns.
const RESUMES: u64 = 30;

/// Kills of one run of F21.
const KILLS: u32 = 1_000;
/// Whoever is killed has run for less than this.
const LIFE: Duration = Duration::from_millis(400);

/// F21: the moments are chosen by the seed; each tenth start may be finished, the others may die on their way.
pub(super) async fn killed_at_any_moment(trial: Trial) -> Outcome {
    let (data, logs) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let mut single = Single::start(data.path(), logs.path(), &[]).await?;
    let mut hired = Vec::new();
    for number in 0..8 {
        hired.push(single.enrol(&format!("crew-{number}")).await?);
    }
    let url = single.url("");
    let crew = Crew::hire(hired, trial.seed, Duration::ZERO, |_| vec![url.clone()]).await?;
    let load = Load::at(&single.http, &single.url("/api/tasks"), usize::MAX);
    let mut longest = Duration::ZERO;
    let mut dice = StdRng::seed_from_u64(trial.seed);
    for number in 0..KILLS {
        let begun = Instant::now();
        // The moment itself is the fault.
        let moment = LIFE.mul_f64(dice.random());
        if number % 10 == 0 {
            single.ready().await?;
            longest = longest.max(begun.elapsed());
            tokio::time::sleep(moment).await;
        } else if let Ok(ready) = tokio::time::timeout(moment, single.ready()).await {
            ready?;
            longest = longest.max(begun.elapsed());
            tokio::time::sleep(moment.saturating_sub(begun.elapsed())).await;
        }
        single.process.kill()?;
        if number % 50 == 0 {
            single.is_sound()?;
        }
        single.process.start_again()?;
    }
    single.ready().await?;
    load.enough();
    let seen = load.finish().await?;
    single.drained().await?;
    single.is_sound()?;
    single.check(&seen.accepted)?;
    let runs = crew.journal.accepted_runs();
    for (task, runs) in &runs {
        ensure!(runs.len() == 1, "task {task} was accepted more than once: runs {runs:?}");
    }
    let (tasks, results) = (seen.accepted.len(), runs.len());
    ensure!(tasks.min(results) > KILLS as usize, "it hardly worked: {tasks} tasks, {results} results");
    calm(&single.process, &[])?;
    Ok(vec![Measure::new("the longest of its starts", longest, 3)])
}

/// F20: PostgreSQL's tables lie on the disk.
pub(super) async fn full_under_postgres(trial: Trial) -> Outcome {
    let disk = SmallDisk::make(SMALL).context(NO_MOUNT)?;
    let world = World::start(Shape::default(), trial).await?;
    world.fleet.postgres.move_tables(crate::fleet::DATABASE, disk.path())?;
    disk.fill()?;
    let full = Instant::now();
    let refusals = || world.load.look(|seen| seen.refused.iter().filter(|(at, _)| *at > full).count());
    until("submits are refused", || refusals() > 0).await?;
    let words: Vec<u16> = world.load.look(|seen| seen.refused.iter().map(|(_, status)| *status).collect());
    ensure!(words.iter().all(|status| matches!(status, 503 | 507)), "refused with other words: {words:?}");
    let before = world.load.accepted();
    disk.free()?;
    let freed = Instant::now();
    until("submits are accepted", || world.load.accepted() > before).await?;
    let took = freed.elapsed();
    world.next_hand_out(freed, freed).await?;
    world.finish(OWN_WORDS).await?;
    Ok(vec![Measure::new("accepts again after space returns", took, RESUMES)])
}

/// F20: SQLite's folder is on the disk, then the artifact store.
pub(super) async fn full_under_one_process(_trial: Trial) -> Outcome {
    let disk = SmallDisk::make(SMALL).context(NO_MOUNT)?;
    let logs = tempfile::tempdir()?;
    let single = Single::start(disk.path(), logs.path(), &[]).await?;
    let mut accepted = Vec::new();
    accepted.push(id(&single.submit(0).await?.1)?);
    disk.fill()?;
    let refused = loop {
        let (status, answer) = single.submit(accepted.len()).await?;
        if status != StatusCode::CREATED {
            break status;
        }
        accepted.push(id(&answer)?);
        ensure!(accepted.len() < 5_000, "it is never full");
    };
    ensure!(matches!(refused.as_u16(), 503 | 507), "refused with {refused}");
    ensure!(single.http.get(single.url("/healthz")).send().await?.status().is_success(), "it is alive");
    disk.free()?;
    let freed = Instant::now();
    loop {
        let (status, answer) = single.submit(accepted.len()).await?;
        if status == StatusCode::CREATED {
            accepted.push(id(&answer)?);
            break;
        }
        ensure!(freed.elapsed() < Duration::from_secs(60), "{status} {answer}");
    }
    let file = freed.elapsed();
    single.is_sound()?;
    single.check(&accepted)?;
    calm(&single.process, OWN_WORDS)?;
    drop(single);

    let (data, disk) = (tempfile::tempdir()?, SmallDisk::make(SMALL).context(NO_MOUNT)?);
    let single = Single::start(data.path(), logs.path(), &[("--artifact-store", disk.path())]).await?;
    let (_, token) = single.enrol("bringer").await?;
    let mut hand = Hand::connect(&single.url(""), &token, &holding(&[])).await?;
    single.submit(0).await?;
    let (task, run) = hand.task().await?;
    hand.say("task:started", &started(&task, run))?;
    hand.flush().await?;
    let page = "<p>kept</p>".repeat(10_000);
    disk.fill()?;
    let refused = bring(&single, &token, &task, run, &page).await?;
    ensure!(refused == StatusCode::INSUFFICIENT_STORAGE, "refused with {refused}");
    disk.free()?;
    let freed = Instant::now();
    let kept = bring(&single, &token, &task, run, &page).await?;
    ensure!(kept == StatusCode::CREATED, "there is room again: {kept}");
    calm(&single.process, &["no room"])?;
    Ok(vec![
        Measure::new("SQLite accepts again after space returns", file, RESUMES),
        Measure::new("a file is kept after space returns", freed.elapsed(), RESUMES),
    ])
}

/// F20: a real worker can't write its result down while nobody takes it.
pub(super) async fn full_under_a_worker(_trial: Trial) -> Outcome {
    let disk = SmallDisk::make(SMALL).context(NO_MOUNT)?;
    let shape = Shape { schedulers: 1, gateways: 1, away: Duration::from_secs(60), ..Shape::default() };
    let fleet = Fleet::start(Shape { lost: Duration::from_secs(60), ..shape }).await?;
    let link = FaultProxy::to(fleet.gateways[0].address).await?;
    let state = disk.path().join("state");
    let mut laptop = Laptop::start(&fleet, &format!("http://{}", link.address()), Some(&state)).await?;
    let task = laptop.submit(&fleet, "/slow?ms=1500").await?;
    laptop.opens(&fleet, &task).await?;
    link.set(HOLD_BOTH);
    disk.fill()?;
    until("its result waits in memory", || laptop.process.log().contains(NOT_ON_DISK)).await?;
    disk.free()?;
    let freed = Instant::now();
    until("it is on disk", || laptop.process.log().contains(ON_DISK)).await?;
    let saved = freed.elapsed();
    // What it held in memory alone is gone with it; what is on disk isn't.
    laptop.process.kill()?;
    link.set(Faults::default());
    link.cut();
    laptop.process.start_again()?;
    let done = format!("SELECT run FROM ukai.run WHERE task = '{task}' AND outcome = 'completed'");
    until("it is delivered", || fleet.sql(&done).is_ok_and(|run| run == "1")).await?;
    check(&fleet, &crate::crew::Journal::default(), &[task], &[]).await?;
    laptop.is_calm(&[NOT_ON_DISK])?;
    Ok(vec![Measure::new("the result is on disk after space returns", saved, RESUMES)])
}

/// A worker's words about its disk.
const NOT_ON_DISK: &str = "a report can't be written to disk";
const ON_DISK: &str = "reports are on disk again";

fn id(task: &Value) -> anyhow::Result<String> {
    task["id"].as_str().map(str::to_owned).context("an id")
}

async fn bring(single: &Single, token: &str, task: &str, run: u64, page: &str) -> anyhow::Result<StatusCode> {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(page.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let url = single.url(&format!("/api/artifacts?taskId={task}&run={run}&kind=html&sha256={digest}"));
    let request = single.http.put(url).bearer_auth(token).header("content-type", "text/html; charset=utf-8");
    Ok(request.body(page.to_owned()).send().await?.status())
}
