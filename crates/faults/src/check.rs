//! What holds after every row, read from the database, the workers' journal and the processes' logs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde_json::Value;
use ukai_testkit::process::Process;

use crate::crew::Journal;
use crate::fleet::Fleet;
use crate::service::Service;

/// All tasks end within this after the fault.
const DRAIN: Duration = Duration::from_secs(180);

/// Counters are right within this of quiet.
const QUIET: Duration = Duration::from_secs(5);
/// Jobs whose own lists are read.
const JOBS: usize = 5;
/// Memory and descriptors are given back within this.
const SETTLED: Duration = Duration::from_secs(60);
/// What a small process may need beyond three tenths more: pages of its allocator, and those of a new leader.
const MEMORY: u64 = 32 << 20;
/// Descriptors that a process may have more, beside a socket for each worker of the other gateway: a new leader's.
const DESCRIPTORS: usize = 10;

/// A predicate: its name, and a statement that gives a row for each violation.
pub(crate) const PREDICATES: &[(&str, &str)] = &[
    (
        "a task is in exactly one place",
        "SELECT t.id FROM ukai.task t LEFT JOIN (SELECT id FROM ukai.task_ready UNION ALL SELECT id FROM ukai.task_delayed \
         UNION ALL SELECT id FROM ukai.task_lease UNION ALL SELECT id FROM ukai.task_done) p USING (id) \
         GROUP BY t.id HAVING count(p.id) <> 1",
    ),
    (
        "nothing is anywhere without a task",
        "SELECT id FROM ukai.task_done WHERE id NOT IN (SELECT id FROM ukai.task)",
    ),
    (
        "at most one completed run a task",
        "SELECT task FROM ukai.run WHERE outcome = 'completed' GROUP BY task HAVING count(*) > 1",
    ),
    (
        "the completed run is the newest",
        "SELECT r.task FROM ukai.run r JOIN ukai.run o ON o.task = r.task AND o.run > r.run WHERE r.outcome = 'completed'",
    ),
    (
        "a completed task has a completed run",
        "SELECT d.id FROM ukai.task_done d WHERE d.status = 'completed' AND NOT EXISTS \
         (SELECT 1 FROM ukai.run r WHERE r.task = d.id AND r.run = d.run AND r.outcome = 'completed')",
    ),
    (
        "runs are numbered without a gap",
        "SELECT task FROM ukai.run GROUP BY task HAVING max(run) <> count(*) OR min(run) <> 1",
    ),
    (
        "attempts are within their limit",
        "SELECT d.id FROM ukai.task_done d JOIN ukai.task t USING (id) WHERE d.attempts > t.max_attempts",
    ),
    (
        "event numbers have no gap and no double",
        "SELECT first FROM (SELECT first, lag(last) OVER (ORDER BY first) AS before FROM ukai.event) e \
         WHERE first <> coalesce(before, 0) + 1",
    ),
    (
        "the lists of jobs' events leave none out",
        "SELECT e.first FROM ukai.event e, ukai.event_job_through t WHERE e.first <= t.through AND NOT EXISTS \
         (SELECT 1 FROM ukai.event_job l WHERE l.job = e.job AND l.first = e.first)",
    ),
    (
        "the lists of jobs' events name none that is gone",
        "SELECT l.first FROM ukai.event_job l LEFT JOIN ukai.event e USING (first) WHERE e.first IS NULL",
    ),
    (
        "the log ends where the newest commit says",
        "SELECT c.last_event, e.last FROM (SELECT last_event FROM ukai.commit_log ORDER BY epoch DESC, n DESC LIMIT 1) c, \
         (SELECT coalesce(max(last), 0) AS last FROM ukai.event) e WHERE c.last_event <> e.last",
    ),
];

/// Waits until every task has ended, then checks everything.
///
/// # Errors
/// The first violation, in words.
pub(crate) async fn check(
    fleet: &Fleet,
    journal: &Journal,
    accepted: &[String],
    forgiven: &[&str],
) -> anyhow::Result<()> {
    drained(|| fleet.get("/api/queue")).await?;
    counted(fleet).await?;
    holds(fleet, journal, accepted, forgiven)
}

/// Checks everything, whatever still waits.
///
/// # Errors
/// The first violation, in words.
pub(crate) fn holds(
    fleet: &Fleet,
    journal: &Journal,
    accepted: &[String],
    forgiven: &[&str],
) -> anyhow::Result<()> {
    for (name, statement) in PREDICATES {
        let rows = fleet.sql(statement)?;
        ensure!(rows.is_empty(), "{name}: {rows}");
    }
    known(fleet, accepted)?;
    let completed = fleet.sql("SELECT task, run FROM ukai.run WHERE outcome = 'completed'")?;
    let counted: BTreeMap<&str, &str> = completed.lines().filter_map(|line| line.split_once('|')).collect();
    for (task, runs) in journal.accepted_runs() {
        ensure!(runs.len() == 1, "task {task} was accepted more than once: runs {runs:?}");
        let counts = counted.get(task.as_str()).copied().unwrap_or("none");
        ensure!(counts == runs[0].to_string(), "task {task}: run {} was accepted, {counts} counts", runs[0]);
    }
    logs(fleet, forgiven)
}

/// Each task that was answered with 201 is there, and no two answers are of one task.
///
/// # Errors
/// The first that isn't.
pub(crate) fn known(fleet: &Fleet, accepted: &[String]) -> anyhow::Result<()> {
    let known: BTreeSet<String> = fleet.sql("SELECT id FROM ukai.task")?.lines().map(str::to_owned).collect();
    for id in accepted {
        ensure!(known.contains(id), "task {id} was answered with 201 and is lost");
    }
    let distinct: BTreeSet<&String> = accepted.iter().collect();
    ensure!(distinct.len() == accepted.len(), "two requests were answered with the same task");
    Ok(())
}

