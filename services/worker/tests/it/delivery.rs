//! Results arrive, whatever breaks between worker and server.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};
use ukai_testkit::disk::SmallDisk;

use crate::{
    pages::Pages,
    server::{Answers, Server, soon},
    worker::{Worker, config},
};

const URL: &str = "http://shop.example/lamp";

#[tokio::test]
async fn an_unanswered_result_is_in_flight_and_sent_again_by_the_next_worker() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    server.answer(Answers::Nothing);
    let pages = Pages::new();
    let worker = Worker::start(config(&server.address, state.path(), &[]), pages.clone());
    server.connected().await;
    server.assign("t", Some(2), URL, Value::Null).await;
    server.expect("task:started").await;
    let first = server.expect("task:completed").await;
    worker.kill().await;
    server.answer(Answers::Accept);
    let _next = Worker::start(config(&server.address, state.path(), &[]), pages.clone());
    assert_eq!(server.connected().await["inFlight"], json!([{"taskId": "t", "run": 2}]));
    assert_eq!(server.expect("task:completed").await, first, "the same report, not another fetch");
    assert_eq!(pages.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_full_disk_costs_no_result_and_the_next_worker_has_it() {
    // Where this user may not mount, the outbox's own test has a device that is always full.
    let Ok(disk) = SmallDisk::make(1 << 20) else { return };
    let mut server = Server::start("127.0.0.1:0").await;
    server.answer(Answers::Nothing);
    let worker = Worker::start(config(&server.address, disk.path(), &[]), Pages::new());
    server.connected().await;
    disk.fill().unwrap();
    server.assign("t", Some(2), URL, Value::Null).await;
    server.expect("task:started").await;
    let (mut first, mut told) = (Value::Null, Value::Null);
    while first.is_null() || told.is_null() {
        match server.next().await {
            (name, payload) if name == "task:completed" => first = payload,
            (name, payload) if name == "error" => told = payload,
            (name, payload) => panic!("{name}: {payload:#}"),
        }
    }
    assert!(told["message"].as_str().unwrap().contains("disk"), "{told:#}");
    let is_kept = || {
        let journal = std::fs::read_to_string(disk.path().join("outbox.jsonl")).unwrap_or_default();
        journal.lines().any(|line| line.ends_with('}') && line.contains("task:completed"))
    };
    assert!(!is_kept(), "there was no room");
    disk.free().unwrap();
    soon(async {
        while !is_kept() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    worker.kill().await;
    server.answer(Answers::Accept);
    let _next = Worker::start(config(&server.address, disk.path(), &[]), Pages::new());
    assert_eq!(server.connected().await["inFlight"], json!([{"taskId": "t", "run": 2}]));
    assert_eq!(server.expect("task:completed").await, first, "the same report, not another fetch");
}

#[tokio::test]
async fn a_refused_result_is_not_sent_again() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    server.answer(Answers::Stale);
    let worker = Worker::start(config(&server.address, state.path(), &[]), Pages::new());
    server.connected().await;
    server.assign("t", Some(1), URL, Value::Null).await;
    server.expect("task:started").await;
    server.expect("task:completed").await;
    assert!(server.quiet().await);
    worker.stop();
    server.expect("worker:draining").await;
    worker.ended().await.unwrap();
    let _next = Worker::start(config(&server.address, state.path(), &[]), Pages::new());
    assert_eq!(server.connected().await["inFlight"], json!([]));
}

#[tokio::test]
async fn a_page_survives_the_loss_of_the_server() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let address = server.address.clone();
    let pages = Pages::new();
    let _worker = Worker::start(config(&server.address, state.path(), &[]), pages.clone());
    server.connected().await;
    server.assign("t", Some(1), "http://shop.example/gate", Value::Null).await;
    server.expect("task:started").await;
    server.stop().await;
    let mut server = Server::start(&address).await;
    server.knows("t");
    assert_eq!(server.connected().await["inFlight"], json!([{"taskId": "t", "run": 1}]));
    server.expect("task:started").await;
    // What it holds is not fetched a second time when it is handed out again.
    server.assign("t", Some(1), "http://shop.example/gate", Value::Null).await;
    assert!(server.quiet().await);
    pages.gate.add_permits(1);
    assert_eq!(server.expect("task:completed").await["run"], 1);
    assert_eq!(pages.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_page_that_ends_while_the_server_is_away_is_reported_later() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let address = server.address.clone();
    let pages = Pages::new();
    let _worker = Worker::start(config(&server.address, state.path(), &[]), pages.clone());
    server.connected().await;
    server.assign("t", Some(1), "http://shop.example/gate", Value::Null).await;
    server.expect("task:started").await;
    server.stop().await;
    pages.gate.add_permits(1);
    soon(async {
        while pages.open.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut server = Server::start(&address).await;
    server.knows("t");
    assert_eq!(server.connected().await["inFlight"], json!([{"taskId": "t", "run": 1}]));
    loop {
        let (name, payload) = server.next().await;
        if name == "task:completed" {
            assert_eq!(payload["taskId"], "t");
            break;
        }
    }
}

#[tokio::test]
async fn the_end_hands_back_what_waits_and_finishes_what_runs() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let pages = Pages::new();
    let slow = ["--min-delay-ms", "60000", "--max-delay-ms", "60000", "--capacity", "2"];
    let worker = Worker::start(config(&server.address, state.path(), &slow), pages.clone());
    server.connected().await;
    server.assign("first", Some(1), URL, Value::Null).await;
    server.expect("task:started").await;
    server.expect("task:completed").await;
    server.assign("runs", Some(1), "http://shop.example/gate", Value::Null).await;
    server.expect("task:started").await;
    server.assign("waits", Some(1), URL, Value::Null).await;
    server.heartbeat(|beat| beat["status"] == "busy").await;
    assert!(server.quiet().await, "the second slot pauses");
    worker.stop();
    server.expect("worker:draining").await;
    server.assign("new", Some(1), URL, Value::Null).await;
    assert!(server.quiet().await, "nothing new is taken on");
    pages.gate.add_permits(1);
    assert_eq!(server.expect("task:completed").await["taskId"], "runs");
    worker.ended().await.unwrap();
    assert_eq!(pages.asked.lock().unwrap().len(), 2);
}
