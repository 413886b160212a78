//! 1,000 tasks, two schedulers, two gateways; a gateway and the leader are killed midway. Each task counts exactly once.

use super::fleet::Fleet;
use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use ukai_testkit::fake_worker::{Answer, Ending, FakeWorker, Happening, Observer};

const TASKS: usize = 1_000;
const WORKERS: usize = 40;
const BATCH: usize = 250;
const LIMIT: Duration = Duration::from_secs(180);

/// What the workers were told.
#[derive(Default)]
pub(super) struct Told {
    /// Task to the runs whose result was accepted.
    accepted: Mutex<HashMap<String, Vec<u64>>>,
    /// When tasks were handed out.
    assigned: Mutex<Vec<Instant>>,
    refused: Mutex<Vec<String>>,
}

impl Told {
    pub(super) fn results(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    /// How long after `moment` the first task was handed out that was handed out after `later`.
    pub(super) fn next_hand_out(&self, moment: Instant, later: Instant) -> Option<Duration> {
        self.assigned.lock().unwrap().iter().find(|at| **at > later).map(|at| at.duration_since(moment))
    }
}

/// Connects workers, half of them to each gateway.
pub(super) async fn workers(fleet: &Fleet, count: usize, page: Duration) -> (Arc<Told>, Vec<Ending>) {
    let (told, mut endings) = (Arc::new(Told::default()), Vec::new());
    for n in 0..count {
        let made = fleet.ask(Method::POST, "/api/workers", &json!({ "name": format!("fake-{n}") })).await;
        let mut urls = fleet.gateway_urls(n);
        let others = urls.split_off(1);
        let mut worker = FakeWorker::new(&urls[0], made["token"].as_str().unwrap(), n as u64);
        worker.others = others;
        worker.page = page / 10..page;
        worker.reconnect = Duration::from_millis(500);
        let ending = Ending::default();
        endings.push(ending.clone());
        tokio::spawn(worker.run(ending, observer(&told)));
    }
    (told, endings)
}

fn observer(told: &Arc<Told>) -> Observer {
    let told = Arc::clone(told);
    Arc::new(move |happening| match happening {
        Happening::Answered { task, run, answer: Answer::Accepted } => {
            told.accepted.lock().unwrap().entry(task).or_default().push(run);
        }
        Happening::Answered { answer: Answer::Refused(why), .. } => told.refused.lock().unwrap().push(why),
        Happening::Assigned { .. } => told.assigned.lock().unwrap().push(Instant::now()),
        Happening::Answered { answer: Answer::Duplicate, .. }
        | Happening::Registered
        | Happening::Reported { .. }
        | Happening::Cancelled { .. }
        | Happening::Error(_)
        | Happening::Cut(_) => {}
    })
}

/// Submits tasks to one job and gives their ids.
pub(super) async fn submit(fleet: &Fleet, count: usize) -> Vec<String> {
    let job = fleet.ask(Method::POST, "/api/jobs", &json!({ "name": "drain" })).await["id"].clone();
    let mut ids = Vec::new();
    while ids.len() < count {
        let room = BATCH.min(count - ids.len());
        let tasks: Vec<_> = (0..room)
            .map(|n| json!({ "productUrl": format!("https://shop{}.example/{}/{n}", n % 50, ids.len()) }))
            .collect();
        let made =
            fleet.ask(Method::POST, "/api/tasks/batch", &json!({ "jobId": job, "tasks": tasks })).await;
        let made = made["items"].as_array().unwrap();
        ids.extend(made.iter().map(|task| task["id"].as_str().unwrap().to_owned()));
    }
    ids
}

/// Waits until `is_so`, with the queue in the message where it never is.
pub(super) async fn until(fleet: &Fleet, what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "{what}: stuck at {}", fleet.get("/api/queue").await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_counts_once_though_a_gateway_and_the_leader_are_killed() {
    let mut fleet = Fleet::start(2, 2).await;
    let (told, _endings) = workers(&fleet, WORKERS, Duration::from_millis(800)).await;
    let ids = submit(&fleet, TASKS).await;

    until(&fleet, "before the gateway's death", || told.results() >= 200).await;
    fleet.gateways[0].process.kill().unwrap();
    until(&fleet, "before the leader's death", || told.results() >= 400).await;
    let leader = fleet.leader().unwrap();
    fleet.schedulers[leader].process.kill().unwrap();
    let died = Instant::now();
    // What was on its way when it died may still arrive.
    let next = || told.next_hand_out(died, died + Duration::from_secs(1));
    until(&fleet, "after the leader's death", || next().is_some()).await;
    let next = next().unwrap();
    println!("handed out again {next:?} after the leader's death");
    assert!(next < Duration::from_secs(10), "handed out again only {next:?} after the leader's death");
    assert_eq!(fleet.leader(), Some(1 - leader));

    let queue = completed(&fleet).await;
    assert_eq!(queue["submitted"], TASKS);
    for ended in ["ready", "delayed", "leased", "failed", "cancelled", "purged"] {
        assert_eq!(queue[ended], 0, "{ended}: {queue}");
    }
    // Where a leader died between the commit and its answer, the repeat is told that it counted before.
    for why in told.refused.lock().unwrap().iter() {
        assert!(matches!(why.as_str(), "stale" | "not_assigned"), "a report was refused: {why}");
    }
    each_counts_once(&fleet, &ids, &told).await;
}

async fn completed(fleet: &Fleet) -> Value {
    let begun = Instant::now();
    loop {
        let queue = fleet.get("/api/queue").await;
        if queue["total"]["completed"] == TASKS {
            assert_eq!(queue["balanced"], true, "{queue}");
            return queue["total"].clone();
        }
        assert!(begun.elapsed() < LIMIT, "not drained: {queue}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn each_counts_once(fleet: &Fleet, ids: &[String], told: &Told) {
    let accepted = told.accepted.lock().unwrap().clone();
    assert_eq!(ids.len(), TASKS);
    stream::iter(ids)
        .for_each_concurrent(8, |id| {
            let accepted = &accepted;
            async move {
                let task = fleet.get(&format!("/api/tasks/{id}")).await;
                assert_eq!(task["status"], "completed", "{task}");
                let runs = task["runs"].as_array().unwrap();
                let counted: Vec<_> = runs.iter().filter(|run| run["outcome"] == "completed").collect();
                assert_eq!(counted.len(), 1, "{task}");
                if let Some(runs) = accepted.get(id) {
                    assert_eq!(runs.len(), 1, "accepted more than once: {task}");
                    assert_eq!(counted[0]["run"], runs[0], "the accepted run is the one that counts: {task}");
                }
            }
        })
        .await;
}
