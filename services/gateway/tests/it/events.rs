//! Reports and their answers; bad events by field; the order of receipt.

use crate::kit::worker::{Worker, completed, failed, heartbeat, started, task};
use crate::kit::{Server, until};
use serde_json::{Value, json};
use ukai_domain::TaskId;
use ukai_domain::scheduler::{Input, Word};
use ukai_rpc::v1::{self, input_reply::Reply};

fn report_of(input: &Input) -> Option<TaskId> {
    if let Input::Report(report) = input { Some(report.task) } else { None }
}

fn numbered(n: u128) -> TaskId {
    TaskId(uuid::Uuid::from_u128(n))
}

fn refused(reason: &str, unknown_session: bool) -> Reply {
    Reply::Refused(v1::Refused { reason: reason.to_owned(), unknown_session })
}

/// Task 2 is a duplicate, 3 stale, 4 not the worker's, 5 of an unknown session, 6 can't be taken.
fn judge(input: &Input) -> Option<Reply> {
    let n = report_of(input)?.0.as_u128();
    match n {
        2 => Some(Reply::Accepted(v1::Accepted { duplicate: true })),
        3 => Some(refused("stale", false)),
        4 => Some(refused("not_assigned", false)),
        5 => Some(refused("stale", true)),
        6 => Some(Reply::Rejected(v1::Rejected {
            code: "INTERNAL_ERROR".into(),
            message: "could not be stored".into(),
        })),
        _ => None,
    }
}

#[tokio::test]
async fn reports_are_acknowledged_on_the_reply() {
    let (server, leader) = Server::start().await;
    leader.answer(judge);
    let mut worker = Worker::registered(&server).await;
    assert_eq!(worker.ask("task:started", &started(1)).await, json!({"accepted": true}));
    assert_eq!(worker.ask("task:completed", &completed(1)).await, json!({"accepted": true}));
    assert_eq!(worker.ask("task:failed", &failed(2)).await, json!({"accepted": true, "reason": "duplicate"}));
    assert_eq!(worker.ask("task:failed", &failed(3)).await, json!({"accepted": false, "reason": "stale"}));
    assert_eq!(
        worker.ask("task:failed", &failed(4)).await,
        json!({"accepted": false, "reason": "not_assigned"})
    );
    assert_eq!(worker.ask("task:failed", &failed(6)).await, json!({"accepted": false, "reason": "invalid"}));
    assert_eq!(worker.ask("worker:heartbeat", &heartbeat("idle", 1)).await, json!({"accepted": true}));
    assert_eq!(worker.ask("worker:draining", &json!({})).await, json!({"accepted": true}));
    let inputs = leader.inputs();
    let session = leader.connects()[0].session;
    let Input::Report(report) = &inputs[2] else { panic!("{:?}", inputs[2]) };
    assert_eq!((report.session, report.run), (session, None));
    let Word::Completed(done) = &report.word else { panic!("{:?}", report.word) };
    assert_eq!(serde_json::from_str::<Value>(&done.result).unwrap(), completed(1)["result"]);
    assert_eq!(done.items, 1);
}

#[tokio::test]
async fn refusals_without_an_ack_become_errors() {
    let (server, leader) = Server::start().await;
    leader.answer(judge);
    let mut worker = Worker::registered(&server).await;
    worker.emit("task:failed", &failed(2)).await;
    worker.emit("task:completed", &completed(3)).await;
    assert_eq!(worker.error().await.0, "STALE_RUN");
    worker.emit("task:completed", &completed(4)).await;
    assert_eq!(worker.error().await.0, "INVALID_PAYLOAD");
    worker.emit("task:completed", &completed(6)).await;
    assert_eq!(worker.error().await, ("INTERNAL_ERROR".to_owned(), "could not be stored".to_owned()));
    assert_eq!(worker.ask("task:started", &started(1)).await, json!({"accepted": true}));
}

#[tokio::test]
async fn a_session_that_the_leader_does_not_know_is_closed() {
    let (server, leader) = Server::start().await;
    leader.answer(judge);
    let mut worker = Worker::registered(&server).await;
    let mut other = Worker::registered(&server).await;
    // An answer would make it drop a result that may still count: it reports again once it is back.
    worker.ends_unanswered("task:failed", &failed(5)).await;
    until(|| server.gateway.sessions() == 1).await;
    assert_eq!(other.ask("task:started", &started(1)).await, json!({"accepted": true}));
}

