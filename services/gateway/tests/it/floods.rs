//! Floods: of events by one worker, of connects by one address, of handshakes on the gateway.

use crate::kit::leader::assigned;
use crate::kit::raw::{get, http};
use crate::kit::worker::{Worker, heartbeat, started};
use crate::kit::{ENROLL_QUERY, Server, soon, until};
use serde_json::json;
use std::time::Instant;
use ukai_domain::scheduler::Input;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_events_is_limited_then_closed() {
    // The shipped burst; the rate is lower, so that a slow machine counts the same.
    let (server, leader) = Server::start_with(|config| config.limits.events_per_second = 1).await;
    let mut other = Worker::registered(&server).await;
    let mut loud = Worker::registered(&server).await;
    let beat = heartbeat("idle", 1).to_string();
    for n in 0..3_000 {
        if loud.0.emit_raw("worker:heartbeat", &beat, false).is_err() {
            break;
        }
        if n % 100 == 0 && loud.0.flush().await.is_err() {
            break;
        }
    }
    let mut errors = 0;
    while let Ok(incoming) = soon(loud.0.next()).await {
        if let ukai_socketio::Incoming::Event(event) = incoming
            && event.name() == "error"
        {
            assert!(event.raw().contains("RATE_LIMITED"), "{}", event.raw());
            errors += 1;
        }
    }
    assert_eq!(errors, 1, "told once");
    let began = Instant::now();
    assert_eq!(other.ask("task:started", &started(1)).await, json!({"accepted": true}));
    assert!(began.elapsed().as_secs() < 2);
    let beats = leader.inputs().iter().filter(|i| matches!(i, Input::Heartbeat(_))).count();
    assert!((1_000..1_100).contains(&beats), "{beats} got through");
    until(|| server.gateway.sessions() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_of_handed_out_runs_are_free() {
    let (server, leader) = Server::start_with(|config| {
        config.limits.events_per_second = 1;
        config.limits.event_burst = 2;
        config.limits.strikes = 3;
    })
    .await;
    let mut worker = Worker::registered(&server).await;
    let session = leader.connects()[0].session;
    for n in 1..100 {
        leader.push(&server.gateway, session, vec![assigned(n, 1)]).await;
        assert_eq!(worker.ask("task:started", &started(n)).await, json!({"accepted": true}));
        assert_eq!(
            worker.ask("task:failed", &crate::kit::worker::failed(n)).await,
            json!({"accepted": true})
        );
    }
    // Others are not, and one run is not a licence for ever.
    for _ in 0..20 {
        let _may_be_closed = worker.0.emit("task:started", &started(1));
        let _ = worker.0.flush().await;
    }
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_of_one_address_are_limited_before_the_upgrade() {
    let (server, leader) = Server::start_with(|config| config.limits.strangers_per_second = 1).await;
    let path = "/socket.io/?EIO=4&transport=polling&token=wrong";
    let mut refused = 0;
    for _ in 0..60 {
        let answer = http(&server, &get(path, "")).await;
        if answer.starts_with("HTTP/1.1 429") {
            assert!(answer.to_lowercase().contains("retry-after: 1"), "{answer}");
            assert!(answer.contains("RATE_LIMITED"));
            refused += 1;
        }
    }
    assert!(refused > 30, "{refused} of 60 refused");
    // A worker with a valid token connects from the same address all the same.
    let _worker = Worker::registered(&server).await;
    assert_eq!(leader.connects().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_are_limited_with_503() {
    let (server, _leader) = Server::start_with(|config| config.limits.handshakes_per_second = 1).await;
    let path = format!("/socket.io/?EIO=4&transport=polling&token={ENROLL_QUERY}");
    let mut refused = 0;
    for _ in 0..30 {
        let answer = http(&server, &get(&path, "")).await;
        if answer.starts_with("HTTP/1.1 503") {
            assert!(
                answer.to_lowercase().contains("retry-after: 1") && answer.contains("UNAVAILABLE"),
                "{answer}"
            );
            refused += 1;
        }
    }
    assert!(refused >= 15, "{refused} of 30 refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_costs_no_read() {
    let (server, _leader) = Server::start_with(|config| {
        config.limits.handshakes_per_second = 1;
        config.limits.strangers_per_second = 1_000;
    })
    .await;
    let mut refused = 0;
    for number in 0..30 {
        let path = format!("/socket.io/?EIO=4&transport=polling&token=ukw_{number:012}_unknown");
        refused += usize::from(http(&server, &get(&path, "")).await.starts_with("HTTP/1.1 503"));
    }
    let read = server.reads.0.load(std::sync::atomic::Ordering::Relaxed);
    assert!(refused >= 15 && read <= 30 - refused, "{refused} of 30 refused, {read} read");
}
