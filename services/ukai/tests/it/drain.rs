//! 10,000 tasks, 200 workers, 50 of them killed, the server killed -9 and restarted twice: each task is completed
//! exactly once and the balance holds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use ukai_testkit::fake_worker::{Answer, Ending, FakeWorker, Happening, Observer};

use crate::server::Server;

const TASKS: u64 = 10_000;
const WORKERS: u64 = 200;
const JOBS: u64 = 10;
const BATCH: u64 = 500;
/// All of it, in a debug build on a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

/// What the workers were told.
#[derive(Default)]
struct Told {
    /// Task to the runs whose result was accepted.
    accepted: Mutex<HashMap<String, Vec<u64>>>,
    results: AtomicU64,
    refused: Mutex<Vec<String>>,
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_tasks_survive_the_death_of_workers_and_server() {
    let mut server = Server::start().await;
    let told = Arc::new(Told::default());
    let endings = workers(&server, &told).await;
    let ids = submit(&server).await;
    assert_eq!(ids.len() as u64, TASKS);

    reach(&server, &told, 2_000).await;
    endings[..25].iter().for_each(|ending| ending.kill.cancel());
    reach(&server, &told, 3_500).await;
    server.kill();
    server.restart().await;
    reach(&server, &told, 5_500).await;
    endings[25..50].iter().for_each(|ending| ending.kill.cancel());
    reach(&server, &told, 7_000).await;
    server.kill();
    server.restart().await;

    let queue = completed(&server).await;
    assert_eq!(queue["submitted"], TASKS);
    for ended in ["ready", "delayed", "leased", "failed", "cancelled", "purged"] {
        assert_eq!(queue[ended], 0, "{ended}: {queue}");
    }
    for (task, runs) in told.accepted.lock().unwrap().iter() {
        assert_eq!(runs.len(), 1, "task {task} was accepted more than once, runs {runs:?}");
    }
    // Where a server died between the commit and its answer, the repeat is told that it counted before.
    for why in told.refused.lock().unwrap().iter() {
        assert!(matches!(why.as_str(), "stale" | "not_assigned"), "a report was refused: {why}");
    }
    each_completed_once(&server, &ids, &told).await;
}

async fn workers(server: &Server, told: &Arc<Told>) -> Vec<Ending> {
    let mut endings = Vec::new();
    for seed in 0..WORKERS {
        let made = server.ask(Method::POST, "/api/workers", &json!({ "name": format!("fake-{seed}") })).await;
        let mut worker = FakeWorker::new(&server.url, made["token"].as_str().unwrap(), seed);
        worker.page = Duration::from_millis(20)..Duration::from_millis(300);
        worker.reconnect = Duration::from_millis(500);
        let (ending, observer) = (Ending::default(), observer(told));
        endings.push(ending.clone());
        tokio::spawn(worker.run(ending, observer));
    }
    endings
}

fn observer(told: &Arc<Told>) -> Observer {
    let told = Arc::clone(told);
    Arc::new(move |happening| match happening {
        Happening::Answered { task, run, answer: Answer::Accepted } => {
            told.accepted.lock().unwrap().entry(task).or_default().push(run);
            told.results.fetch_add(1, Ordering::Relaxed);
        }
        Happening::Answered { answer: Answer::Refused(why), .. } => told.refused.lock().unwrap().push(why),
        Happening::Answered { answer: Answer::Duplicate, .. }
        | Happening::Registered
        | Happening::Assigned { .. }
        | Happening::Reported { .. }
        | Happening::Cancelled { .. }
        | Happening::Error(_)
        | Happening::Cut(_) => {}
    })
}

async fn submit(server: &Server) -> Vec<String> {
    let mut jobs = Vec::new();
    for n in 0..JOBS {
        let job = server.ask(Method::POST, "/api/jobs", &json!({ "name": format!("drain {n}") })).await;
        jobs.push(job["id"].clone());
    }
    let mut ids = Vec::new();
    for batch in 0..TASKS / BATCH {
        let tasks: Vec<_> = (0..BATCH)
            .map(|n| json!({ "productUrl": format!("https://shop{}.example/{batch}/{n}", n % 50) }))
            .collect();
        let job = &jobs[usize::try_from(batch % JOBS).unwrap()];
        let made =
            server.ask(Method::POST, "/api/tasks/batch", &json!({ "jobId": job, "tasks": tasks })).await;
        ids.extend(
            made["items"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned()),
        );
    }
    ids
}

/// Waits until the workers have seen so many results accepted.
async fn reach(server: &Server, told: &Told, results: u64) {
    let begun = Instant::now();
    while told.results.load(Ordering::Relaxed) < results {
        assert!(
            begun.elapsed() < LIMIT,
            "stuck at {} of {results}: {}",
            told.results.load(Ordering::Relaxed),
            server.get("/api/queue").await
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until every task has completed and gives the balance.
async fn completed(server: &Server) -> Value {
    let begun = Instant::now();
    loop {
        let queue = server.get("/api/queue").await;
        if queue["total"]["completed"] == TASKS {
            assert_eq!(queue["balanced"], true, "{queue}");
            return queue["total"].clone();
        }
        assert!(begun.elapsed() < LIMIT, "not drained: {queue}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn each_completed_once(server: &Server, ids: &[String], told: &Told) {
    let accepted = told.accepted.lock().unwrap().clone();
    stream::iter(ids)
        .for_each_concurrent(8, |id| {
            let accepted = &accepted;
            async move {
                let task = server.get(&format!("/api/tasks/{id}")).await;
                assert_eq!(task["status"], "completed", "{task}");
                let runs = task["runs"].as_array().unwrap();
                let counted: Vec<_> = runs.iter().filter(|run| run["outcome"] == "completed").collect();
                assert_eq!(counted.len(), 1, "{task}");
                if let Some([run]) = accepted.get(id).map(Vec::as_slice) {
                    assert_eq!(counted[0]["run"], *run, "the accepted run is the one that counts: {task}");
                }
            }
        })
        .await;
}
