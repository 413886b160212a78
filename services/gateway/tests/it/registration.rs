//! A worker connects, is registered by the leader, and loses none of its first events.

use crate::kit::reads::{OWNER, TOKEN};
use crate::kit::worker::{Worker, heartbeat};
use crate::kit::{ENROLL, ENROLL_QUERY, Server, until};
use serde_json::json;
use std::collections::HashMap;
use ukai_domain::scheduler::{Identity, Input};
use ukai_domain::{Run, TaskId};

#[tokio::test]
async fn a_worker_with_its_own_token_is_registered() {
    let (server, leader) = Server::start().await;
    let mut worker = Worker::connect_as(&server, &format!("token={TOKEN}"), "").await;
    let registered = worker.event("worker:registered").await;
    let connect = leader.until_connects(1).await.remove(0);
    assert_eq!(connect.identity, Identity::Worker(OWNER));
    assert_eq!(
        (connect.capacity, connect.in_flight.clone(), connect.gateway),
        (1, None, server.gateway.id())
    );
    assert_eq!(
        registered,
        json!({
            "workerId": connect.session.to_string(), "serverTime": "2026-02-02T02:40:00.000Z",
            "config": {"heartbeatInterval": 10_000, "taskTimeout": 60_000},
        })
    );
    assert_eq!(server.gateway.sessions(), 1);
    assert_eq!(server.metric("ukai_gateway_sessions "), 1.0);
}

#[tokio::test]
async fn what_it_says_of_itself_reaches_the_leader() {
    let (server, leader) = Server::start().await;
    let task = "0198c0de-0000-7000-8000-000000000001";
    let auth = json!({
        "token": ENROLL, "name": "kitchen", "capacity": 4, "capabilities": ["scrape", "ocr"],
        "inFlight": [{"taskId": task, "run": 3}], "other": true,
    });
    let _worker = Worker::connect_as(&server, "", &auth.to_string()).await;
    let connect = leader.until_connects(1).await.remove(0);
    assert_eq!(connect.identity, Identity::Enrolled { name: Some("kitchen".to_owned()) });
    assert_eq!((connect.capacity, connect.capabilities.len()), (4, 2));
    assert_eq!(connect.in_flight, Some(vec![(TaskId::parse(task).unwrap(), Run(3))]));
}

#[tokio::test]
async fn the_query_names_an_enrolled_worker() {
    let (server, leader) = Server::start().await;
    let _worker = Worker::connect_as(&server, &format!("token={ENROLL_QUERY}&name=attic%20one"), "").await;
    let _nameless = Worker::connect_as(&server, &format!("token={ENROLL_QUERY}"), "{}").await;
    let connects = leader.until_connects(2).await;
    assert_eq!(connects[0].identity, Identity::Enrolled { name: Some("attic one".to_owned()) });
    assert_eq!(connects[1].identity, Identity::Enrolled { name: None });
}

#[tokio::test]
async fn a_stored_config_follows_the_registration() {
    let (server, leader) = Server::start().await;
    leader.config(r#"{"headless":true}"#);
    let mut worker = Worker::registered(&server).await;
    assert_eq!(worker.event("worker:config_update").await, json!({"headless": true}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_first_event_is_lost() {
    let (server, leader) = Server::start().await;
    let mut workers = Vec::new();
    for n in 0..200 {
        let mut worker = Worker::connect(&server).await;
        worker.emit("worker:heartbeat", &heartbeat("idle", n)).await;
        workers.push(worker);
    }
    until(|| leader.inputs().iter().filter(|i| matches!(i, Input::Heartbeat(_))).count() == 200).await;
    let mut connected = HashMap::new();
    for (place, input) in leader.inputs().into_iter().enumerate() {
        match input {
            Input::Connect(connect) => assert_eq!(connected.insert(connect.session, place), None),
            Input::Heartbeat(beat) => assert!(connected[&beat.session] < place, "a beat before its connect"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_closed_socket_is_told_to_the_leader() {
    let (server, leader) = Server::start().await;
    let worker = Worker::registered(&server).await;
    let session = leader.connects()[0].session;
    drop(worker);
    leader.until_input(|input| matches!(input, Input::Disconnect { session: s, .. } if *s == session)).await;
    until(|| server.gateway.sessions() == 0).await;
}

#[tokio::test]
async fn a_stop_closes_the_sockets_and_says_so() {
    let (server, leader) = Server::start().await;
    let mut workers = vec![Worker::registered(&server).await, Worker::registered(&server).await];
    assert!(server.shutdown.finish(std::time::Duration::from_secs(9)).await, "not stopped in time");
    for worker in &mut workers {
        // The transport ends, not the namespace: the official client comes back by itself.
        assert!(!matches!(worker.end().await, ukai_socketio::Disconnect::Server));
    }
    let ends = leader.inputs().into_iter().filter(|i| matches!(i, Input::Disconnect { .. })).count();
    assert_eq!(ends, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_sessions_leave_memory() {
    let (server, leader) = Server::start().await;
    for round in 1..=50 {
        let mut worker = Worker::registered(&server).await;
        worker.ask("worker:heartbeat", &heartbeat("idle", round)).await;
        if round % 2 == 0 {
            drop(worker);
        } else {
            worker.0.close().await;
        }
        let mut refused = Worker::connect_as(&server, "token=wrong", "").await;
        refused.error().await;
    }
    until(|| server.gateway.sessions() == 0).await;
    let connects = leader.connects().len();
    until(|| server.metric("ukai_gateway_sessions_held ") == 0.0).await;
    assert_eq!(connects, 50);
}
