//! The stream to the leader: numbers, repeats, announcements, an absent leader, a full queue, digests.

use crate::kit::leader::{Leader, assigned};
use crate::kit::worker::{Worker, completed, failed, heartbeat, started};
use crate::kit::{Server, soon, until};
use prost::Message;
use serde_json::json;
use std::time::Duration;
use ukai_bus::{Bus, HEARTBEATS, LocalBus};
use ukai_domain::scheduler::{Identity, Input};
use ukai_domain::{Run, TaskId, WorkerId};
use ukai_rpc::v1;

fn numbered(n: u128) -> TaskId {
    TaskId(uuid::Uuid::from_u128(n))
}

#[tokio::test]
async fn the_first_batch_announces_and_all_are_numbered() {
    let (server, leader) = Server::start().await;
    let mut worker = Worker::registered(&server).await;
    for n in 1..20 {
        worker.ask("task:started", &started(n)).await;
    }
    let batches = leader.batches();
    assert!(batches[0].announce && batches[0].inputs.is_empty());
    assert!(batches[1..].iter().all(|b| !b.announce));
    let numbers: Vec<u64> = batches.iter().map(|b| b.seq).collect();
    assert_eq!(numbers, (1..=batches.len() as u64).collect::<Vec<_>>());
    assert!(batches[1..].iter().all(|b| b.epoch == 1));
}

#[tokio::test]
async fn an_unanswered_batch_is_sent_again_as_it_was() {
    let (server, leader) = Server::start_with(|config| {
        config.limits.request_timeout = Duration::from_millis(100);
    })
    .await;
    let mut worker = Worker::registered(&server).await;
    leader.drop_next(3);
    assert_eq!(worker.ask("task:failed", &failed(1)).await, json!({"accepted": true}));
    let sent: Vec<_> =
        leader.batches().into_iter().filter(|b| matches!(b.inputs[..], [Input::Report(_)])).collect();
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|b| b.seq == sent[0].seq && b.bytes == sent[0].bytes));
}

