//! The queue alone: a scheduler and its store in this process, tasks that wait, workers that do nothing. What is left
//! out is sockets, REST and the shipped limits on them; what is left in is every commit, every event and every fence.

mod workers;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ukai_boot::{Health, Registry, Shutdown};
use ukai_bus::{Bus, LocalBus};
use ukai_rpc::v1;
use ukai_scheduler::{HEALTH_PART, Scheduler, SchedulerConfig};
use ukai_store::Store;
use ukai_store::sqlite::SqliteStore;

use super::database::Database;
use super::machine::{Cpu, parse_stages};
use super::{per_task, round, verify};
use crate::commands::bench::Bench;
use crate::exit::Failure;
use crate::output::Output;
use workers::Workers;

/// Jobs and hosts of the tasks.
const JOBS: u32 = 10;
const HOSTS: u32 = 1_000;
/// Tasks of one submit.
const BATCH: u32 = 2_000;
/// Runs that each worker holds at once: no-op workers take their tasks by the handful, as they do in other queues.
const CAPACITY: u32 = 20;

/// Measures and gives the document.
pub(super) async fn run(
    bench: &Bench,
    output: Output,
    database: Option<Database>,
    folder: &Path,
) -> Result<Value, Failure> {
    let store = open(bench, folder).await?;
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
    let mut registry = Registry::default();
    let settings = SchedulerConfig { address: "ukai bench".to_owned(), ..SchedulerConfig::default() };
    let scheduler = Scheduler::new(settings, Arc::clone(&store), Arc::clone(&bus), &mut registry);
    let client = ukai_rpc::scheduler_over(scheduler.grpc());
    let health = Health::new(env!("CARGO_PKG_VERSION"), &[HEALTH_PART], registry);
    let shutdown = Shutdown::new();
    let leading = scheduler.run(health.clone(), shutdown.clone());
    let running = shutdown.spawn(leading);
    let measured = async {
        wait(Duration::from_secs(30), "the scheduler doesn't lead", || health.is_ready()).await?;
        let begun = Instant::now();
        submit(bench.tasks, &client, output).await?;
        let submitted = begun.elapsed();
        let postmaster = database.as_ref().and_then(Database::postmaster);
        let cpu = || Cpu::now(std::process::id(), &[], postmaster);
        let before = (cpu(), parse_stages(&health.metrics()), Instant::now());
        let workers = Workers::start(&bus, bench.workers, CAPACITY, bench.tasks).await?;
        let bar = output.bar(u64::from(bench.tasks), "queue alone");
        let done = workers.done(|n| bar.set_position(n)).await?;
        let (took, shares) = (before.2.elapsed(), cpu().since(before.0));
        let stages = per_task(&before.1, &parse_stages(&health.metrics()), u64::from(bench.tasks));
        bar.finish_and_clear();
        let total = store.total_counts().await.map_err(|error| Failure::failed(error.to_string()))?;
        verify::each_once(bench.tasks, &done, total)?;
        let each = 1e6 / f64::from(bench.tasks);
        let mut drain = json!({
            "what": "all tasks waiting, in-process workers that do nothing; from their connect to the last accepted result",
            "tasks": bench.tasks,
            "jobs": JOBS,
            "hosts": HOSTS,
            "runsHeldAtOnce": bench.workers * CAPACITY,
            "submitSeconds": round(submitted.as_secs_f64()),
            "seconds": round(took.as_secs_f64()),
            "tasksPerSecond": (f64::from(bench.tasks) / took.as_secs_f64()).round(),
            "microsPerTask": stages,
            "ownCpuMicrosPerTask": round(shares.server_seconds * each),
        });
        if postmaster.is_some() {
            drain["databaseCpuMicrosPerTask"] = json!(round(shares.database_seconds * each));
        }
        Ok(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "build": if cfg!(debug_assertions) { "debug" } else { "release" },
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "store": if bench.database_url.is_some() { "postgresql" } else { "sqlite" },
            "queueOnly": drain,
        }))
    }
    .await;
    shutdown.finish(Duration::from_secs(10)).await;
    let ended = running.await.map_err(|error| Failure::failed(error.to_string()))?;
    ended.map_err(|error| Failure::failed(format!("the scheduler ended: {error:#}")))?;
    measured
}

async fn open(bench: &Bench, folder: &Path) -> Result<Arc<dyn Store>, Failure> {
    let store: Result<Arc<dyn Store>, _> = match &bench.database_url {
        Some(url) => ukai_store::connect(url, "ukai-bench").await,
        None => {
            let folder = folder.join("data");
            let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&folder)).await;
            opened.map_err(|error| Failure::failed(error.to_string()))?.map(|store| store as Arc<dyn Store>)
        }
    };
    store.map_err(|error| Failure::failed(error.to_string()))
}

/// Submits all tasks, evenly over the jobs, by the calls that the api makes.
async fn submit(tasks: u32, client: &ukai_rpc::Scheduler, output: Output) -> Result<(), Failure> {
    use v1::submit_tasks_request::Job;
    let bar = output.bar(u64::from(tasks), "submit");
    let mut next = 0;
    for n in 0..JOBS {
        let end = tasks * (n + 1) / JOBS;
        let new = v1::NewJob { name: format!("job {n}"), kind: "scrape".to_owned(), weight: 1, crawl: None };
        let mut job = Job::New(new);
        while next < end {
            let last = (next + BATCH).min(end);
            let request = v1::SubmitTasksRequest {
                job: Some(job),
                tasks: (next..last).map(task).collect(),
                idempotency: None,
            };
            let reply = client.clone().submit_tasks(request).await;
            let reply = reply.map_err(|status| Failure::failed(status.to_string()))?.into_inner();
            bar.inc(u64::from(last - next));
            (job, next) = (Job::Existing(reply.job), last);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn task(n: u32) -> v1::NewTask {
    let host = format!("shop{}.example", n % HOSTS);
    v1::NewTask {
        kind: "scrape".to_owned(),
        url: format!("https://{host}/item/{n}"),
        host,
        priority: 50,
        max_attempts: 3,
        ..v1::NewTask::default()
    }
}

/// Waits until `done`, looking every millisecond.
async fn wait(limit: Duration, otherwise: &str, done: impl Fn() -> bool) -> Result<(), Failure> {
    let begun = Instant::now();
    while !done() {
        if begun.elapsed() > limit {
            return Err(Failure::failed(otherwise));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
