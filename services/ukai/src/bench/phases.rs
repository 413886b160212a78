//! The single measurements, each on the same server with the same clients.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::database::Database;
use super::fleet::Fleet;
use super::load::{Load, control};
use super::machine::{Cpu, stages};
use super::protocol::now;
use super::{per_task, round};
use crate::commands::bench::Bench;
use crate::exit::Failure;
use crate::output::Output;
use crate::processes::UpProcess;

/// Jobs and hosts, of the measured tasks as of the backlog: a commit's cost grows with the jobs that it touches, and
/// what is compared is the backlog.
const JOBS: u32 = 100;
const HOSTS: u32 = 1_000;
/// Priority of the backlog; tasks at 50 lie above it.
const LOW: u8 = 10;

/// Everything that is running.
pub(super) struct Stand {
    pub(super) bench: Bench,
    pub(super) output: Output,
    pub(super) up: UpProcess,
    pub(super) fleet: Fleet,
    /// PostgreSQL, where it isn't the server's own file.
    pub(super) database: Option<Database>,
    /// Submitted tasks whose results must be there at the end.
    pub(super) ids: Vec<String>,
}

impl Stand {
    pub(super) async fn connect_half(&mut self) -> Result<(), Failure> {
        self.fleet.connect_half(self.up.server.url.as_str()).await
    }

    pub(super) async fn connect(&mut self) -> Result<(), Failure> {
        self.fleet.connect(self.up.server.url.as_str()).await
    }

    pub(super) async fn drain_workers(&mut self) -> Result<(), Failure> {
        self.fleet.drain().await
    }

