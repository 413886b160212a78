//! What the server may tell a worker to do.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};

use crate::{
    pages::Pages,
    server::Server,
    worker::{Worker, config},
};

const URL: &str = "http://shop.example/lamp";

#[tokio::test]
async fn a_cancel_stops_the_page_and_frees_the_slot() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let pages = Pages::new();
    let _worker = Worker::start(config(&server.address, state.path(), &[]), pages.clone());
    server.connected().await;
    server.assign("t", Some(1), "http://shop.example/slow", Value::Null).await;
    server.expect("task:started").await;
    server.heartbeat(|beat| beat["status"] == "busy" && beat["currentTaskId"] == "t").await;
    server.cancel("t", 7).await;
    assert!(server.quiet().await, "another run is meant");
    server.cancel("t", 1).await;
    server.heartbeat(|beat| beat["status"] == "idle").await;
    assert_eq!(pages.open.load(Ordering::SeqCst), 0);
    assert_eq!(server.expect("task:failed").await["error"]["message"], "stopped by the server");
    server.assign("u", Some(1), URL, Value::Null).await;
    server.expect("task:started").await;
    server.expect("task:completed").await;
}

#[tokio::test]
async fn pages_pause_and_a_new_pause_holds_from_the_next_task_on() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let pages = Pages::new();
    let pause = ["--min-delay-ms", "600", "--max-delay-ms", "700"];
    let _worker = Worker::start(config(&server.address, state.path(), &pause), pages.clone());
    server.connected().await;
    for n in 0..4 {
        if n == 2 {
            server
                .emit("worker:config_update", json!({"rateLimit": {"minDelayMs": 0, "maxDelayMs": 1}}))
                .await;
        }
        server.assign(&n.to_string(), Some(1), URL, Value::Null).await;
        server.expect("task:started").await;
        server.expect("task:completed").await;
    }
    let asked = pages.asked.lock().unwrap().clone();
    let gaps: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[0] >= Duration::from_millis(600), "{gaps:?}");
    assert!(gaps[2] < Duration::from_millis(600), "{gaps:?}");
}

#[tokio::test]
async fn refusals_in_a_row_block_the_worker_until_it_is_reset() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let _worker = Worker::start(config(&server.address, state.path(), &[]), Pages::new());
    server.connected().await;
    for id in ["a", "b", "c"] {
        server.assign(id, Some(1), "http://shop.example/captcha", Value::Null).await;
        server.expect("task:started").await;
        // The report of the last one and the block's news may overtake each other.
        let (name, payload) = server.next().await;
        if name == "worker:block_detected" {
            assert_eq!(payload["failedTaskIds"], json!(["a", "b", "c"]));
            server.expect("task:failed").await;
        } else if id == "c" {
            let block = server.expect("worker:block_detected").await;
            assert_eq!(block["suggestedAction"], "manual_intervention");
            assert_eq!(block["failedTaskIds"], json!(["a", "b", "c"]));
            assert!(block["reason"].is_string() && block["detectedAt"].is_string());
        }
    }
    server.heartbeat(|beat| beat["status"] == "blocked").await;
    server.emit("worker:config_update", json!({"reset": true})).await;
    server.heartbeat(|beat| beat["status"] == "idle").await;
    assert!(server.quiet().await, "told once");
}

#[tokio::test]
async fn an_impossible_mode_and_a_malformed_event_are_answered_with_an_error() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let _worker = Worker::start(config(&server.address, state.path(), &[]), Pages::new());
    server.connected().await;
    server.heartbeat(|_| true).await;
    server.emit("worker:config_update", json!({"headless": true})).await;
    server.emit("worker:config_update", json!({"headless": false})).await;
    let error = server.expect("error").await;
    assert!(error["message"].as_str().unwrap().contains("no display"), "{error:#}");
    assert!(error["timestamp"].is_string());
    for (event, payload) in
        [("task:assigned", json!({"taskId": 7})), ("task:cancelled", json!("x")), ("unknown", json!(1))]
    {
        server.emit(event, payload).await;
    }
    assert_eq!(server.expect("error").await["code"], "INVALID_PAYLOAD");
    assert_eq!(server.expect("error").await["code"], "INVALID_PAYLOAD");
    server.assign("t", Some(1), URL, Value::Null).await;
    server.expect("task:started").await;
    server.expect("task:completed").await;
}

#[tokio::test]
async fn a_newer_run_of_a_task_replaces_the_older_one() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let pages = Pages::new();
    let _worker = Worker::start(config(&server.address, state.path(), &["--capacity", "2"]), pages.clone());
    server.connected().await;
    server.assign("t", Some(1), "http://shop.example/slow", Value::Null).await;
    server.expect("task:started").await;
    server.assign("t", Some(2), URL, Value::Null).await;
    let mut done = None;
    while done.is_none() {
        let (name, payload) = server.next().await;
        match (name.as_str(), payload["run"].as_u64()) {
            ("task:completed", run) => done = run,
            ("task:failed", run) => assert_eq!(run, Some(1)),
            _ => {}
        }
    }
    assert_eq!(done, Some(2));
    assert_eq!(pages.open.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_wish_for_a_picture_without_a_page_changes_nothing() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let pages = Pages::new();
    let _worker = Worker::start(config(&server.address, state.path(), &[]), pages.clone());
    server.connected().await;
    server.emit("worker:config_update", json!({"screenshot": true})).await;
    server.assign("t", Some(2), "http://shop.example/gate", Value::Null).await;
    server.expect("task:started").await;
    for wish in
        [json!({"screenshot": true, "taskId": crate::server::id("t"), "run": 1}), json!({"screenshot": true})]
    {
        server.emit("worker:config_update", wish).await;
    }
    pages.gate.add_permits(1);
    let done = server.expect("task:completed").await;
    assert_eq!((&done["run"], &done["artifacts"]), (&json!(2), &json!([])), "{done:#}");
    assert!(server.files.brought().is_empty() && server.quiet().await);
}
