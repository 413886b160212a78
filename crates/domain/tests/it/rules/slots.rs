//! A slot is not a lease: it stays occupied until its worker shows that it is through.

use crate::kit::{Kit, completed, seconds, task};
use ukai_domain::scheduler::{Input, PushMessage, Refusal, Reply};
use ukai_domain::{Code, ReportedStatus, Run, SessionId, TaskId, WorkerId};

/// A worker whose run was cancelled under it, and a task that waits for its slot.
fn cancelled() -> (Kit, WorkerId, SessionId, TaskId, TaskId) {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let over = kit.one(task("a.example", 50));
    kit.start(over);
    let next = kit.one(task("a.example", 50));
    kit.ask(Input::CancelTask { task: over }).unwrap();
    assert_eq!(kit.told_to_stop(session), [(over, Run(1))]);
    assert_eq!(kit.place_word(next), "ready", "the worker may still be on the page");
    (kit, worker, session, over, next)
}

#[test]
fn a_report_of_that_run_frees_it() {
    let (mut kit, _, session, over, next) = cancelled();
    assert_eq!(kit.report(session, over, Some(Run(9)), completed()), Reply::Refused(Refusal::Stale));
    assert_eq!(kit.place_word(next), "ready", "that was another run");
    assert_eq!(kit.complete(session, over, 1), Reply::Refused(Refusal::Stale));
    assert_eq!(kit.place_word(next), "leased");
}

#[test]
fn a_report_without_a_run_frees_it() {
    let (mut kit, _, session, over, next) = cancelled();
    assert_eq!(kit.report(session, over, None, completed()), Reply::Refused(Refusal::Stale));
    assert_eq!(kit.place_word(next), "leased");
}

#[test]
fn idle_in_a_heartbeat_frees_it() {
    let (mut kit, _, session, over, next) = cancelled();
    kit.beat(session, ReportedStatus::Busy, Some(over));
    assert_eq!(kit.place_word(next), "ready", "it says that it is still on it");
    kit.beat(session, ReportedStatus::Busy, None);
    assert_eq!(kit.place_word(next), "ready");
    kit.idle(session);
    assert_eq!(kit.place_word(next), "leased");
}

#[test]
fn another_task_in_a_heartbeat_frees_it() {
    let (mut kit, _, session, _, next) = cancelled();
    kit.beat(session, ReportedStatus::Busy, Some(TaskId::NIL));
    assert_eq!(kit.place_word(next), "leased");
}

#[test]
fn coming_back_without_it_frees_it() {
    let (mut kit, worker, _, _, next) = cancelled();
    kit.connect(worker, Some(Vec::new()));
    assert_eq!(kit.place_word(next), "leased");
}

#[test]
fn coming_back_with_it_keeps_it_occupied_and_it_is_told_again() {
    let (mut kit, worker, _, over, next) = cancelled();
    let session = kit.connect(worker, Some(vec![(over, Run(1))]));
    assert_eq!(kit.told_to_stop(session), [(over, Run(1))]);
    assert_eq!(kit.place_word(next), "ready");
    kit.complete(session, over, 1);
    assert_eq!(kit.place_word(next), "leased");
}

#[test]
fn thirty_seconds_later_the_session_is_dropped_and_its_worker_stuck() {
    let (mut kit, worker, session, _, next) = cancelled();
    kit.pass(seconds(29));
    assert_eq!(kit.dropped(session), None);
    kit.pass(seconds(1));
    assert_eq!(kit.dropped(session), Some(Code::Unavailable));
    let view = kit.view(worker);
    assert_eq!((view.stuck, view.connected, view.status.as_str()), (true, false, "disconnected"));
    assert_eq!(kit.place_word(next), "ready");
    let session = kit.connect(worker, Some(Vec::new()));
    assert_eq!(kit.lease(next).session, session, "welcome again");
    kit.complete(session, next, 1);
    assert!(!kit.view(worker).stuck, "it has ended a run again");
}

#[test]
fn after_a_deadline_the_slot_waits_too() {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let over = kit.one(task("a.example", 50));
    kit.start(over);
    let next = kit.one(task("b.example", 50));
    kit.pass(seconds(64));
    assert_eq!(kit.place_word(over), "leased");
    kit.pass(seconds(1));
    assert_eq!(kit.place_word(over), "delayed");
    assert_eq!(kit.told_to_stop(session), [(over, Run(1))]);
    assert_eq!(kit.place_word(next), "ready");
    assert_eq!(kit.complete(session, over, 1), Reply::Refused(Refusal::Stale), "too late");
    assert_eq!(kit.place_word(next), "leased");
}

#[test]
fn a_drop_tells_why() {
    let (mut kit, _, session, over, _) = cancelled();
    kit.pass(seconds(30));
    let told = kit.pushes.iter().any(|push| {
        push.session == session
            && matches!(&push.message, PushMessage::Drop { message, .. } if message.contains(&over.to_string()))
    });
    assert!(told);
}

#[test]
fn no_slot_is_stuck_by_the_time_that_the_bus_was_away() {
    let (mut kit, worker, session, over, next) = cancelled();
    kit.ask(Input::BusLost).unwrap();
    kit.pass(seconds(120));
    assert!(!kit.view(worker).stuck, "it couldn't say that it is through");
    kit.ask(Input::Resync).unwrap();
    kit.pass(seconds(29));
    assert_eq!(kit.dropped(session), None);
    kit.complete(session, over, 1);
    assert_eq!(kit.place_word(next), "leased");
}