    /// From the POST of one task to its `task:assigned`, on an idle system, both in one process.
    pub(super) async fn latency(&mut self) -> Result<Value, Failure> {
        let key = self.up.server.key.clone().unwrap_or_default();
        let before = self.cpu();
        let mut micros = self.fleet.latency(self.up.server.url.as_str(), &key, self.bench.posts).await?;
        let shares = self.cpu().since(before);
        micros.sort_unstable();
        #[allow(clippy::cast_precision_loss)] // microseconds of seconds
        let at = |part: f64| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an index into the list
            let index = ((micros.len() as f64 * part) as usize).min(micros.len().saturating_sub(1));
            round(micros.get(index).copied().unwrap_or(0) as f64 / 1_000.0)
        };
        Ok(json!({
            "what": "POST /api/tasks to task:assigned, one at a time on an idle system",
            "posts": micros.len(),
            "p50Ms": at(0.5),
            "p90Ms": at(0.9),
            "p99Ms": at(0.99),
            "maxMs": at(1.0),
            "cpuOfOthers": round(shares.others),
        }))
    }

    /// Tasks are submitted while workers take them: from the first submit to the last accepted result.
    pub(super) async fn stream(&mut self) -> Result<Value, Failure> {
        let load = self.load("stream", 50);
        let jobs = load.jobs(&self.up.client, false).await?;
        let bar = self.output.bar(u64::from(load.tasks), "end to end");
        let done = self.fleet.progress().0;
        let before = (self.cpu(), stages(&self.up.client).await?);
        let begun = now();
        let client = self.up.client.clone();
        let (submitted, reached) = {
            let submit = load.submit(&client, jobs, true, |_| {});
            let reach = self.fleet.reach(done + u64::from(load.tasks), |n| bar.set_position(n - done));
            let (submitted, reached) = tokio::join!(submit, reach);
            (submitted?, reached?)
        };
        bar.finish_and_clear();
        self.ids.extend(submitted.ids);
        let mut measured = self.rate(begun, reached, done, before).await?;
        measured["what"] = json!("from the first submit to the last accepted result");
        Ok(measured)
    }

    /// Tasks wait in paused jobs; from the resume to the last accepted result.
    pub(super) async fn drained(&mut self, name: &'static str, priority: u8) -> Result<Value, Failure> {
        let load = self.load(name, priority);
        let jobs = load.jobs(&self.up.client, true).await?;
        let bar = self.output.bar(u64::from(load.tasks), name);
        let submitted = load.submit(&self.up.client, jobs, true, |_| {}).await?;
        settled().await;
        let done = self.fleet.progress().0;
        let before = (self.cpu(), stages(&self.up.client).await?);
        let begun = now();
        control(&self.up.client, &submitted.jobs, "resume").await?;
        let reached = self.fleet.reach(done + u64::from(load.tasks), |n| bar.set_position(n - done)).await?;
        bar.finish_and_clear();
        self.ids.extend(submitted.ids);
        let mut measured = self.rate(begun, reached, done, before).await?;
        measured["what"] = json!("all tasks waiting; from the release to the last accepted result");
        Ok(measured)
    }

    /// Without (measured before), with a backlog below and at equal priority, and again without.
    pub(super) async fn with_backlog(&mut self, first: &Value) -> Result<Value, Failure> {
        let backlog =
            Load { name: "backlog", tasks: self.bench.backlog, jobs: JOBS, hosts: HOSTS, priority: LOW };
        // Nothing of it may be taken before the measured tasks are there.
        self.drain_workers().await?;
        let jobs = backlog.jobs(&self.up.client, false).await?;
        let bar = self.output.bar(u64::from(backlog.tasks), "backlog");
        let begun = Instant::now();
        let submitted = backlog.submit(&self.up.client, jobs, false, |n| bar.inc(n)).await?;
        bar.finish_and_clear();
        let loaded = begun.elapsed().as_secs_f64();
        let below = self.beside_backlog("below", 50).await?;
        let equal = self.beside_backlog("equal", LOW).await?;
        let begun = Instant::now();
        control(&self.up.client, &submitted.jobs, "cancel").await?;
        self.gone(&submitted.jobs).await?;
        let swept = begun.elapsed().as_secs_f64();
        self.connect().await?;
        // What the equal share left over of the measured tasks.
        self.emptied().await?;
        let again = self.drained("again", 50).await?;
        let rate = |measured: &Value| measured["tasksPerSecond"].as_f64().unwrap_or(0.0);
        let without = f64::midpoint(rate(first), rate(&again)).max(1.0);
        Ok(json!({
            "waiting": self.bench.backlog,
            "jobs": JOBS,
            "hosts": HOSTS,
            "submitSeconds": round(loaded),
            "cancelSeconds": round(swept),
            "a": first,
            "bBelow": below,
            "bEqual": equal,
            "aAgain": again,
            // Judged as they are: rounded, a little over the bound would pass.
            "slowerBelow": 1.0 - rate(&below) / without,
            "slowerAtEqualPriority": 1.0 - rate(&equal) / without,
        }))
    }

    /// Without (measured before), with a snapshot that somebody holds from before the first submit to the last
    /// result, and again without.
    pub(super) async fn with_snapshot(&mut self, first: &Value) -> Result<Value, Failure> {
        let Some(database) = &self.database else { return Ok(Value::Null) };
        database.hold_snapshot().await?;
        let held = self.drained("held", 50).await?;
        if let Some(database) = &self.database {
            database.let_go().await?;
        }
        let again = self.drained("after", 50).await?;
        let rate = |measured: &Value| measured["tasksPerSecond"].as_f64().unwrap_or(0.0);
        let without = f64::midpoint(rate(first), rate(&again)).max(1.0);
        let slower = round(1.0 - rate(&held) / without);
        Ok(json!({ "without": first, "held": held, "again": again, "slower": slower }))
    }

    /// As many results as there are measured tasks, whoever's they are, while the backlog waits and is eligible.
    async fn beside_backlog(&mut self, name: &'static str, priority: u8) -> Result<Value, Failure> {
        let load = self.load(name, priority);
        let jobs = load.jobs(&self.up.client, false).await?;
        let submitted = load.submit(&self.up.client, jobs, true, |_| {}).await?;
        settled().await;
        let done = self.fleet.progress().0;
        let bar = self.output.bar(u64::from(load.tasks), name);
        let before = (self.cpu(), stages(&self.up.client).await?);
        self.connect().await?;
        let (connected, begun) = (self.fleet.progress().0, now());
        let target = done.max(connected) + u64::from(load.tasks);
        let reached = self.fleet.reach(target, |n| bar.set_position(n.saturating_sub(done))).await?;
        bar.finish_and_clear();
        let mut measured = self.rate(begun, reached, connected, before).await?;
        self.drain_workers().await?;
        measured["what"] = json!("results a second while the backlog waits and is eligible");
        measured["priority"] = json!(priority);
        self.ids.extend(submitted.ids);
        Ok(measured)
    }

    /// Waits until no task of the jobs is open.
    async fn gone(&self, jobs: &[String]) -> Result<(), Failure> {
        self.queue_where("the cancelled backlog isn't swept in time", |queue| {
            let open = queue["jobs"].as_array().into_iter().flatten().filter_map(|job| job["id"].as_str());
            Ok(!open.into_iter().any(|open| jobs.iter().any(|job| job == open)))
        })
        .await
    }

    /// Waits until no task is open.
    pub(super) async fn emptied(&self) -> Result<(), Failure> {
        self.queue_where("tasks stay open", |queue| Ok(super::verify::balance(queue)?.open() == 0)).await
    }

    async fn queue_where(
        &self,
        otherwise: &str,
        done: impl Fn(&Value) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            if done(&self.up.client.get("api/queue").await?)? {
                return Ok(());
            }
            if begun.elapsed() > Duration::from_secs(600) {
                return Err(Failure::failed(otherwise));
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn rate(
        &self,
        begun: u64,
        (accepted, at): (u64, u64),
        done: u64,
        (cpu, stages_before): (Cpu, std::collections::BTreeMap<String, f64>),
    ) -> Result<Value, Failure> {
        let shares = self.cpu().since(cpu);
        let tasks = accepted - done;
        let micros = at.saturating_sub(begun).max(1);
        #[allow(clippy::cast_precision_loss)] // counts and microseconds far below 2^52
        let (per_second, each) = (tasks as f64 * 1e6 / micros as f64, 1e6 / tasks.max(1) as f64);
        let mut measured = json!({
            "tasks": tasks,
            "seconds": round(Duration::from_micros(micros).as_secs_f64()),
            "tasksPerSecond": per_second.round(),
            "microsPerTask": per_task(&stages_before, &stages(&self.up.client).await?, tasks),
            "serverCpuMicrosPerTask": round(shares.server_seconds * each),
            "cpu": {
                "server": round(shares.server),
                "clients": round(shares.clients),
                "others": round(shares.others),
            },
        });
        if self.database.as_ref().is_some_and(Database::is_local) {
            measured["databaseCpuMicrosPerTask"] = json!(round(shares.database_seconds * each));
            measured["cpu"]["database"] = json!(round(shares.database));
        }
        Ok(measured)
    }

    fn load(&self, name: &'static str, priority: u8) -> Load {
        Load { name, tasks: self.bench.tasks, jobs: JOBS, hosts: HOSTS, priority }
    }

    fn cpu(&self) -> Cpu {
        let database = self.database.as_ref().and_then(Database::postmaster);
        Cpu::now(self.up.process.id(), &self.fleet.ids(), database)
    }
}

/// Waits until the disk has what was written so far. The system writes it half a minute later otherwise: a million tasks
/// that were submitted would be written under whatever is measured then, and the commits of that wait.
async fn settled() {
    let _the_disks = tokio::task::spawn_blocking(nix::unistd::sync).await;
}
