//! One trace through separate processes, NATS and PostgreSQL: it survives a task's wait in the queue and the death of
//! the leader, and no worker can put its own in its place.

use super::fleet::{Fleet, KEY};
use crate::traces::{CALLER, TRACE, Tree, has};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use ukai_socketio::{Connection, Incoming, Target};
use ukai_testkit::collector::Collector;
use ukai_testkit::fake_worker::PRODUCT;

const LIMIT: Duration = Duration::from_secs(60);
/// What a worker would like to be traced as.
const FORGED: &str = "ffffffffffffffffffffffffffffffff";

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_waits_in_the_queue_outlives_the_leader_and_is_nobody_elses() {
    let collector = Collector::start().await;
    let mut fleet = Fleet::start_with(1, 1, &[("UKAI_OTLP_ENDPOINT", &collector.url())]).await;
    let body = json!({ "productUrl": "https://www.shop.example/1" });
    let made = fleet
        .http
        .post(format!("http://{}/api/tasks", fleet.api.address))
        .bearer_auth(KEY)
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(made.status().as_u16(), 201);
    let task: Value = made.json().await.unwrap();
    fleet.get("/api/tasks").await;
    let is_kept =
        |spans: &[_]| spans.iter().any(|span: &ukai_testkit::collector::Span| span.name == "commit");
    let (committed, spans) = collector.wait(LIMIT, is_kept).await;
    assert!(committed, "{spans:#?}");
    fleet.schedulers[0].process.kill().unwrap();
    fleet.schedulers[0].process.start_again().unwrap();
    let http = fleet.http.clone();
    fleet.schedulers[0].ready(&http).await;

    let worker = fleet.ask(Method::POST, "/api/workers", &json!({ "name": "forger" })).await;
    let mut target = Target::new(&format!("http://{}", fleet.gateways[0].address), "/workers").unwrap();
    target.url.query_pairs_mut().append_pair("token", worker["token"].as_str().unwrap());
    let forged = format!("00-{FORGED}-{CALLER}-01");
    let assigned = tokio::time::timeout(LIMIT, work(&target, &forged)).await.unwrap();
    assert_eq!(assigned["taskId"], task["id"]);

    let (all_there, spans) = collector.wait(LIMIT, |spans| has(spans, &[])).await;
    assert!(all_there, "{spans:#?}");
    assert!(spans.iter().all(|span| span.trace != FORGED), "{spans:#?}");
    // Who only reads begins no trace.
    assert!(spans.iter().all(|span| !span.name.starts_with("GET")), "{spans:#?}");
    let tree = Tree(spans.into_iter().filter(|span| span.trace == TRACE).collect());
    let (_, handed_out) = tree.handed_out();
    let place = format!("00-{TRACE}-{}-01", handed_out.id);
    assert_eq!(assigned["traceparent"].as_str(), Some(place.as_str()));
    tree.reported(handed_out);
    let mut services: Vec<_> = tree.0.iter().map(|span| span.service.as_str()).collect();
    services.sort_unstable();
    services.dedup();
    assert_eq!(services, ["ukai-api", "ukai-gateway", "ukai-scheduler"]);
}

/// Takes one task and completes it, with a place of its own in every word; what it was told.
async fn work(target: &Target, traceparent: &str) -> Value {
    let mut connection = Connection::open(target, "").await.unwrap();
    let assigned = loop {
        if let Incoming::Event(event) = connection.next().await.unwrap()
            && event.name() == "task:assigned"
        {
            break event.parse::<Value>().unwrap();
        }
    };
    let started = json!({
        "taskId": assigned["taskId"], "startedAt": "2026-01-01T00:00:00Z", "traceparent": traceparent,
    });
    connection.emit("task:started", &started).unwrap();
    let product: Value = serde_json::from_str(PRODUCT).unwrap();
    let completed = json!({
        "taskId": assigned["taskId"], "run": assigned["run"], "completedAt": "2026-01-01T00:00:00Z",
        "result": product, "metrics": { "scrapeDurationMs": 1, "pageLoadTimeMs": 1 }, "traceparent": traceparent,
    });
    connection.emit_for_ack("task:completed", &completed).unwrap();
    loop {
        if matches!(connection.next().await.unwrap(), Incoming::Ack(_)) {
            return assigned;
        }
    }
}
