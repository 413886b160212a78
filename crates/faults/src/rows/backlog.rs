//! A million waiting tasks: a leader and a database that die are back as fast as without them.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::json;

use super::{Measure, Outcome};
use crate::check::holds;
use crate::crew::{Crew, is_hand_out, until};
use crate::fleet::{Fleet, Shape};
use crate::world::Trial;

/// Tasks that wait.
const WAITING: u64 = 1_000_000;
/// Rows that a leader may keep in memory.
const WINDOWS: f64 = 200_000.0;
/// Its memory, beside what it needs without a queue: far less than a million tasks are.
const MEMORY: u64 = 256 << 20;
/// What is said of a database that goes away.
const OWN_WORDS: &[&str] =
    &["database", "stopped leading", "store", "leader row", "gateways can't be heard", "commit"];

/// The rows of `WAITING` tasks of the job that there is, with its balance.
const FILL: &str = "
    CREATE TEMP TABLE filled AS SELECT gen_random_uuid() AS id, 'host' || n % 1000 || '.example' AS host, n
        FROM generate_series(1, 1000000) n;
    INSERT INTO ukai.task (id, job, kind, host, url, priority, max_attempts, created_at)
        SELECT f.id, j.id, 'scrape', f.host, 'https://' || f.host || '/' || f.n, 50, 3, 1 FROM filled f, ukai.job j;
    INSERT INTO ukai.task_ready (kind, rank, job, id, host, run, attempts, losses, parse_errors)
        SELECT 'scrape', 50, j.id, f.id, f.host, 0, 0, 0, 0 FROM filled f, ukai.job j;
    INSERT INTO ukai.job_delta SELECT id, 1000000, 1000000, 0, 0, 0, 0, 0, 0, 0 FROM ukai.job;
    ANALYZE ukai.task_ready";

/// F39.
pub(super) async fn a_million_waiting(trial: Trial) -> Outcome {
    let mut fleet = Fleet::start(Shape::default()).await?;
    let body = json!({ "productUrls": ["https://shop.example/first"] });
    fleet.ask(Method::POST, "/api/tasks/batch", &body).await?;
    // Nobody leads while rows are written by hand.
    for scheduler in &mut fleet.schedulers {
        scheduler.process.kill()?;
    }
    ensure!(fleet.sql("SELECT count(*) FROM ukai.job")? == "1", "one job");
    fleet.sql(FILL)?;
    // What a crash must bring back is the work since, as it would be where tasks came one by one.
    fleet.sql("CHECKPOINT")?;
    let http = fleet.http.clone();
    for scheduler in &mut fleet.schedulers {
        scheduler.process.start_again()?;
        scheduler.ready(&http).await?;
    }
    let crew = Crew::start(&fleet, 20, trial.seed).await?;
    let journal = std::sync::Arc::clone(&crew.journal);
    until("results", || journal.accepted() >= 100).await?;

    let leader = fleet.leader()?;
    fleet.schedulers[leader].process.kill()?;
    let killed = Instant::now();
    let lease = Duration::from_secs(5);
    let takeover = next(&crew, killed + Duration::from_millis(50)).await?.duration_since(killed);
    fleet.schedulers[leader].process.start_again()?;
    fleet.schedulers[leader].ready(&http).await?;

    fleet.postgres.kill()?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fleet.postgres.restart()?;
    let ready = Instant::now();
    // What was committed before the end may be pushed without the database.
    until("somebody leads", || fleet.leader().is_ok()).await?;
    let healed = next(&crew, Instant::now()).await?.duration_since(ready);
    let leads = &fleet.schedulers[fleet.leader()?];
    let rows = leads.metric(&http, "ukai_scheduler_window_rows").await?;
    ensure!(rows <= WINDOWS, "{rows} rows are in the leader's memory");
    let memory = leads.process.memory()?;
    ensure!(memory <= MEMORY, "the leader needs {memory} bytes");
    let results = journal.accepted();
    until("work goes on", || journal.accepted() >= results + 100).await?;
    for member in &crew.members {
        member.ending.drain.cancel();
    }
    let leased = "SELECT count(*) FROM ukai.task_lease";
    until("all is handed back", || fleet.sql(leased).is_ok_and(|count| count == "0")).await?;
    holds(&fleet, &journal, &[], OWN_WORDS)?;
    let queue = fleet.get("/api/queue").await?;
    ensure!(queue["balanced"] == true, "the balance doesn't hold: {queue}");
    ensure!(queue["total"]["submitted"] == WAITING + 1, "the balance forgot some: {queue}");
    Ok(vec![
        Measure::new("dispatch by the standby, beyond the lease", takeover.saturating_sub(lease), 5),
        Measure::new("dispatch after the database is ready", healed, 5),
    ])
}

/// When the first task was handed out after a moment.
async fn next(crew: &Crew, from: Instant) -> anyhow::Result<Instant> {
    until("a hand-out", || crew.journal.first_after(from, is_hand_out).is_some()).await?;
    Ok(crew.journal.first_after(from, is_hand_out).context("a hand-out")?.at)
}
