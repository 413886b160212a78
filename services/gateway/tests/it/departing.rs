//! A gateway that is about to end: its workers go to others one by one, and work on until their turn.

use crate::kit::leader::Leader;
use crate::kit::raw::{get, http};
use crate::kit::worker::{Worker, started};
use crate::kit::{Server, soon, until};
use bytes::Bytes;
use prost::Message;
use serde_json::json;
use std::time::{Duration, Instant};
use ukai_bus::{Bus, HEARTBEATS, LocalBus};
use ukai_rpc::v1;

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";
const DROPPED: &str = r#"ukai_gateway_connections_dropped_total{reason="draining"}"#;

#[tokio::test]
async fn workers_leave_one_by_one_and_work_until_then() {
    let bus = LocalBus::new();
    let _leader = Leader::start(&bus, 1).await;
    let server = Server::start_on(bus.another(), |config| config.limits.departures_per_second = 2).await;
    let mut workers = Vec::new();
    for _ in 0..4 {
        workers.push(Worker::registered(&server).await);
    }
    let digest = v1::HeartbeatDigest { gateway: vec![9; 16], ..Default::default() };
    let digest = Bytes::from(digest.encode_to_vec());
    let mut heard = server.bus.subscribe(HEARTBEATS).await.unwrap();
    bus.publish(HEARTBEATS, digest).await.unwrap();
    soon(async { while heard.next().await.unwrap().payload[2..18] != [9; 16] {} }).await;

    let gateway = server.gateway.clone();
    let begun = Instant::now();
    let departing = tokio::spawn(async move { gateway.depart().await });
    until(|| server.metric(DROPPED) >= 1.0).await;
    let answer = http(&server, &get(HANDSHAKE, "")).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after"), "{answer}");
    // Sessions leave in no order: three are still here, and whoever is still here is answered.
    let mut answered = 0;
    for worker in &mut workers {
        let asked = worker.0.emit_for_ack("task:started", &started(1));
        let is_answered = asked.is_ok() && soon(worker.0.next()).await.is_ok();
        answered += usize::from(is_answered);
    }
    assert!(answered >= 2, "{answered} of the three that wait were answered");
    soon(departing).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(1_900), "{:?}", begun.elapsed());
    for worker in &mut workers {
        worker.end().await;
    }
    assert_eq!(server.metric(DROPPED), 4.0);
}

#[tokio::test]
async fn with_nowhere_to_go_nobody_is_sent_away() {
    let (server, _leader) = Server::start().await;
    let mut worker = Worker::registered(&server).await;
    soon(server.gateway.depart()).await;
    assert!(http(&server, &get(HANDSHAKE, "")).await.starts_with("HTTP/1.1 503"));
    assert_eq!(worker.ask("task:started", &started(1)).await, json!({"accepted": true}));
    assert_eq!(server.metric(DROPPED), 0.0);
}
