//! Every metric that docs/operations.md lists is served, and moves.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use ukai_socketio::{Connection, Incoming, Target};
use ukai_testkit::collector::{Collector, Manner};
use ukai_testkit::fake_worker::PRODUCT;

use crate::server::Server;

const OPERATIONS: &str = include_str!("../../../../docs/operations.md");

/// The names in backquotes in the first column of the table of metrics.
fn listed() -> Vec<&'static str> {
    let rows = OPERATIONS.lines().filter_map(|line| line.strip_prefix("| `ukai_"));
    let names: Vec<_> = rows.filter_map(|row| row.split_once('`')).map(|(name, _)| name).collect();
    assert!(names.len() >= 10, "the table of metrics in docs/operations.md was not found");
    names
}

/// Sums by name, suffixes of counters and histograms left off.
fn scraped(text: &str) -> BTreeMap<String, f64> {
    let mut values = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        let name = name.split('{').next().unwrap_or(name);
        let name = ["_total", "_sum", "_count"].iter().find_map(|s| name.strip_suffix(s)).unwrap_or(name);
        *values.entry(name.trim_start_matches("ukai_").to_owned()).or_insert(0.0) +=
            value.parse().unwrap_or(0.0);
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listed_metric_moves() {
    let collector = Collector::start().await;
    let server = Server::start_with(&["--otlp-endpoint", &collector.url()]).await;
    let before = scraped(&server.metrics().await);
    // It moved before anybody could look: a server is ready once it leads.
    assert_eq!(before.get("scheduler_leading"), Some(&1.0));
    for n in 0..5 {
        let body = json!({ "productUrl": format!("https://www.shop.example/{n}") });
        server.ask(Method::POST, "/api/tasks", &body).await;
    }
    let working = tokio::spawn(works_and_reports_too_much(server.url.clone(), token(&server).await));
    cancel_one(&server).await;
    refused(&server.url, "wrong", "{}").await;
    refused(&server.url, &token(&server).await, r#"{"capacity":0}"#).await;
    let begun = Instant::now();
    let mut still = listed();
    still.retain(|name| *name != "scheduler_leading");
    let mut last = before;
    while !still.is_empty() {
        let now = scraped(&server.metrics().await);
        still.retain(|name| now.get(*name) == last.get(*name));
        last = now;
        if !still.contains(&"otel_spans_exported") && still.contains(&"otel_spans_dropped") {
            // Spans have arrived; those that end now don't.
            collector.set(Manner::Refuses);
            let body = json!({ "productUrl": "https://www.shop.example/late" });
            server.ask(Method::POST, "/api/tasks", &body).await;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "these never moved: {still:?}\n{}",
            server.metrics().await
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    working.abort();
}

/// One that is at the worker, whose result then comes too late.
async fn cancel_one(server: &Server) {
    let begun = Instant::now();
    loop {
        let list = server.get("/api/tasks?status=assigned,running").await;
        if let Some(id) = list["items"][0]["id"].as_str() {
            server.ask(Method::DELETE, &format!("/api/tasks/{id}"), &Value::Null).await;
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "no task reaches the worker");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn token(server: &Server) -> String {
    let made = server.ask(Method::POST, "/api/workers", &json!({ "name": "moves" })).await;
    made["token"].as_str().unwrap().to_owned()
}

/// A connect that is answered with `error`.
async fn refused(url: &str, token: &str, auth: &str) {
    let mut target = Target::new(url, "/workers").unwrap();
    target.url.query_pairs_mut().append_pair("token", token);
    let mut connection = Connection::open(&target, auth).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(10), connection.next()).await.unwrap();
    assert!(matches!(answer, Ok(Incoming::Event(event)) if event.name() == "error"));
}

/// A picture of one pixel.
const PICTURE: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\
    \x08\x02\x00\x00\x00\x90\x77\x53\xde\x00\x00\x00\x0c\x49\x44\x41\x54\x78\x9c\x63\xf8\xcf\xc0\x00\
    \x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

/// Brings a picture of the task.
async fn bring(url: &str, token: &str, assigned: &Value) {
    let query = [
        ("taskId", assigned["taskId"].as_str().unwrap()),
        ("run", &assigned["run"].to_string()),
        ("kind", "screenshot"),
        ("sha256", &ukai_artifacts::Sha256::of(PICTURE).to_string()),
    ]
    .map(|(key, value)| format!("{key}={value}"))
    .join("&");
    let put = reqwest::Client::new().put(format!("{url}/api/artifacts?{query}")).bearer_auth(token);
    let answer = put.header("content-type", "image/png").body(PICTURE).send().await.unwrap();
    let status = answer.status().as_u16();
    // 409: cancelled meanwhile.
    assert!(matches!(status, 201 | 409), "{status}: {}", answer.text().await.unwrap());
}

/// A worker whose pages take a while, and that reports also what was cancelled.
async fn works_and_reports_too_much(url: String, token: String) {
    let mut target = Target::new(&url, "/workers").unwrap();
    target.url.query_pairs_mut().append_pair("token", &token);
    let mut connection = Connection::open(&target, "").await.unwrap();
    let mut task: Option<Value> = None;
    let mut beat = tokio::time::interval(Duration::from_millis(500));
    loop {
        tokio::select! {
            incoming = connection.next() => match incoming {
                Err(_) => return,
                Ok(Incoming::Event(event)) if event.name() == "task:assigned" => {
                    let assigned: Value = event.parse().unwrap();
                    let started = json!({ "taskId": assigned["taskId"], "startedAt": "2026-01-01T00:00:00Z" });
                    connection.emit("task:started", &started).unwrap();
                    bring(&url, &token, &assigned).await;
                    task = Some(assigned);
                }
                Ok(Incoming::Event(_) | Incoming::Ack(_)) => {}
            },
            _ = beat.tick() => if let Some(task) = task.take() {
                let product: Value = serde_json::from_str(PRODUCT).unwrap();
                let completed = json!({
                    "taskId": task["taskId"], "run": task["run"], "completedAt": "2026-01-01T00:00:00Z",
                    "result": product, "metrics": { "scrapeDurationMs": 1, "pageLoadTimeMs": 1 },
                });
                connection.emit_for_ack("task:completed", &completed).unwrap();
            },
        }
    }
}