#[tokio::test]
async fn bad_events_are_told_by_field_and_the_connection_lives() {
    let (server, leader) = Server::start().await;
    let mut worker = Worker::registered(&server).await;
    let with = |mut value: Value, path: &str, put: Value| {
        *value.pointer_mut(path).unwrap() = put;
        value
    };
    let cases = [
        ("task:done", json!({}), "task:done: event: is unknown"),
        ("worker:registered", json!({}), "worker:registered: event: is unknown"),
        ("task:started", Value::Null, "task:started: payload: must be an object"),
        ("task:started", json!("x"), "task:started: payload: must be an object"),
        ("task:started", json!([1]), "task:started: payload: must be an object"),
        ("task:started", json!({}), "task:started: taskId: is missing"),
        ("task:started", with(started(1), "/taskId", json!("17")), "task:started: taskId: must be a UUID"),
        (
            "task:started",
            with(started(1), "/startedAt", json!(5)),
            "task:started: startedAt: must be an ISO 8601 time",
        ),
        (
            "task:completed",
            with(completed(1), "/result", json!({})),
            "task:completed: result.productTitle: is missing",
        ),
        (
            "task:completed",
            with(completed(1), "/result/price", json!("9")),
            "task:completed: result.price: must be a number or null",
        ),
        (
            "task:completed",
            with(completed(1), "/result/imageUrls", json!([7])),
            "task:completed: result.imageUrls[0]: must be a string",
        ),
        (
            "task:completed",
            with(completed(1), "/metrics", json!(null)),
            "task:completed: metrics: must be an object",
        ),
        (
            "task:failed",
            with(failed(1), "/error/type", json!("BAD")),
            "task:failed: error.type: must be one of CAPTCHA, BLOCKED, THROTTLED, NETWORK, PARSE_ERROR, TIMEOUT",
        ),
        (
            "worker:heartbeat",
            with(heartbeat("idle", 1), "/status", json!("asleep")),
            "worker:heartbeat: status: must be one of idle, busy, blocked",
        ),
        (
            "worker:heartbeat",
            with(heartbeat("idle", 1), "/stats", json!([])),
            "worker:heartbeat: stats: must be an object",
        ),
        ("worker:network_changed", json!({}), "worker:network_changed: previousIp: is missing"),
        ("worker:block_detected", json!({}), "worker:block_detected: detectedAt: is missing"),
        ("worker:draining", json!({"reason": 7}), "worker:draining: reason: must be a string"),
    ];
    let count = cases.len();
    for (event, payload, message) in cases {
        worker.emit(event, &payload).await;
        assert_eq!(worker.error().await, ("INVALID_PAYLOAD".to_owned(), message.to_owned()));
    }
    assert_eq!(worker.ask("task:started", &json!({})).await, json!({"accepted": false, "reason": "invalid"}));
    assert_eq!(worker.ask("task:started", &started(1)).await, json!({"accepted": true}));
    assert_eq!(leader.inputs().len(), 2, "a connect and the one good report");
    assert_eq!(server.metric(r#"ukai_gateway_events_refused_total{reason="invalid"}"#), (count + 1) as f64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_one_socket_keep_their_order() {
    let (server, leader) = Server::start_with(|config| {
        config.limits.events_per_second = 1_000_000;
        config.limits.event_burst = 1_000_000;
    })
    .await;
    let mut worker = Worker::registered(&server).await;
    for n in 1..=10_000_u128 {
        worker.0.emit_raw("task:started", &started(n).to_string(), false).unwrap();
        if n % 500 == 0 {
            worker.0.flush().await.unwrap();
        }
    }
    until(|| leader.inputs().iter().filter_map(report_of).count() == 10_000).await;
    let order: Vec<TaskId> = leader.inputs().iter().filter_map(report_of).collect();
    assert_eq!(order, (1..=10_000).map(numbered).collect::<Vec<_>>());
    let most = leader.batches().iter().map(|b| b.inputs.len()).max();
    assert!(most > Some(1), "nothing was batched");
}

#[tokio::test]
async fn the_small_notices_reach_the_leader() {
    let (server, leader) = Server::start().await;
    let mut worker = Worker::registered(&server).await;
    let at = "2026-02-01T10:00:00.000Z";
    worker
        .emit(
            "worker:network_changed",
            &json!({"previousIp": "a", "currentIp": "b", "previousIsp": "", "currentIsp": "c", "changedAt": at}),
        )
        .await;
    worker
        .emit(
            "worker:block_detected",
            &json!({"detectedAt": at, "reason": "captcha", "suggestedAction": "wait", "failedTaskIds": [task(1)]}),
        )
        .await;
    worker
        .emit("error", &json!({"code": "NO_DISPLAY", "message": "headful needs one", "timestamp": at}))
        .await;
    leader.until_input(|i| matches!(i, Input::NetworkChanged { to, .. } if to.external_ip == "b")).await;
    leader.until_input(|i| matches!(i, Input::BlockDetected { reason, .. } if reason == "captcha")).await;
}
