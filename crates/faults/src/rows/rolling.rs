//! Gateways are replaced one after the other while their workers are at work, then killed all at once: each worker comes
//! back elsewhere with what it holds, and nobody storms anybody.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use reqwest::Method;
use serde_json::{Value, json};
use ukai_testkit::fake_worker::{Ending, FakeWorker, Happening};

use super::{Measure, Outcome};
use crate::check::check;
use crate::crew::{Journal, observer};
use crate::fleet::{ENROLMENT, Fleet, Shape};
use crate::world::Trial;

/// The monitor says so when whole gateways' workers fall silent.
const ALERTS: &[&str] = &["many workers fell silent"];
/// Tasks of one request.
const BATCH: usize = 1_000;
/// Descriptors of a process besides its workers' sockets.
const OTHER_FILES: u64 = 500;

/// How much.
struct Scale {
    workers: usize,
    /// New connections a second at the start.
    pace: u32,
    /// The longest page; each worker has one task.
    page: Duration,
    /// How long a worker waits at most before it dials again: a page of its own takes longer.
    reconnect: Duration,
}

/// F28 as in production.
pub(super) async fn many(trial: Trial) -> Outcome {
    let page = Duration::from_secs(55);
    restarted(Scale { workers: 10_000, pace: 250, page, reconnect: Duration::from_secs(3) }, trial.seed).await
}

/// F28 with a few workers.
pub(super) async fn few(trial: Trial) -> Outcome {
    let page = Duration::from_secs(8);
    restarted(Scale { workers: 300, pace: 300, page, reconnect: Duration::from_secs(1) }, trial.seed).await
}

async fn restarted(scale: Scale, seed: u64) -> Outcome {
    allow_files(u64::try_from(scale.workers)? + OTHER_FILES)?;
    // The clocks of production.
    let shape = Shape {
        gateways: 3,
        task_timeout: Duration::from_secs(60),
        lost: Duration::from_secs(30),
        away: Duration::from_secs(10),
        heartbeat: Duration::from_secs(10),
        ..Shape::default()
    };
    let mut fleet = Fleet::start(shape).await?;
    let crowd = Crowd::start(&fleet, &scale, seed).await?;
    let ids = submit(&fleet, scale.workers).await?;
    crowd.until("tasks are with workers", |crowd| crowd.handed_out() >= scale.workers * 9 / 10).await?;

    let begun = Instant::now();
    let mut longest = Duration::ZERO;
    let http = fleet.http.clone();
    for gateway in &mut fleet.gateways {
        gateway.process.terminate()?;
        let asked = Instant::now();
        let status = gateway.process.ended(Duration::from_secs(40)).await?;
        longest = longest.max(asked.elapsed());
        ensure!(status.success(), "{} ended with {status}", gateway.process.name());
        gateway.process.start_again()?;
        gateway.ready(&http).await?;
    }
    crowd.until("all are back", |crowd| crowd.connected() == scale.workers).await?;
    let back = begun.elapsed();
    check(&fleet, &crowd.journal, &ids, ALERTS).await?;
    let again = fleet.sql("SELECT count(*) FROM ukai.run WHERE run > 1")?;
    ensure!(again == "0", "{again} runs were re-runs");

    for gateway in &mut fleet.gateways {
        gateway.process.kill()?;
    }
    let killed = Instant::now();
    for gateway in &mut fleet.gateways {
        gateway.process.start_again()?;
    }
    // A cut is told a moment after the kill.
    crowd.until("the kill is noticed", |crowd| crowd.connected() == 0 || crowd.cut_since(killed)).await?;
    crowd.until("all are back after the kill", |crowd| crowd.connected() == scale.workers).await?;
    let after = killed.elapsed();
    check(&fleet, &crowd.journal, &ids, ALERTS).await?;
    Ok(vec![
        Measure::new("all back after a rolling restart without a re-run", back, 90),
        Measure::new("the longest orderly end of a gateway", longest, 30),
        Measure::new("all back after all were killed at once", after, 120),
    ])
}

/// One task for each worker.
async fn submit(fleet: &Fleet, tasks: usize) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    while ids.len() < tasks {
        let room = BATCH.min(tasks - ids.len());
        let many: Vec<Value> = (ids.len()..ids.len() + room)
            .map(|n| json!({ "productUrl": format!("https://shop{}.example/{n}", n % 50) }))
            .collect();
        let made = fleet.ask(Method::POST, "/api/tasks/batch", &json!({ "tasks": many })).await?;
        let items = made["items"].as_array().context("no items")?;
        ids.extend(items.iter().filter_map(|task| task["id"].as_str().map(str::to_owned)));
    }
    Ok(ids)
}

/// Many workers that register themselves, each with its own name.
struct Crowd {
    journal: Arc<Journal>,
    _endings: Vec<Ending>,
}

impl Crowd {
    /// Connects them, evenly over the gateways, and waits until all are registered.
    async fn start(fleet: &Fleet, scale: &Scale, seed: u64) -> anyhow::Result<Self> {
        let mut crowd = Self { journal: Arc::default(), _endings: Vec::new() };
        let mut pace = tokio::time::interval(Duration::from_secs(1) / scale.pace);
        for number in 0..scale.workers {
            pace.tick().await;
            let mut urls =
                fleet.gateway_urls(number).into_iter().map(|url| format!("{url}/?name=crowd-{number}"));
            let url = urls.next().context("no gateway")?;
            let mut worker = FakeWorker::new(&url, ENROLMENT, seed ^ (number as u64) << 8);
            worker.others = urls.collect();
            worker.page = scale.page / 10..scale.page;
            worker.reconnect = scale.reconnect;
            let ending = Ending::default();
            tokio::spawn(worker.run(ending.clone(), observer(&crowd.journal, number)));
            crowd._endings.push(ending);
        }
        crowd.until("all are registered", |crowd| crowd.connected() == scale.workers).await?;
        Ok(crowd)
    }

    /// Whose last word of the server is not that it is gone.
    fn connected(&self) -> usize {
        let mut connected: HashMap<usize, bool> = HashMap::new();
        self.journal.look(|entries| {
            for entry in entries {
                match entry.happening {
                    Happening::Registered => connected.insert(entry.worker, true),
                    Happening::Cut(_) => connected.insert(entry.worker, false),
                    _ => None,
                };
            }
        });
        connected.values().filter(|is_connected| **is_connected).count()
    }

    fn handed_out(&self) -> usize {
        self.journal.count(crate::crew::is_hand_out)
    }

    fn cut_since(&self, moment: Instant) -> bool {
        self.journal.first_after(moment, |happening| matches!(happening, Happening::Cut(_))).is_some()
    }

    /// Waits for a condition that costs a walk over the journal.
    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !is_so(self) {
            ensure!(
                begun.elapsed() < Duration::from_secs(180),
                "never came: {what}; {} are connected",
                self.connected()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
}

/// Lets this process and those that it starts open so many files.
fn allow_files(wanted: u64) -> anyhow::Result<()> {
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(most >= wanted, "{wanted} open files are needed, {most} allowed (ulimit -Hn)");
    Ok(setrlimit(Resource::RLIMIT_NOFILE, now.max(wanted), most)?)
}
