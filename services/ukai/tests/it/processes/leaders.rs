//! Who leads, seen from outside: hand-over, standbys, and the time without a leader. Each process ends in order.

use super::drain::{submit, until, workers};
use super::fleet::{Fleet, INTERNAL, KEY};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ukai_rpc::{Lookup, Patience, scheduler_of_leader, v1};

const IN_ORDER: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_asked_to_end_hands_over_at_once_and_so_all_end_in_order() {
    let mut fleet = Fleet::start(2, 2).await;
    health_and_metrics(&fleet).await;
    let (told, _endings) = workers(&fleet, 20, Duration::from_millis(300)).await;
    submit(&fleet, 2_000).await;
    until(&fleet, "work", || told.results() >= 50).await;

    let leader = fleet.leader().unwrap();
    let asked = Instant::now();
    fleet.schedulers[leader].process.terminate().unwrap();
    until(&fleet, "another leader", || fleet.leader() == Some(1 - leader)).await;
    let led = Instant::now();
    until(&fleet, "a hand-out", || told.next_hand_out(asked, led).is_some()).await;
    let next = told.next_hand_out(asked, led).unwrap();
    println!("handed out by the next leader {next:?} after SIGTERM");
    assert!(next < Duration::from_secs(2), "handed out by the next leader only {next:?} after SIGTERM");
    assert!(fleet.schedulers[leader].process.ended(IN_ORDER).await.unwrap().success());

    // The workers of a gateway that ends go to the other one.
    fleet.gateways[0].process.terminate().unwrap();
    assert!(fleet.gateways[0].process.ended(IN_ORDER).await.unwrap().success());
    let before = told.results();
    until(&fleet, "work at the other gateway", || told.results() > before + 50).await;
    fleet.monitor.process.terminate().unwrap();
    assert!(fleet.monitor.process.ended(IN_ORDER).await.unwrap().success());
    fleet.api.process.terminate().unwrap();
    assert!(fleet.api.process.ended(IN_ORDER).await.unwrap().success());
    for service in fleet.schedulers.iter().chain(&fleet.gateways).chain([&fleet.api, &fleet.monitor]) {
        assert!(!service.process.log().contains(KEY), "{} logs a key", service.process.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_leader_commands_are_refused_in_time_and_standbys_send_callers_on() {
    let mut fleet = Fleet::start(2, 1).await;
    let leader = fleet.leader().unwrap();
    assert_eq!(fleet.api.parts(&fleet.http).await, json!({ "store": true, "scheduler": true }));

    // A caller that knows the standby alone reaches the leader; one without the token reaches nobody.
    let standby = &fleet.schedulers[1 - leader].address;
    client(standby, Some(INTERNAL)).probe(v1::ProbeRequest {}).await.unwrap();
    assert!(client(standby, None).probe(v1::ProbeRequest {}).await.is_err());

    for scheduler in &mut fleet.schedulers {
        scheduler.process.kill().unwrap();
    }
    let begun = Instant::now();
    let task = json!({ "productUrl": "https://shop.example/1" });
    let (status, answer) = fleet.try_once(Method::POST, "/api/tasks", &task, "without-a-leader").await;
    let took = begun.elapsed();
    println!("refused {took:?} after the question");
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    assert!(took < Duration::from_millis(3_500), "answered after {took:?}");
    assert_eq!(answer["code"], "UNAVAILABLE");
    assert!(answer["message"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    assert!(answer["timestamp"].is_string(), "{answer}");
    // Reads go on.
    let list = fleet.get("/api/tasks").await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(0), "{list}");
    until_parts(&fleet, &json!({ "store": true, "scheduler": false })).await;

    fleet.schedulers[leader].process.start_again().unwrap();
    let http = fleet.http.clone();
    fleet.schedulers[leader].ready(&http).await;
    until_parts(&fleet, &json!({ "store": true, "scheduler": true })).await;
    fleet.ask(Method::POST, "/api/tasks", &task).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_frozen_finds_another_and_stands_by() {
    let fleet = Fleet::start(2, 1).await;
    let leader = fleet.leader().unwrap();
    let (old, new) = (&fleet.schedulers[leader], &fleet.schedulers[1 - leader]);
    old.process.freeze().unwrap();
    let begun = Instant::now();
    let (status, answer) =
        fleet.try_once(Method::POST, "/api/jobs", &json!({ "name": "job" }), "frozen").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    assert!(begun.elapsed() < Duration::from_millis(3_500), "answered after {:?}", begun.elapsed());
    // The outcome was unknown: under the same key it is one job, whoever makes it.
    fleet.ask(Method::POST, "/api/jobs", &json!({ "name": "other" })).await;
    let took = begun.elapsed();
    println!("commands went on {took:?} after the leader froze");
    assert!(took < Duration::from_secs(10), "commands went on only {took:?} after the leader froze");
    assert_eq!(fleet.leader(), Some(1 - leader));
    fleet.try_once(Method::POST, "/api/jobs", &json!({ "name": "job" }), "frozen").await;
    old.process.thaw().unwrap();
    let begun = Instant::now();
    while !old.process.log().contains("deposed: standing by") {
        assert!(begun.elapsed() < Duration::from_secs(20), "the old leader doesn't stand by");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // It sends callers on, and what the frozen one had received was not done twice.
    client(&old.address, Some(INTERNAL)).probe(v1::ProbeRequest {}).await.unwrap();
    assert!(!new.process.log().contains("deposed"));
    let jobs = fleet.get("/api/jobs").await;
    let names: Vec<_> = jobs["items"].as_array().unwrap().iter().map(|job| &job["name"]).collect();
    assert_eq!(names, ["job", "other"], "{jobs}");
}

/// Every service tells how it is; what it measures only to who may know, where its address faces the network.
async fn health_and_metrics(fleet: &Fleet) {
    let all = fleet.schedulers.iter().chain(&fleet.gateways).chain([&fleet.api, &fleet.monitor]);
    for service in all {
        let name = service.process.name();
        let get = |path: &str, key: &str| {
            fleet.http.get(format!("http://{}{path}", service.health)).bearer_auth(key).send()
        };
        assert_eq!(get("/healthz", "").await.unwrap().status(), StatusCode::OK, "{name}");
        let measured = get("/metrics", KEY).await.unwrap();
        assert_eq!(measured.status(), StatusCode::OK, "{name}");
        assert!(measured.text().await.unwrap().contains("# TYPE ukai_"), "{name}");
        let faces_the_network = name.starts_with("ukai-api") || name.starts_with("ukai-gateway");
        let wanted = if faces_the_network { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        for wrong in ["", "uka_0000000000000000"] {
            assert_eq!(get("/metrics", wrong).await.unwrap().status(), wanted, "{name} with «{wrong}»");
        }
    }
}

/// A client that knows one address.
fn client(address: &str, token: Option<&str>) -> ukai_rpc::Scheduler {
    let address = address.to_owned();
    let lookup: Lookup = Arc::new(move || {
        let address = address.clone();
        Box::pin(async move { Some(address) })
    });
    scheduler_of_leader(lookup, token, Patience::default())
}

async fn until_parts(fleet: &Fleet, wanted: &Value) {
    let begun = Instant::now();
    loop {
        let parts = fleet.api.parts(&fleet.http).await;
        if parts == *wanted {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{parts}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
