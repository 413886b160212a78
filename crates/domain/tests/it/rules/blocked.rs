//! A blocked worker gets nothing until an operator resets it.

use crate::kit::{Kit, completed, task};
use ukai_domain::scheduler::{Input, PushMessage, Reply};
use ukai_domain::{Code, Event, ReportedStatus, SessionId, WorkerId};

fn detected(kit: &mut Kit, session: SessionId) {
    let input =
        Input::BlockDetected { session, reason: "captcha".to_owned(), suggested_action: "rotate".to_owned() };
    kit.ask(input).unwrap();
}

fn reset(kit: &mut Kit, worker: WorkerId) -> Option<Code> {
    kit.code(Input::ResetWorker { worker, idempotency: None })
}

#[test]
fn it_may_finish_what_it_holds_and_gets_nothing_until_reset() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let held = kit.one(task("a.example", 50));
    detected(&mut kit, session);
    assert_eq!(kit.view(worker).status, "blocked");
    assert_eq!(kit.view(worker).row.blocked_reason.as_deref(), Some("captcha"));
    assert_eq!(kit.report(session, held, None, completed()), Reply::Accepted { duplicate: false });
    let next = kit.one(task("b.example", 50));
    kit.beat(session, ReportedStatus::Idle, None);
    assert_eq!(kit.place_word(next), "ready", "idle doesn't unblock");
    let session = kit.connect(worker, Some(Vec::new()));
    assert_eq!(kit.place_word(next), "ready", "a new connection doesn't either");
    assert_eq!(reset(&mut kit, worker), None);
    assert_eq!(kit.lease(next).session, session);
    let told = |m: &PushMessage| matches!(m, PushMessage::ConfigUpdate { reset: true, .. });
    assert!(kit.pushes.iter().any(|push| push.session == session && told(&push.message)));
    assert_eq!(kit.view(worker).row.blocked_reason, None);
    assert_eq!(reset(&mut kit, worker), Some(Code::Conflict));
    assert_eq!(reset(&mut kit, WorkerId::NIL), Some(Code::WorkerNotFound));
}

#[test]
fn a_heartbeat_that_says_blocked_blocks_and_after_a_reset_only_after_another_word() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    for other in [ReportedStatus::Idle, ReportedStatus::Busy] {
        kit.beat(session, ReportedStatus::Blocked, None);
        assert_eq!(kit.view(worker).status, "blocked");
        reset(&mut kit, worker);
        kit.beat(session, ReportedStatus::Blocked, None);
        kit.beat(session, ReportedStatus::Blocked, None);
        assert_ne!(kit.view(worker).status, "blocked", "it hasn't heard of the reset yet");
        kit.beat(session, other, None);
    }
    kit.beat(session, ReportedStatus::Blocked, None);
    assert_eq!(kit.view(worker).status, "blocked");
    let blocks = kit.events().into_iter().filter(|e| matches!(e, Event::WorkerBlocked { .. })).count();
    assert_eq!(blocks, 3);
}

#[test]
fn a_block_is_told_once_and_survives_a_takeover() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    detected(&mut kit, session);
    detected(&mut kit, session);
    kit.beat(session, ReportedStatus::Blocked, None);
    let blocks = kit.events().into_iter().filter(|e| matches!(e, Event::WorkerBlocked { .. })).count();
    assert_eq!(blocks, 1);
    kit.take_over();
    kit.connect(worker, Some(Vec::new()));
    let next = kit.one(task("a.example", 50));
    assert_eq!((kit.place_word(next), kit.view(worker).status.as_str()), ("ready", "blocked"));
}