/// Reads the queue until nothing is ready, delayed or leased; the balance holds then.
///
/// # Errors
/// It doesn't, or that never comes.
pub(crate) async fn drained<F: Future<Output = anyhow::Result<Value>>>(
    read: impl Fn() -> F,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let queue = read().await?;
        let open: u64 =
            ["ready", "delayed", "leased"].iter().filter_map(|place| queue["total"][place].as_u64()).sum();
        if open == 0 && queue["total"]["submitted"].as_u64() > Some(0) {
            ensure!(queue["balanced"] == true, "the balance doesn't hold: {queue}");
            return Ok(());
        }
        ensure!(begun.elapsed() < DRAIN, "not drained: {queue}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The counters of the queue are what is there.
async fn counted(fleet: &Fleet) -> anyhow::Result<()> {
    let places = "SELECT 'submitted', count(*) FROM ukai.task UNION ALL SELECT 'ready', count(*) FROM ukai.task_ready \
        UNION ALL SELECT 'delayed', count(*) FROM ukai.task_delayed UNION ALL SELECT 'leased', count(*) FROM \
        ukai.task_lease UNION ALL SELECT status, count(*) FROM ukai.task_done GROUP BY status";
    let begun = Instant::now();
    loop {
        let queue = fleet.get("/api/queue").await?;
        let there = fleet.sql(places)?;
        let there: BTreeMap<&str, &str> = there.lines().filter_map(|line| line.split_once('|')).collect();
        let is_so = |(place, count): (&String, &Value)| {
            count.as_u64() == there.get(place.as_str()).map_or(Some(0), |there| there.parse().ok())
        };
        if queue["total"].as_object().is_some_and(|total| total.iter().all(is_so)) {
            return Ok(());
        }
        ensure!(begun.elapsed() < QUIET, "counted: {}, there: {there:?}", queue["total"]);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whoever reads the log by REST, of all or of a job, sees each number once and each task's end.
///
/// # Errors
/// What is missing.
pub(crate) async fn told(fleet: &Fleet, accepted: &[String]) -> anyhow::Result<()> {
    let log = events(fleet, "/api/events").await?;
    for (number, event) in (1_u64..).zip(&log) {
        ensure!(event["seq"] == number, "event {number} isn't in its place: {event}");
    }
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    for event in log.iter().filter(|event| event["type"] == "taskCompleted") {
        *ends.entry(event["data"]["taskId"].as_str().unwrap_or_default()).or_default() += 1;
    }
    for task in accepted {
        ensure!(
            ends.get(task.as_str()) == Some(&1),
            "the end of task {task} was told {:?} times",
            ends.get(task.as_str())
        );
    }
    let jobs: BTreeSet<&str> = log.iter().filter_map(|event| event["jobId"].as_str()).collect();
    for job in jobs.into_iter().take(JOBS) {
        let own: Vec<&Value> = log.iter().filter(|event| event["jobId"] == job).collect();
        let listed = events(fleet, &format!("/api/jobs/{job}/events")).await?;
        ensure!(listed.iter().eq(own), "the list of job {job} leaves events out");
    }
    Ok(())
}

async fn events(fleet: &Fleet, path: &str) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    loop {
        let since = all.last().map_or(0, |event: &Value| event["seq"].as_u64().unwrap_or(0));
        let page = fleet.get(&format!("{path}?since={since}")).await?;
        match page["items"].as_array() {
            Some(items) if !items.is_empty() => all.extend(items.iter().cloned()),
            _ => return Ok(all),
        }
    }
}

/// What a process needs.
#[derive(Debug)]
pub(crate) struct Need {
    name: String,
    memory: u64,
    descriptors: usize,
}

/// What each process that runs needs now.
///
/// # Errors
/// This system doesn't tell.
pub(crate) fn needs(fleet: &Fleet) -> anyhow::Result<Vec<Need>> {
    let running = fleet.services().filter(|service| service.process.is_there());
    let needs = running.map(|Service { process, .. }| {
        let (memory, descriptors) = (process.memory()?, process.descriptors()?);
        Ok(Need { name: process.name().to_owned(), memory, descriptors })
    });
    needs.collect()
}

/// Waits until no process needs much more than it did under load, before the fault.
///
/// # Errors
/// One still does after a minute.
pub(crate) async fn settled(fleet: &Fleet, before: &[Need], workers: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let more = needs(fleet)?.into_iter().find_map(|now| {
            let was = before.iter().find(|was| was.name == now.name)?;
            let is_more = now.memory > was.memory * 13 / 10 + MEMORY
                || now.descriptors > was.descriptors + workers / 2 + DESCRIPTORS;
            is_more.then(|| format!("{was:?} before, {now:?} now"))
        });
        let Some(more) = more else { return Ok(()) };
        ensure!(begun.elapsed() < SETTLED, "{more}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// No panic, no error line but those that the row forgives.
fn logs(fleet: &Fleet, forgiven: &[&str]) -> anyhow::Result<()> {
    fleet.services().try_for_each(|service| calm(&service.process, forgiven))
}

/// The same of one process.
///
/// # Errors
/// The line.
pub(crate) fn calm(process: &Process, forgiven: &[&str]) -> anyhow::Result<()> {
    for line in process.log().lines() {
        let is_error = line.contains(" ERROR ") || line.contains("panicked at");
        if is_error && !forgiven.iter().any(|words| line.contains(words)) {
            bail!("{} logged: {line}", process.name());
        }
    }
    Ok(())
}
