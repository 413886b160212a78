//! Cut off from the bus: the workers go to other gateways if there are any, and all goes on at its return.

use crate::kit::leader::Leader;
use crate::kit::raw::{get, http};
use crate::kit::worker::{Worker, started};
use crate::kit::{Server, soon, until};
use bytes::Bytes;
use prost::Message;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use ukai_bus::{Bus, HEARTBEATS, LocalBus, NatsOptions};
use ukai_gateway::{Config, HEALTH_PART};
use ukai_rpc::v1;
use ukai_testkit::nats::NatsServer;
use ukai_testkit::proxy::{Fault, FaultProxy, Faults};

fn quick(config: &mut Config) {
    config.limits.cut_after = Duration::from_millis(2_500);
    config.limits.cut_spread = Duration::from_millis(600);
    config.limits.cut_refusal = Duration::from_secs(60);
}

/// Another gateway's digest.
async fn neighbour(bus: &dyn Bus) {
    let digest = v1::HeartbeatDigest { gateway: vec![9; 16], ..Default::default() };
    bus.publish(HEARTBEATS, Bytes::from(digest.encode_to_vec())).await.unwrap();
}

fn health(server: &Server) -> ukai_boot::Health {
    let health = ukai_boot::Health::new("test", &[HEALTH_PART], ukai_boot::Registry::default());
    server.gateway.report_health(health.clone());
    health
}

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";

#[tokio::test]
async fn a_gateway_that_is_cut_off_sends_its_workers_elsewhere() {
    let bus = LocalBus::new();
    let leader = Leader::start(&bus, 1).await;
    let server = Server::start_on(bus.another(), quick).await;
    let health = health(&server);
    let mut workers = Vec::new();
    for _ in 0..4 {
        workers.push(Worker::registered(&server).await);
    }
    until(|| health.is_ready()).await;
    neighbour(&bus).await;
    server.bus.cut();
    let begun = Instant::now();
    let mut closed = Vec::new();
    for worker in &mut workers {
        worker.end().await;
        closed.push(begun.elapsed());
    }
    assert!(closed[0] > Duration::from_secs(1) && closed[3] < Duration::from_secs(8), "{closed:?}");
    assert_eq!(server.metric(r#"ukai_gateway_connections_dropped_total{reason="cut_off"}"#), 4.0);
    assert!(!health.is_ready());
    let answer = http(&server, &get(HANDSHAKE, "")).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after"), "{answer}");
    let before = leader.batches().len();
    server.bus.mend();
    until(|| health.is_ready()).await;
    until(|| leader.batches()[before..].iter().any(|batch| batch.announce)).await;
    soon(async { while http(&server, &get(HANDSHAKE, "")).await.starts_with("HTTP/1.1 503") {} }).await;
    let mut back = Worker::registered(&server).await;
    assert_eq!(back.ask("task:started", &started(1)).await, json!({"accepted": true}));
}

#[tokio::test]
async fn a_token_that_is_revoked_while_the_bus_is_silent_is_noticed() {
    let bus = LocalBus::new();
    let _leader = Leader::start(&bus, 1).await;
    let server = Server::start_on(bus.another(), |_| {}).await;
    let health = health(&server);
    let mut worker = Worker::registered(&server).await;
    until(|| health.is_ready()).await;
    server.reads.1.store(true, Ordering::Relaxed);
    server.bus.cut();
    let begun = Instant::now();
    let (code, message) = worker.error().await;
    assert_eq!((code.as_str(), message.as_str()), ("AUTH_FAILED", "the worker's token was revoked"));
    worker.end().await;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(server.metric(r#"ukai_gateway_connections_dropped_total{reason="revoked"}"#), 1.0);
}

#[tokio::test]
async fn a_sole_gateway_waits_and_tells_all_at_the_return() {
    let bus = LocalBus::new();
    let leader = Leader::start(&bus, 1).await;
    let server = Server::start_on(bus.another(), quick).await;
    let health = health(&server);
    let mut worker = Worker::registered(&server).await;
    until(|| health.is_ready()).await;
    server.bus.cut();
    until(|| !health.is_ready()).await;
    worker.emit("task:started", &started(1)).await;
    let before = leader.batches().len();
    server.bus.mend();
    until(|| leader.batches()[before..].iter().any(|batch| batch.announce && batch.inputs.len() == 1)).await;
    assert_eq!(worker.ask("task:started", &started(2)).await, json!({"accepted": true}));
    assert_eq!(server.metric("ukai_gateway_connections_dropped_total"), 0.0);
}

#[tokio::test]
async fn who_was_away_for_a_moment_announces() {
    let bus = LocalBus::new();
    let leader = Leader::start(&bus, 1).await;
    let server = Server::start_on(bus.another(), |_| {}).await;
    let _worker = Worker::registered(&server).await;
    let before = leader.batches().len();
    server.bus.cut();
    server.bus.mend();
    until(|| leader.batches()[before..].iter().any(|batch| batch.announce && batch.inputs.len() == 1)).await;
}

#[tokio::test]
async fn a_connection_that_stands_and_carries_nothing_is_a_cut() {
    let nats = NatsServer::start().unwrap();
    let proxy = FaultProxy::to(nats.address().parse().unwrap()).await.unwrap();
    let connect = async |url: &str| {
        let options = NatsOptions::new(url, "gateway").unwrap();
        Box::pin(ukai_bus::connect(options, &mut ukai_boot::Registry::default())).await.unwrap()
    };
    let (own, others) = (connect(&format!("nats://{}", proxy.address())).await, connect(&nats.url()).await);
    let server = Server::start_over(Arc::clone(&own), quick).await;
    let health = health(&server);
    until(|| health.is_ready()).await;
    let mut worker = Worker::connect(&server).await;
    let mut heard = own.subscribe(HEARTBEATS).await.unwrap();
    neighbour(&*others).await;
    soon(async { while heard.next().await.unwrap().payload[2..] != [9; 16] {} }).await;
    proxy.set(Faults::both(Fault::Hold));
    let begun = Instant::now();
    worker.end().await;
    // Pings alone would find it after 15 s.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(!health.is_ready());
    proxy.set(Faults::both(Fault::None));
    until(|| health.is_ready()).await;
}
