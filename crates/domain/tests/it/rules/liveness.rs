//! When a worker is lost, and when it isn't: silence, closed sockets, a bus that was away.

use crate::kit::{Kit, seconds, task};
use std::time::Duration;
use ukai_domain::scheduler::{Input, Refusal, Reply};
use ukai_domain::{Outcome, ReportedStatus, Run, SessionId, TaskId, WorkerId};

fn running() -> (Kit, WorkerId, SessionId, TaskId) {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.start(id);
    (kit, worker, session, id)
}

fn lost(kit: &mut Kit, session: SessionId, silent: u64) {
    kit.ask(Input::ReportLost { session, silent_for: seconds(silent) }).unwrap();
}

#[test]
fn a_judge_is_believed_only_where_nothing_was_heard_here_either() {
    let (mut kit, worker, session, id) = running();
    lost(&mut kit, session, 31);
    assert_eq!(kit.place_word(id), "leased", "something was heard just now");
    kit.pass(seconds(20));
    kit.beat(session, ReportedStatus::Busy, Some(id));
    kit.pass(seconds(15));
    lost(&mut kit, session, 35);
    assert_eq!(kit.place_word(id), "leased", "heard 15 s ago");
    kit.pass(seconds(15));
    lost(&mut kit, session, 29);
    assert_eq!(kit.place_word(id), "leased", "the judge itself says less than the timeout");
    lost(&mut kit, SessionId::NIL, 40);
    assert_eq!(kit.place_word(id), "leased", "another session");
    lost(&mut kit, session, 30);
    assert_eq!((kit.place_word(id), kit.outcomes(id)), ("ready", vec![Outcome::Lost]));
    assert!(!kit.view(worker).connected);
    assert!(kit.dropped(session).is_some(), "its socket is closed");
    assert_eq!(kit.complete(session, id, 1), Reply::Refused(Refusal::UnknownSession));
}

#[test]
fn what_a_gateway_heard_is_a_sign_of_life() {
    let (mut kit, _, session, id) = running();
    kit.pass(seconds(31));
    kit.ask(Input::Heard { sessions: vec![(session, seconds(2)), (SessionId::NIL, Duration::MAX)] }).unwrap();
    lost(&mut kit, session, 31);
    assert_eq!(kit.place_word(id), "leased");
    kit.pass(seconds(28));
    lost(&mut kit, session, 30);
    assert_eq!(kit.place_word(id), "ready");
}

#[test]
fn a_report_of_loss_after_it_came_back_hits_nobody() {
    let (mut kit, worker, session, id) = running();
    kit.pass(seconds(31));
    let newer = kit.connect(worker, Some(vec![(id, Run(1))]));
    lost(&mut kit, session, 31);
    assert_eq!(kit.lease(id).session, newer);
}

#[test]
fn within_the_grace_a_worker_comes_back_with_what_it_holds() {
    let (mut kit, worker, session, id) = running();
    kit.disconnect(session);
    let view = kit.view(worker);
    assert_eq!((view.connected, view.status.as_str()), (false, "disconnected"), "shown at once");
    assert_eq!(
        kit.report(session, id, None, crate::kit::completed()),
        Reply::Refused(Refusal::UnknownSession)
    );
    kit.pass(Duration::from_millis(9_999));
    let newer = kit.connect(worker, Some(vec![(id, Run(1))]));
    kit.pass(seconds(20));
    assert_eq!((kit.lease(id).session, kit.lease(id).progress.run), (newer, Run(1)));
    assert_eq!(kit.complete(newer, id, 1), Reply::Accepted { duplicate: false });
    assert_eq!(kit.outcomes(id), [Outcome::Completed]);
}

#[test]
fn after_the_grace_it_is_lost_and_its_late_result_stale() {
    let (mut kit, worker, session, id) = running();
    kit.disconnect(session);
    kit.pass(seconds(10));
    assert_eq!(kit.outcomes(id), [Outcome::Lost]);
    let (_, other) = kit.connected();
    assert_eq!(kit.lease(id).progress.run, Run(2));
    let late = kit.connect(worker, Some(vec![(id, Run(1))]));
    assert_eq!(kit.told_to_stop(late), [(id, Run(1))]);
    assert_eq!(kit.complete(late, id, 1), Reply::Refused(Refusal::Stale));
    assert_eq!(kit.report(late, id, None, crate::kit::completed()), Reply::Refused(Refusal::Stale));
    assert_eq!(kit.complete(other, id, 2), Reply::Accepted { duplicate: false });
}

#[test]
fn what_it_no_longer_holds_is_lost_at_its_return() {
    let (mut kit, worker, session, id) = running();
    kit.disconnect(session);
    let newer = kit.connect(worker, Some(Vec::new()));
    assert_eq!(kit.outcomes(id), [Outcome::Lost], "it had begun");
    assert_eq!((kit.lease(id).session, kit.lease(id).progress.run), (newer, Run(2)));
}

#[test]
fn deadlines_stand_still_while_the_bus_is_away_and_begin_afresh() {
    let (mut kit, _, session, id) = running();
    kit.ask(Input::BusLost).unwrap();
    kit.pass(seconds(600));
    assert_eq!(kit.place_word(id), "leased");
    lost(&mut kit, session, 600);
    assert_eq!(kit.place_word(id), "leased");
    // The leader's own stall doesn't bring the bus back.
    kit.ask(Input::Stalled).unwrap();
    kit.pass(seconds(600));
    assert_eq!(kit.place_word(id), "leased");
    kit.ask(Input::Resync).unwrap();
    lost(&mut kit, session, 600);
    kit.pass(Duration::from_millis(29_999));
    assert_eq!(kit.place_word(id), "leased");
    kit.pass(Duration::from_millis(1));
    assert_eq!(kit.outcomes(id), [Outcome::TimedOut]);
}

#[test]
fn a_worker_that_was_away_has_a_fresh_time_when_the_bus_is_back() {
    let (mut kit, worker, session, id) = running();
    kit.disconnect(session);
    kit.ask(Input::BusLost).unwrap();
    kit.pass(seconds(45));
    kit.ask(Input::Resync).unwrap();
    kit.pass(seconds(29));
    assert_eq!(kit.place_word(id), "leased", "it couldn't come back before");
    let newer = kit.connect(worker, Some(vec![(id, Run(1))]));
    assert_eq!(kit.complete(newer, id, 1), Reply::Accepted { duplicate: false });
}

#[test]
fn a_run_that_never_starts_is_over_after_pause_and_slack() {
    let mut kit = Kit::new();
    kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.confirm(id);
    assert_eq!(kit.lease(id).deadline, kit.now + seconds(30));
    kit.pass(seconds(30));
    assert_eq!(kit.outcomes(id), [Outcome::TimedOut]);
}

#[test]
fn a_tasks_own_time_limit_counts_from_its_start() {
    let mut kit = Kit::new();
    kit.connected();
    let mut new = task("a.example", 50);
    new.timeout_ms = Some(7_000);
    let id = kit.one(new);
    kit.pass(seconds(20));
    kit.start(id);
    assert_eq!(kit.lease(id).deadline, kit.now + seconds(12));
}