#[tokio::test]
async fn nothing_is_lost_while_nobody_leads() {
    let bus = LocalBus::new();
    let server = Server::start_on(bus.clone(), |_| {}).await;
    let mut worker = Worker::connect(&server).await;
    for n in 1..=50 {
        worker.emit("task:started", &started(n)).await;
    }
    until(|| server.metric(r#"ukai_gateway_batches_total{outcome="no_responders"}"#) > 2.0).await;
    let leader = Leader::start(&bus, 7).await;
    worker.event("worker:registered").await;
    until(|| leader.inputs().len() == 51).await;
    let reports = leader
        .inputs()
        .into_iter()
        .filter_map(|i| if let Input::Report(r) = i { Some(r.task) } else { None });
    assert_eq!(reports.collect::<Vec<_>>(), (1..=50).map(numbered).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_connect_that_waited_until_its_worker_had_gone_is_not_told() {
    let bus = LocalBus::new();
    let server = Server::start_on(bus.clone(), |_| {}).await;
    let server = &server;
    let sessions = |n: f64| until(move || (server.metric("ukai_gateway_sessions ") - n).abs() < 0.5);
    let first = Worker::connect(server).await;
    sessions(1.0).await;
    until(|| server.metric(r#"ukai_gateway_batches_total{outcome="no_responders"}"#) > 2.0).await;
    // Behind what waits for a leader: one that only was there, and one whose word comes but once.
    let gone = Worker::connect(server).await;
    let mut once = Worker::connect(server).await;
    once.emit("task:completed", &completed(9)).await;
    sessions(3.0).await;
    drop((gone, once));
    sessions(1.0).await;
    let leader = Leader::start(&bus, 7).await;
    leader.until_input(|input| matches!(input, Input::Report(report) if report.task == numbered(9))).await;
    let connects = leader.until_connects(2).await;
    leader.until_input(|input| matches!(input, Input::Disconnect { .. })).await;
    assert_eq!(
        (connects.len(), leader.connects().len()),
        (2, 2),
        "the one that is there, and the one whose word counts"
    );
    drop(first);
}

#[tokio::test]
async fn a_leader_that_asks_for_it_is_told_who_holds_what() {
    let (server, leader) = Server::start().await;
    let auth = r#"{"capacity":4,"inFlight":[{"taskId":"00000000-0000-0000-0000-000000000009","run":2}]}"#;
    let query = format!("token={}", crate::kit::ENROLL_QUERY);
    let mut own = Worker::connect_as(&server, &query, auth).await;
    own.event("worker:registered").await;
    let mut plain = Worker::registered(&server).await;
    let (own_session, plain_session) = (leader.connects()[0].session, leader.connects()[1].session);
    leader.push(&server.gateway, own_session, vec![assigned(7, 1), assigned(8, 1)]).await;
    leader.push(&server.gateway, plain_session, vec![assigned(5, 1)]).await;
    own.ask("task:completed", &completed(7)).await;
    own.ask("task:started", &started(8)).await;
    leader.forget_gateways();
    own.ask("worker:heartbeat", &heartbeat("busy", 1)).await;
    let announced = leader.batches().into_iter().rfind(|b| b.announce).unwrap();
    let held = |session| {
        let found = announced.inputs.iter().find_map(|input| match input {
            Input::Connect(connect) if connect.session == session => {
                // Who enrolled is announced as the worker that it has become.
                assert_eq!(connect.identity, Identity::Worker(WorkerId(session.0)));
                Some(connect.in_flight.clone())
            }
            _ => None,
        });
        found.expect("announced").map(|mut held| {
            held.sort();
            held
        })
    };
    assert_eq!(held(own_session), Some(vec![(numbered(8), Run(1)), (numbered(9), Run(2))]));
    // A contract-only worker may hold a run of its last session until its first heartbeat says otherwise.
    assert_eq!(held(plain_session), None);
    plain.ask("worker:heartbeat", &heartbeat("idle", 1)).await;
    leader.forget_gateways();
    own.ask("worker:heartbeat", &heartbeat("busy", 2)).await;
    let last = leader.batches().into_iter().rfind(|b| b.announce).unwrap();
    let plain_now = last.inputs.into_iter().find_map(|input| match input {
        Input::Connect(connect) if connect.session == plain_session => Some(connect.in_flight),
        _ => None,
    });
    assert_eq!(plain_now, Some(Some(vec![(numbered(5), Run(1))])));
    let numbers: Vec<u64> = leader.batches().iter().map(|b| b.seq).collect();
    assert!(numbers.windows(2).all(|w| w[0] < w[1]), "{numbers:?}");
}

#[tokio::test]
async fn a_refused_report_of_an_older_run_leaves_the_newer_one() {
    let (server, leader) = Server::start().await;
    let query = format!("token={}", crate::kit::ENROLL_QUERY);
    let mut worker = Worker::connect_as(&server, &query, r#"{"capacity":4,"inFlight":[]}"#).await;
    worker.event("worker:registered").await;
    let session = leader.connects()[0].session;
    leader.push(&server.gateway, session, vec![assigned(5, 2), assigned(6, 2), assigned(7, 2)]).await;
    leader.answer(|input| {
        let refused = v1::Refused { reason: "stale".to_owned(), unknown_session: false };
        matches!(input, Input::Report(_)).then_some(v1::input_reply::Reply::Refused(refused))
    });
    let of_run = |n, run: u32| {
        let mut report = failed(n);
        report["run"] = json!(run);
        report
    };
    worker.ask("task:failed", &of_run(5, 1)).await;
    worker.ask("task:failed", &failed(6)).await;
    worker.ask("task:failed", &of_run(7, 2)).await;
    leader.forget_gateways();
    worker.ask("worker:heartbeat", &heartbeat("busy", 1)).await;
    let announced = leader.batches().into_iter().rfind(|b| b.announce).unwrap();
    let [Input::Connect(connect)] = &announced.inputs[..] else { panic!("{announced:?}") };
    let mut held = connect.in_flight.clone().unwrap();
    held.sort();
    assert_eq!(held, vec![(numbered(5), Run(2)), (numbered(6), Run(2))]);
}

#[tokio::test]
async fn a_new_leader_is_told_before_it_asks() {
    let (server, first) = Server::start().await;
    let mut worker = Worker::registered(&server).await;
    let session = first.connects()[0].session;
    let second = Leader::start(&server.bus, 2).await;
    // Its first push tells the gateway of the new epoch.
    second.push_as(server.gateway.id(), 2, 1, session, vec![assigned(7, 1)]).await;
    until(|| second.batches().iter().any(|b| b.announce && b.inputs.len() == 1)).await;
    worker.event("task:assigned").await;
    assert_eq!(worker.ask("task:started", &started(7)).await, json!({"accepted": true}));
    // The second registration of the same session says nothing to the worker.
    assert_eq!(second.batches().len(), 2);
}

#[tokio::test]
async fn a_new_leader_is_told_who_is_leaving() {
    let (server, first) = Server::start().await;
    let mut leaving = Worker::registered(&server).await;
    let _stays = Worker::registered(&server).await;
    leaving.emit("worker:draining", &json!({ "reason": "shutdown" })).await;
    first.until_input(|input| matches!(input, Input::Draining { .. })).await;
    let session = first.connects()[0].session;
    let second = Leader::start(&server.bus, 2).await;
    second.push_as(server.gateway.id(), 2, 1, session, vec![assigned(7, 1)]).await;
    until(|| second.batches().iter().any(|b| b.announce && b.inputs.len() == 2)).await;
    second.until_input(|input| matches!(input, Input::Draining { .. })).await;
    let told: Vec<_> = second
        .inputs()
        .into_iter()
        .filter_map(|input| if let Input::Draining { session } = input { Some(session) } else { None })
        .collect();
    assert_eq!(told, [session]);
}

#[tokio::test]
async fn workers_that_come_and_go_while_nobody_leads_leave_nothing() {
    let bus = LocalBus::new();
    let server = Server::start_on(bus.clone(), |_| {}).await;
    let first = Worker::connect(&server).await;
    until(|| server.metric(r#"ukai_gateway_batches_total{outcome="no_responders"}"#) > 2.0).await;
    for n in 1..=30 {
        let mut worker = Worker::connect(&server).await;
        worker.emit("worker:heartbeat", &heartbeat("idle", n)).await;
    }
    until(|| server.metric("ukai_gateway_sessions_held ") < 1.5).await;
    let leader = Leader::start(&bus, 7).await;
    let last = Worker::connect(&server).await;
    assert_eq!(leader.until_connects(2).await.len(), 2);
    assert!(
        !leader.inputs().iter().any(|input| matches!(input, Input::Disconnect { .. } | Input::Heartbeat(_)))
    );
    drop((first, last));
}

#[tokio::test]
async fn a_full_queue_closes_the_socket_that_fills_it() {
    let bus = LocalBus::new();
    let server = Server::start_on(bus.clone(), |config| config.limits.queued_inputs = 100).await;
    let mut quiet = Worker::connect(&server).await;
    quiet.emit("worker:heartbeat", &heartbeat("idle", 1)).await;
    let mut loud = Worker::connect(&server).await;
    // A word that comes but once: what it says is told although it is gone by then.
    loud.emit("task:completed", &completed(1)).await;
    for n in 2..300 {
        let _may_be_closed = loud.0.emit("task:started", &started(n));
        let _ = loud.0.flush().await;
    }
    loud.end().await;
    until(|| server.gateway.sessions() == 1).await;
    assert_eq!(server.metric(r#"ukai_gateway_connections_dropped_total{reason="overloaded"}"#), 1.0);
    let leader = Leader::start(&bus, 1).await;
    quiet.event("worker:registered").await;
    until(|| leader.inputs().iter().any(|i| matches!(i, Input::Disconnect { .. }))).await;
    assert!(leader.inputs().iter().any(|i| matches!(i, Input::Heartbeat(_))));
    // It had an eighth of the queue, not all of it: others were never in danger.
    let reports = leader.inputs().iter().filter(|i| matches!(i, Input::Report(_))).count();
    assert_eq!(reports, 100 / 8 - 1, "its connect takes the first place");
}

#[tokio::test]
async fn digests_name_who_was_heard_since() {
    let (server, leader) = Server::start().await;
    let mut digests = server.bus.subscribe(HEARTBEATS).await.unwrap();
    let mut worker = Worker::registered(&server).await;
    let _silent = Worker::registered(&server).await;
    let (session, silent) = (leader.connects()[0].session, leader.connects()[1].session);
    let (mut heard, mut wholes, mut told) = (0, 0, 0);
    while wholes < 2 || heard < 2 {
        worker.ask("worker:heartbeat", &heartbeat("idle", 1)).await;
        let message = soon(digests.next()).await.unwrap();
        let digest = v1::HeartbeatDigest::decode(message.payload).unwrap();
        assert_eq!(digest.gateway, server.gateway.id().as_bytes());
        let find = |id: ukai_domain::SessionId| digest.heard.iter().find(|h| h.session == id.as_bytes());
        heard += u64::from(find(session).is_some());
        if let Some(silent) = find(silent) {
            told += u64::from(!digest.whole);
            assert!(!digest.whole || wholes == 0 || silent.ago_ms >= 2_000, "told again with its silence");
        }
        assert!(
            !digest.whole || told == 0 && wholes == 0 || find(silent).is_some(),
            "all are in a whole one"
        );
        wholes += u64::from(digest.whole);
    }
    assert!(told <= 1, "its connect is news once");
}

#[tokio::test]
async fn digests_name_who_ended() {
    let (server, leader) = Server::start().await;
    let mut digests = server.bus.subscribe(HEARTBEATS).await.unwrap();
    let closed = Worker::registered(&server).await;
    let _open = Worker::registered(&server).await;
    let (first, second) = (leader.connects()[0].session, leader.connects()[1].session);
    drop(closed);
    until(|| server.gateway.sessions() == 1).await;
    let mut ended = Vec::new();
    let mut collect = async |ended: &mut Vec<Vec<u8>>, n: usize| {
        while ended.len() < n {
            let message = soon(digests.next()).await.unwrap();
            ended.extend(v1::HeartbeatDigest::decode(message.payload).unwrap().ended);
        }
    };
    collect(&mut ended, 1).await;
    assert_eq!(ended, [first.as_bytes().to_vec()]);
    // A stop ends the rest.
    server.shutdown.stop();
    collect(&mut ended, 2).await;
    assert_eq!(ended[1..], [second.as_bytes().to_vec()]);
}
