//! `why`: one test a reason.

use crate::kit::{Kit, seconds, task, tasks};
use serde_json::json;
use ukai_domain::scheduler::{Input, JobAction, Query, WhyView};
use ukai_domain::{Code, ErrorType, TaskId};

/// State, reason and in how many seconds it ends.
fn said(kit: &Kit, why: &WhyView) -> (String, String, Option<u64>) {
    (why.state.clone(), why.reason.clone(), why.until.map(|until| until.since(kit.now).as_secs()))
}

fn pending(reason: &str, until: Option<u64>) -> (String, String, Option<u64>) {
    ("pending".to_owned(), reason.to_owned(), until)
}

#[test]
fn no_capable_worker() {
    let mut kit = Kit::new();
    let id = kit.one(task("a.example", 50));
    let why = kit.why(id);
    assert_eq!(said(&kit, &why), pending("no_capable_worker", None));
    assert_eq!(why.since, Some(kit.now));
    assert_eq!(why.details, json!({ "kind": "scrape", "runs": [] }));
    let worker = kit.worker();
    kit.open(worker, |c| c.capabilities = vec!["ocr".into()]).1.unwrap();
    assert_eq!(kit.why(id).reason, "no_capable_worker", "connected, but not capable");
}

#[test]
fn all_busy() {
    let mut kit = Kit::new();
    kit.connected();
    let ids = kit.submit_fresh(tasks(2, "a.example", 50));
    let why = kit.why(ids[1]);
    assert_eq!(said(&kit, &why), pending("all_busy", None));
    assert_eq!(why.details["workers"], 1);
}

#[test]
fn behind() {
    let mut kit = Kit::new();
    kit.connected();
    let ids = kit.submit_fresh(tasks(5, "a.example", 50));
    kit.submit_fresh(tasks(3, "a.example", 90));
    kit.submit_fresh(tasks(3, "a.example", 10));
    let why = kit.why(ids[4]);
    assert_eq!(said(&kit, &why), pending("behind", None));
    assert_eq!(why.details["ahead"], 6);
}

#[test]
fn lane_interval() {
    let mut kit = Kit::new();
    kit.connected();
    kit.connected();
    kit.host("a.example", 7_000, 0);
    let ids = kit.submit_fresh(tasks(2, "a.example", 50));
    let why = kit.why(ids[1]);
    assert_eq!(said(&kit, &why), pending("lane_interval", Some(7)));
    assert_eq!((&why.details["host"], &why.details["running"]), (&json!("a.example"), &json!(1)));
    kit.host("a.example", 0, 1);
    let why = kit.why(ids[1]);
    assert_eq!(said(&kit, &why), pending("lane_interval", None));
}

#[test]
fn lane_cooldown() {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.fail(session, id, 1, ErrorType::Throttled);
    let why = kit.why(id);
    assert_eq!(said(&kit, &why), pending("lane_cooldown", Some(2)));
    assert_eq!(why.details["runs"][0]["outcome"], "failed");
}

#[test]
fn job_paused() {
    let mut kit = Kit::new();
    let job = kit.job(1);
    let id = kit.submit(job, tasks(1, "a.example", 50))[0];
    kit.control(job, JobAction::Pause).unwrap();
    kit.connected();
    let why = kit.why(id);
    assert_eq!(said(&kit, &why), pending("job_paused", None));
    assert_eq!(why.details["jobName"], "job");
}

#[test]
fn delayed() {
    let mut kit = Kit::new();
    let mut new = task("a.example", 50);
    new.not_before = Some(kit.now + seconds(33));
    let id = kit.one(new);
    let why = kit.why(id);
    assert_eq!(said(&kit, &why), pending("delayed", Some(33)));
    assert_eq!(why.details["attempts"], 0);
}

#[test]
fn workers_blocked() {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.fail(session, id, 1, ErrorType::Captcha);
    let why = kit.why(id);
    assert_eq!(said(&kit, &why), pending("workers_blocked", Some(2)));
    let (reason, suggested_action) = (String::new(), String::new());
    kit.ask(Input::BlockDetected { session, reason, suggested_action }).unwrap();
    let why = kit.why(id);
    assert_eq!(said(&kit, &why), pending("workers_blocked", None));
    let other = kit.one(task("b.example", 50));
    assert_eq!(kit.why(other).reason, "workers_blocked");
}

#[test]
fn assigned_and_running() {
    let mut kit = Kit::new();
    let (worker, _) = kit.connected();
    let id = kit.one(task("a.example", 50));
    let why = kit.why(id);
    assert_eq!(said(&kit, &why), ("assigned".to_owned(), "assigned".to_owned(), Some(30)));
    assert_eq!((&why.details["workerId"], &why.details["run"]), (&json!(worker), &json!(1)));
    kit.pass(seconds(3));
    kit.start(id);
    let why = kit.why(id);
    assert_eq!(said(&kit, &why), ("running".to_owned(), "running".to_owned(), Some(65)));
    assert_eq!(why.since, Some(kit.now));
}

#[test]
fn completed_failed_and_cancelled_with_their_runs() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let completed = kit.one(task("a.example", 50));
    kit.fail(session, completed, 1, ErrorType::Network);
    kit.until_leased(completed);
    kit.complete(session, completed, 2);
    let why = kit.why(completed);
    assert_eq!(said(&kit, &why), ("completed".to_owned(), "completed".to_owned(), None));
    assert_eq!(why.since, Some(kit.now));
    let runs = json!([
        { "run": 1, "workerId": worker, "outcome": "failed" },
        { "run": 2, "workerId": worker, "outcome": "completed" },
    ]);
    assert_eq!(why.details["runs"], runs);

    let mut new = task("a.example", 50);
    new.max_attempts = 1;
    let failed = kit.one(new);
    kit.fail(session, failed, 1, ErrorType::Timeout);
    let why = kit.why(failed);
    assert_eq!((why.state.as_str(), why.reason.as_str()), ("failed", "failed"));
    assert_eq!(why.details["error"]["type"], "TIMEOUT");
    assert_eq!(why.details["runs"][0]["outcome"], "failed");

    let cancelled = kit.one(task("a.example", 50));
    kit.ask(Input::CancelTask { task: cancelled }).unwrap();
    let why = kit.why(cancelled);
    assert_eq!((why.state.as_str(), why.reason.as_str()), ("cancelled", "cancelled"));
    assert_eq!(why.details["runs"][0]["outcome"], "cancelled");
}

#[test]
fn of_nothing() {
    let mut kit = Kit::new();
    assert_eq!(kit.code(Input::Query(Query::Why(TaskId::NIL))), Some(Code::TaskNotFound));
}
