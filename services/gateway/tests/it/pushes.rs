//! Hand-outs, cancels, configs and drops on their way to sockets; repeats; sockets that don't read.

use crate::kit::leader::assigned;
use crate::kit::raw::Raw;
use crate::kit::worker::{Worker, heartbeat, started, task};
use crate::kit::{Server, soon, until};
use serde_json::json;
use ukai_domain::SessionId;
use ukai_domain::scheduler::Input;
use ukai_rpc::v1::{self, push::Message as Word};

#[tokio::test]
async fn pushes_arrive_in_order() {
    let (server, leader) = Server::start().await;
    let mut worker = Worker::registered(&server).await;
    let session = leader.connects()[0].session;
    let mut first = assigned(7, 1);
    if let Word::Assigned(a) = &mut first {
        a.options = Some(r#"{"recipe":{"x":1}}"#.to_owned());
    }
    let cancel = Word::Cancelled(v1::Cancelled {
        task: uuid::Uuid::from_u128(7).as_bytes().to_vec(),
        run: 1,
        reason: "cancelled by an operator".to_owned(),
    });
    let config = Word::ConfigUpdate(v1::ConfigUpdate {
        config: r#"{"headless":false}"#.to_owned(),
        reset: true,
        screenshot: None,
    });
    let look = Word::ConfigUpdate(v1::ConfigUpdate {
        config: "{}".to_owned(),
        reset: false,
        screenshot: Some(v1::LeaseRef { task: uuid::Uuid::from_u128(7).as_bytes().to_vec(), run: 1 }),
    });
    let reply = leader.push(&server.gateway, session, vec![first, cancel, config, look]).await;
    assert_eq!(reply.refused, []);
    assert_eq!(
        worker.event("task:assigned").await,
        json!({
            "taskId": task(7), "productUrl": "https://example.com/kettle", "priority": 50, "attemptNumber": 1,
            "assignedAt": "2026-02-02T02:40:00.000Z", "run": 1, "kind": "scrape", "jobId": task(1),
            "deadlineAt": "2026-02-02T02:40:30.000Z", "recipe": {"x": 1}, "options": {"recipe": {"x": 1}},
        })
    );
    let cancelled = worker.event("task:cancelled").await;
    assert_eq!(cancelled, json!({"taskId": task(7), "reason": "cancelled by an operator", "run": 1}));
    assert_eq!(worker.event("worker:config_update").await, json!({"headless": false, "reset": true}));
    let look = worker.event("worker:config_update").await;
    assert_eq!(look, json!({"screenshot": true, "taskId": task(7), "run": 1}));
}

#[tokio::test]
async fn repeats_are_confirmed_and_not_sent_again() {
    let (server, leader) = Server::start().await;
    let mut worker = Worker::registered(&server).await;
    let (session, gateway) = (leader.connects()[0].session, server.gateway.id());
    for (epoch, seq) in [(1, 100), (1, 100), (1, 101), (2, 1)] {
        leader.lead_as(epoch);
        let reply = leader.push_as(gateway, epoch, seq, session, vec![assigned(7, 1)]).await;
        assert_eq!(reply.refused, [], "{epoch} {seq}");
    }
    // The same number with another content is no repeat: a leader that gave the gateway up counts anew.
    leader.push_as(gateway, 2, 1, session, vec![assigned(7, 2)]).await;
    assert_eq!(worker.event("task:assigned").await["run"], 1);
    assert_eq!(worker.event("task:assigned").await["run"], 2);
}

#[tokio::test]
async fn an_old_leader_is_told_the_newer_epoch_and_not_obeyed() {
    let (server, leader) = Server::start().await;
    let mut worker = Worker::registered(&server).await;
    let (session, gateway) = (leader.connects()[0].session, server.gateway.id());
    leader.lead_as(5);
    assert_eq!(leader.push_as(gateway, 5, 1, session, vec![assigned(1, 1)]).await.epoch, 5);
    let reply = leader.push_as(gateway, 4, 9, session, vec![assigned(2, 1)]).await;
    assert_eq!((reply.epoch, reply.refused.len()), (5, 0));
    leader.push_as(gateway, 5, 2, session, vec![assigned(3, 1)]).await;
    assert_eq!(worker.event("task:assigned").await["taskId"], task(1));
    assert_eq!(worker.event("task:assigned").await["taskId"], task(3));
}

#[tokio::test]
async fn a_hand_out_to_nobody_is_refused() {
    let (server, leader) = Server::start().await;
    let _worker = Worker::registered(&server).await;
    let nobody = SessionId(uuid::Uuid::from_u128(99));
    let reply = leader.push(&server.gateway, nobody, vec![assigned(7, 3)]).await;
    let lease = v1::LeaseRef { task: uuid::Uuid::from_u128(7).as_bytes().to_vec(), run: 3 };
    assert_eq!(reply.refused, [v1::RefusedPush { session: nobody.as_bytes().to_vec(), lease: Some(lease) }]);
}

#[tokio::test]
async fn a_drop_tells_why_and_closes_the_transport() {
    let (server, leader) = Server::start().await;
    let mut raw = Raw::worker(&server).await;
    let session = leader.connects()[0].session;
    let drop = Word::Drop(v1::Drop { code: "AUTH_FAILED".into(), message: "the token was revoked".into() });
    leader.push(&server.gateway, session, vec![drop]).await;
    let before = leader.inputs().len();
    // It could connect again on its transport, and its events would come through the old handlers.
    for n in 1..5 {
        raw.send(&format!("42/workers,[\"task:started\",{}]", started(n))).await;
    }
    let mut told = false;
    while let Some(text) = raw.text().await {
        told |= text.contains("the token was revoked");
    }
    assert!(told);
    until(|| server.gateway.sessions() == 0).await;
    leader.until_input(|i| matches!(i, Input::Disconnect { .. })).await;
    let after: Vec<Input> = leader.inputs().split_off(before);
    assert!(after.iter().all(|i| matches!(i, Input::Disconnect { .. })), "{after:?}");
    let reply = leader.push(&server.gateway, session, vec![assigned(1, 1)]).await;
    assert_eq!(reply.refused.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_does_not_read_stops_nobody_and_is_closed() {
    let (server, leader) = Server::start().await;
    let mut deaf = Raw::worker(&server).await;
    let deaf_session = leader.connects()[0].session;
    let mut other = Worker::registered(&server).await;
    let other_session = leader.connects()[1].session;
    // It still talks, but reads nothing: TCP's buffers fill, then the socket's own.
    let mut n = 100_u128;
    let patience = std::time::Duration::from_secs(60);
    let refused = tokio::time::timeout(patience, async {
        loop {
            let mut word = assigned(n, 1);
            if let Word::Assigned(a) = &mut word {
                a.url = format!("https://example.com/{}", "x".repeat(64 << 10));
            }
            let reply = leader.push(&server.gateway, deaf_session, vec![word]).await;
            if !reply.refused.is_empty() {
                return reply.refused;
            }
            n += 1;
            if n.is_multiple_of(50) {
                deaf.send(&format!("42/workers,[\"worker:heartbeat\",{}]", heartbeat("busy", 1))).await;
            }
        }
    })
    .await
    .expect("its buffers are full within a minute");
    assert_eq!(refused.len(), 1);
    leader.push(&server.gateway, other_session, vec![assigned(1, 1)]).await;
    other.event("task:assigned").await;
    assert_eq!(other.ask("task:started", &started(1)).await, json!({"accepted": true}));
    leader.until_input(|i| matches!(i, Input::Disconnect { session, .. } if *session == deaf_session)).await;
    assert_eq!(server.gateway.sessions(), 1);
    assert_eq!(server.metric(r#"ukai_gateway_connections_dropped_total{reason="full"}"#), 1.0);
}

#[tokio::test]
async fn what_comes_during_an_announcement_is_confirmed_after_it() {
    let quick = std::time::Duration::from_millis(100);
    let (server, leader) = Server::start_with(|config| config.limits.request_timeout = quick).await;
    let mut worker = Worker::registered(&server).await;
    let (session, gateway) = (leader.connects()[0].session, server.gateway.id());
    // The announcement to the next leader stays unanswered for a while: it may have been written before a push.
    leader.drop_next(usize::MAX);
    leader.push_as(gateway, 2, 1, session, vec![assigned(7, 1)]).await;
    until(|| leader.batches().iter().any(|batch| batch.announce && batch.epoch == 2)).await;
    let push = {
        let leader = leader.clone();
        tokio::spawn(async move { leader.push_as(gateway, 2, 2, session, vec![assigned(8, 1)]).await })
    };
    // The worker has it at once.
    assert_eq!(worker.event("task:assigned").await["taskId"], task(7));
    assert_eq!(worker.event("task:assigned").await["taskId"], task(8));
    let tries = leader.batches().len();
    until(|| leader.batches().len() > tries).await;
    assert!(!push.is_finished());
    leader.lead_as(2);
    leader.drop_next(0);
    assert_eq!(soon(push).await.unwrap().refused, []);
}
