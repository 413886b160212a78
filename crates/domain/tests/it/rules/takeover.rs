//! A new leader: nobody is lost by it, what nobody holds is pushed again as the same run.

use crate::kit::{GATEWAY, Kit, connect, seconds, task, tasks};
use std::time::Duration;
use ukai_domain::scheduler::{Input, Push, PushMessage, Reply};
use ukai_domain::{Outcome, Run, SessionId, TaskId, WorkerId};

fn running() -> (Kit, WorkerId, SessionId, TaskId) {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.start(id);
    (kit, worker, session, id)
}

#[test]
fn deadlines_and_liveness_are_fresh_for_thirty_seconds() {
    let (mut kit, worker, session, id) = running();
    kit.now = kit.now + seconds(1_000);
    kit.take_over();
    kit.pass(Duration::from_millis(29_999));
    assert_eq!(kit.place_word(id), "leased");
    assert_eq!(kit.view(worker).status, "disconnected", "it hasn't been heard of yet");
    let lists = vec![connect(session, worker, Some(vec![(id, Run(1))]))];
    kit.ask(Input::Announce { gateway: GATEWAY, sessions: lists }).unwrap();
    assert_eq!(kit.view(worker).status, "busy");
    assert_eq!(kit.complete(session, id, 1), Reply::Accepted { duplicate: false });
}

#[test]
fn who_does_not_come_back_in_that_time_is_lost() {
    let (mut kit, _, _, id) = running();
    kit.take_over();
    kit.pass(seconds(30));
    assert!(["ready", "delayed"].contains(&kit.place_word(id)));
    assert_eq!(kit.outcomes(id).len(), 1);
}

#[test]
fn a_push_that_nobody_has_is_made_again_as_the_same_run() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.pushes.clear();
    kit.take_over();
    let lists = vec![connect(session, worker, Some(Vec::new()))];
    kit.ask(Input::Announce { gateway: GATEWAY, sessions: lists }).unwrap();
    assert_eq!(kit.handed_out(), [(id, Run(1), session)]);
    let registered = kit.pushes.iter().position(|p| matches!(p.message, PushMessage::Registered { .. }));
    let assigned = kit.pushes.iter().position(|p| matches!(p.message, PushMessage::Assigned { .. }));
    assert!(registered < assigned, "registered first");
    assert_eq!(kit.outcomes(id), []);
}

#[test]
fn a_push_that_arrived_is_not_made_again() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.pushes.clear();
    kit.take_over();
    let lists = vec![connect(session, worker, Some(vec![(id, Run(1))]))];
    kit.ask(Input::Announce { gateway: GATEWAY, sessions: lists }).unwrap();
    assert_eq!(kit.handed_out(), []);
    assert_eq!(kit.complete(session, id, 1), Reply::Accepted { duplicate: false });
}

#[test]
fn what_had_begun_and_is_not_held_is_lost() {
    let (mut kit, worker, _, id) = running();
    kit.take_over();
    kit.connect(worker, Some(Vec::new()));
    assert_eq!(kit.outcomes(id), [Outcome::Lost]);
    assert_eq!(kit.lease(id).progress.run, Run(2));
}

#[test]
fn a_repeat_after_a_takeover_is_a_duplicate() {
    let (mut kit, worker, session, id) = running();
    kit.complete(session, id, 1);
    kit.take_over();
    let session = kit.connect(worker, Some(vec![(id, Run(1))]));
    assert_eq!(kit.complete(session, id, 1), Reply::Accepted { duplicate: true });
}

#[test]
fn time_never_goes_back_over_a_takeover() {
    let (mut kit, _, session, id) = running();
    let before = kit.now;
    kit.complete(session, id, 1);
    kit.now = kit.now - seconds(3_600);
    kit.take_over();
    let id = kit.one(task("a.example", 50));
    assert!(kit.place(id).body().created_at >= before);
}

#[test]
fn lanes_know_what_runs_in_them() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    kit.host("a.example", 0, 1);
    let ids = kit.submit_fresh(tasks(2, "a.example", 50));
    kit.start(ids[0]);
    kit.take_over();
    kit.connected();
    assert_eq!(kit.place_word(ids[1]), "ready", "one at a time");
    let lists = vec![connect(session, worker, Some(vec![(ids[0], Run(1))]))];
    kit.ask(Input::Announce { gateway: GATEWAY, sessions: lists }).unwrap();
    kit.complete(session, ids[0], 1);
    assert_eq!(kit.place_word(ids[1]), "leased");
}

#[test]
fn memory_that_is_loaded_again_keeps_its_connections() {
    let (mut kit, worker, session, id) = running();
    kit.reload();
    assert!(kit.view(worker).connected);
    assert_eq!((kit.lease(id).session, kit.lease(id).progress.run), (session, Run(1)));
    assert_eq!(kit.complete(session, id, 1), Reply::Accepted { duplicate: false });
}

#[test]
fn what_nobody_confirmed_is_pushed_again_after_a_reload() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.pushes.clear();
    kit.reload();
    let pushed = |push: &&Push| matches!(&push.message, PushMessage::Assigned { body, .. } if body.id == id);
    assert_eq!(kit.pushes.iter().filter(pushed).count(), 1);
    let lists = vec![connect(session, worker, Some(Vec::new()))];
    kit.ask(Input::Announce { gateway: GATEWAY, sessions: lists }).unwrap();
    assert_eq!((kit.outcomes(id), kit.lease(id).progress.run), (Vec::new(), Run(1)));
    kit.ask(Input::GatewayLost { gateway: GATEWAY }).unwrap();
    assert_eq!(kit.outcomes(id), [Outcome::HandedBack], "no attempt is counted");
}

#[test]
fn who_is_leaving_still_is_after_a_reload() {
    let (mut kit, _, session, id) = running();
    kit.ask(Input::Draining { session }).unwrap();
    kit.reload();
    kit.complete(session, id, 1);
    let next = kit.one(task("b.example", 50));
    assert_eq!(kit.place_word(next), "ready", "it gets nothing more");
}

#[test]
fn a_bus_that_is_away_still_is_after_a_reload() {
    let (mut kit, _, _, id) = running();
    kit.ask(Input::BusLost).unwrap();
    kit.reload();
    kit.pass(seconds(600));
    assert_eq!(kit.place_word(id), "leased");
    kit.ask(Input::Resync).unwrap();
    kit.pass(seconds(600));
    assert_eq!(kit.outcomes(id), [Outcome::TimedOut]);
}

#[test]
fn lanes_know_their_last_hand_out_while_it_runs() {
    let mut kit = Kit::new();
    kit.connected();
    kit.host("a.example", 10_000, 0);
    let ids = kit.submit_fresh(tasks(2, "a.example", 50));
    kit.start(ids[0]);
    kit.pass(seconds(4));
    kit.take_over();
    kit.connected();
    assert_eq!(kit.place_word(ids[1]), "ready");
    kit.pass(seconds(6));
    assert_eq!(kit.place_word(ids[1]), "leased");
}
