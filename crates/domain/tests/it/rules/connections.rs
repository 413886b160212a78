//! Connections: inheriting, confirming, draining, replacing, gateways that come and go.

use crate::kit::{GATEWAY, Kit, completed, connect, seconds, task, tasks};
use ukai_domain::scheduler::{Connect, Identity, Input, PushMessage, Refusal, Reply};
use ukai_domain::{Code, GatewayId, Outcome, ReportedStatus, Run, SessionId, TaskId, WorkerId};
use uuid::Uuid;

fn running() -> (Kit, WorkerId, SessionId, TaskId) {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.start(id);
    (kit, worker, session, id)
}

#[test]
fn registration_tells_the_clocks_and_the_config() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let registered = kit.pushes.iter().find(|push| push.session == session).unwrap();
    match &registered.message {
        PushMessage::Registered { worker: id, heartbeat_interval, task_timeout, .. } => {
            assert_eq!((*id, *heartbeat_interval, *task_timeout), (worker, seconds(10), seconds(60)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_contract_only_worker_inherits_and_its_first_heartbeat_confirms() {
    let (mut kit, worker, session, id) = running();
    let next = kit.one(task("a.example", 50));
    kit.disconnect(session);
    let session = kit.connect(worker, None);
    assert_eq!((kit.lease(id).session, kit.lease(id).progress.run), (session, Run(1)));
    assert_eq!(kit.beat(session, ReportedStatus::Busy, Some(id)), Reply::Ok);
    assert_eq!(kit.report(session, id, None, completed()), Reply::Accepted { duplicate: false });
    assert_eq!((kit.outcomes(id), kit.place_word(next)), (vec![Outcome::Completed], "leased"));
}

#[test]
fn busy_without_a_task_confirms_the_only_lease() {
    let (mut kit, worker, session, id) = running();
    kit.disconnect(session);
    let session = kit.connect(worker, None);
    kit.beat(session, ReportedStatus::Busy, None);
    assert_eq!((kit.lease(id).session, kit.lease(id).progress.run), (session, Run(1)));
}

#[test]
fn idle_or_another_task_releases_what_it_inherited() {
    for (status, current) in [(ReportedStatus::Idle, None), (ReportedStatus::Busy, Some(TaskId::NIL))] {
        let (mut kit, worker, session, id) = running();
        kit.disconnect(session);
        let session = kit.connect(worker, None);
        kit.beat(session, status, current);
        assert_eq!(kit.outcomes(id), [Outcome::Lost], "{status:?}");
        assert_eq!(kit.lease(id).progress.run, Run(2));
    }
}

#[test]
fn a_push_that_never_arrived_is_released_uncounted() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.disconnect(session);
    let session = kit.connect(worker, None);
    kit.idle(session);
    assert_eq!(kit.outcomes(id), [Outcome::HandedBack]);
    assert_eq!(kit.attempts(id), [1, 1]);
}

#[test]
fn until_its_first_heartbeat_an_heir_gets_nothing_new() {
    let (mut kit, worker, session, id) = running();
    kit.disconnect(session);
    let session = kit.connect(worker, None);
    let next = kit.one(task("a.example", 50));
    kit.report(session, id, None, completed());
    assert_eq!(kit.place_word(next), "ready");
    kit.idle(session);
    assert_eq!(kit.place_word(next), "leased");
}

#[test]
fn an_unconfirmed_push_is_made_again_as_the_same_run() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.disconnect(session);
    let newer = kit.connect(worker, Some(Vec::new()));
    assert_eq!(kit.handed_out(), [(id, Run(1), session), (id, Run(1), newer)]);
    assert_eq!(kit.outcomes(id), []);
}

#[test]
fn a_refused_push_hands_back_and_the_session_gets_nothing_more() {
    let mut kit = Kit::new();
    let (_, first) = kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.ask(Input::PushRefused { session: first, task: id, run: Run(2) }).unwrap();
    assert_eq!(kit.lease(id).session, first, "another run");
    kit.ask(Input::PushRefused { session: first, task: id, run: Run(1) }).unwrap();
    assert_eq!((kit.outcomes(id), kit.place_word(id)), (vec![Outcome::HandedBack], "ready"));
    let (_, second) = kit.connected();
    assert_eq!(kit.lease(id).session, second);
    assert_eq!(kit.attempts(id), [1, 1]);
    kit.confirm(id);
    kit.ask(Input::PushRefused { session: second, task: id, run: Run(2) }).unwrap();
    assert_eq!(kit.lease(id).session, second, "confirmed before");
}

#[test]
fn a_confirmation_of_another_run_confirms_nothing() {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.ask(Input::PushConfirmed { leases: vec![(id, Run(7)), (TaskId::NIL, Run(1))] }).unwrap();
    kit.disconnect(session);
    kit.pass(seconds(10));
    assert_eq!(kit.outcomes(id), [Outcome::HandedBack]);
}

#[test]
fn a_lost_gateway_hands_back_what_it_never_confirmed_and_gives_the_rest_its_time() {
    let mut kit = Kit::new();
    let workers: Vec<_> = (0..2).map(|_| kit.connected()).collect();
    let ids = kit.submit_fresh(tasks(2, "a.example", 50));
    kit.confirm(ids[0]);
    let holder = kit.lease(ids[0]).worker;
    kit.ask(Input::GatewayLost { gateway: GATEWAY }).unwrap();
    assert!(
        workers.iter().all(|(_, session)| kit.dropped(*session).is_none()),
        "there is no way to tell them"
    );
    assert_eq!((kit.place_word(ids[0]), kit.place_word(ids[1])), ("leased", "ready"));
    assert_eq!(kit.outcomes(ids[1]), [Outcome::HandedBack]);
    assert!(!kit.view(holder).connected);
    kit.pass(seconds(29));
    let newer = kit.connect(holder, Some(vec![(ids[0], Run(1))]));
    assert_eq!(kit.complete(newer, ids[0], 1), Reply::Accepted { duplicate: false });
}

#[test]
fn an_announcement_resumes_the_listed_and_sends_the_others_away() {
    let mut kit = Kit::new();
    let (first, first_session) = kit.connected();
    let (second, _) = kit.connected();
    let ids = kit.submit_fresh(tasks(2, "a.example", 50));
    for id in &ids {
        kit.start(*id);
    }
    let held = kit.view(first).current_tasks[0];
    let lists = vec![
        connect(first_session, first, Some(vec![(held, Run(1))])),
        connect(SessionId(Uuid::from_u128(99)), WorkerId::NIL, None),
    ];
    kit.ask(Input::Announce { gateway: GATEWAY, sessions: lists }).unwrap();
    assert!(kit.view(first).connected && !kit.view(second).connected);
    assert_eq!(kit.lease(held).session, first_session);
    assert_eq!(kit.dropped(SessionId(Uuid::from_u128(99))), Some(Code::AuthFailed));
    assert_eq!(kit.handed_out().len(), 2, "nothing is pushed twice");
    let registered = |m: &&ukai_domain::scheduler::Push| matches!(m.message, PushMessage::Registered { .. });
    assert_eq!(kit.pushes.iter().filter(registered).count(), 2, "a live session isn't registered again");
    kit.ask(Input::Announce { gateway: GatewayId(Uuid::from_u128(0xB)), sessions: vec![] }).unwrap();
    assert!(kit.view(first).connected, "another gateway's");
}

#[test]
fn a_draining_worker_gets_nothing_more_and_its_leaving_hands_back_at_once() {
    let (mut kit, worker, session, id) = running();
    let finished = kit.submit_fresh(tasks(1, "a.example", 50))[0];
    kit.ask(Input::Draining { session }).unwrap();
    kit.complete(session, id, 1);
    assert_eq!(kit.place_word(finished), "ready");
    let (_, other) = kit.connected();
    assert_eq!(kit.lease(finished).session, other);
    let back = kit.connect(worker, Some(Vec::new()));
    let again = kit.one(task("a.example", 50));
    assert_eq!(kit.lease(again).session, back, "drained was the old connection");
    kit.start(again);
    kit.ask(Input::Draining { session: back }).unwrap();
    kit.disconnect(back);
    assert_eq!((kit.place_word(again), kit.outcomes(again)), ("ready", vec![Outcome::HandedBack]));
}

#[test]
fn the_newer_connection_wins_and_the_older_is_told() {
    let (mut kit, worker, older, id) = running();
    let newer = kit.connect(worker, Some(vec![(id, Run(1))]));
    assert_eq!(kit.dropped(older), Some(Code::Conflict));
    assert_eq!(kit.lease(id).session, newer);
    assert_eq!(kit.complete(older, id, 1), Reply::Refused(Refusal::UnknownSession));
    kit.disconnect(older);
    assert!(kit.view(worker).connected, "the old socket's end is no news");
    assert_eq!(kit.complete(newer, id, 1), Reply::Accepted { duplicate: false });
}

#[test]
fn a_token_on_two_machines_is_held_for_a_minute() {
    let mut kit = Kit::new();
    let (worker, _) = kit.connected();
    for _ in 0..4 {
        kit.connect(worker, Some(Vec::new()));
    }
    let (_, refused) = kit.open(worker, |_| {});
    assert_eq!(refused.unwrap_err().code, Code::RateLimited);
    assert!(kit.view(worker).connected, "the one that is connected stays");
    kit.pass(seconds(59));
    let (_, refused) = kit.open(worker, |_| {});
    assert!(refused.is_err());
    kit.pass(seconds(1));
    let (_, welcome) = kit.open(worker, |_| {});
    assert_eq!(welcome, Ok(Reply::Registered(worker)));
}

#[test]
fn an_old_connection_that_is_announced_does_not_replace_the_newer_one() {
    let mut kit = Kit::new();
    let (worker, old) = kit.connected();
    // The worker went elsewhere while its gateway couldn't be heard, and nobody there has noticed.
    kit.take_over();
    let elsewhere = GatewayId(Uuid::from_u128(0xB));
    let newer = SessionId(Uuid::from_u128(0xBB));
    kit.ask(Input::Connect(Connect { gateway: elsewhere, ..connect(newer, worker, Some(Vec::new())) }))
        .unwrap();
    let id = kit.one(task("a.example", 50));
    kit.start(id);
    let lists = vec![connect(old, worker, Some(Vec::new()))];
    kit.pushes.clear();
    kit.ask(Input::Announce { gateway: GATEWAY, sessions: lists }).unwrap();
    let told: Vec<_> = kit.pushes.iter().map(|push| (push.gateway, push.session)).collect();
    assert_eq!(told, [(GATEWAY, old)]);
    assert!(matches!(kit.pushes[0].message, PushMessage::Drop { code: Code::Conflict, .. }));
    assert_eq!((kit.lease(id).session, kit.outcomes(id)), (newer, Vec::new()));
    // Without it the old one is as good as any.
    kit.disconnect(newer);
    let lists = vec![connect(old, worker, Some(vec![(id, Run(1))]))];
    kit.ask(Input::Announce { gateway: GATEWAY, sessions: lists }).unwrap();
    assert_eq!(kit.lease(id).session, old);
}

#[test]
fn swaps_that_are_far_apart_are_no_flapping_and_closed_sockets_are_no_swaps() {
    let mut kit = Kit::new();
    let (worker, mut session) = kit.connected();
    for _ in 0..8 {
        kit.pass(seconds(25));
        session = kit.connect(worker, Some(Vec::new()));
    }
    for _ in 0..20 {
        kit.disconnect(session);
        session = kit.connect(worker, Some(Vec::new()));
    }
}

#[test]
fn an_unknown_token_is_refused_and_enrolled_names_are_remembered() {
    let mut kit = Kit::new();
    let (_, refused) = kit.open(WorkerId::NIL, |_| {});
    assert_eq!(refused.unwrap_err().code, Code::AuthFailed);
    let named = |kit: &mut Kit, name: Option<&str>| {
        let name = name.map(str::to_owned);
        let (session, reply) = kit.open(WorkerId::NIL, |c| c.identity = Identity::Enrolled { name });
        kit.disconnect(session);
        match reply.unwrap() {
            Reply::Registered(id) => id,
            other => panic!("{other:?}"),
        }
    };
    let (first, again) = (named(&mut kit, Some("kitchen")), named(&mut kit, Some("kitchen")));
    assert_eq!(first, again);
    assert_ne!(first, named(&mut kit, Some("office")));
    assert_ne!(named(&mut kit, None), named(&mut kit, None), "each connection is its own worker");
}
