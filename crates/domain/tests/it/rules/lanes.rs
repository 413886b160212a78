//! Politeness: intervals, concurrency and cool-downs close and open lanes.

use crate::kit::{Kit, seconds, task, tasks};
use std::time::Duration;
use ukai_domain::scheduler::{Input, Query, Reply};
use ukai_domain::{ErrorType, TaskId};

fn workers(n: usize) -> Kit {
    let mut kit = Kit::new();
    for _ in 0..n {
        kit.connected();
    }
    kit
}

fn out(kit: &Kit, of: &[TaskId]) -> usize {
    of.iter().filter(|task| kit.place_word(**task) == "leased").count()
}

fn cool_down(kit: &mut Kit, host: &str) -> Option<u64> {
    match kit.ask(Input::Query(Query::Host(host.into()))).unwrap() {
        Reply::Host(view) => view.cooldown_until.map(|until| until.since(kit.now).as_secs()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn throttled_closes_the_lane_for_two_seconds_doubling_to_sixty() {
    let mut kit = workers(2);
    let mut seen = Vec::new();
    for _ in 0..7 {
        let ids = kit.submit_fresh(tasks(2, "a.example", 50));
        kit.until_leased(ids[0]);
        // Both pages bring the news; it is one.
        for id in &ids {
            let lease = kit.lease(*id);
            kit.fail(lease.session, *id, lease.progress.run.0, ErrorType::Throttled);
        }
        assert_eq!(out(&kit, &ids), 0, "the lane is closed");
        let wait = cool_down(&mut kit, "a.example").unwrap();
        seen.push(wait);
        for id in ids {
            kit.ask(Input::CancelTask { task: id }).unwrap();
        }
        kit.pass(seconds(wait));
    }
    assert_eq!(seen, [2, 4, 8, 16, 32, 60, 60]);
    let warm = kit.submit_fresh(tasks(1, "a.example", 50))[0];
    let lease = kit.lease(warm);
    kit.complete(lease.session, warm, 1);
    let again = kit.submit_fresh(tasks(1, "a.example", 50))[0];
    let lease = kit.lease(again);
    kit.fail(lease.session, again, 1, ErrorType::Throttled);
    assert_eq!(cool_down(&mut kit, "a.example"), Some(2), "a page came through in between");
}

#[test]
fn a_throttled_lane_leaves_other_hosts_alone_and_opens_by_itself() {
    let mut kit = workers(2);
    let ids = kit.submit_fresh(vec![task("a.example", 50), task("b.example", 50)]);
    let lease = kit.lease(ids[0]);
    kit.fail(lease.session, ids[0], 1, ErrorType::Throttled);
    assert_eq!((kit.place_word(ids[0]), kit.place_word(ids[1])), ("ready", "leased"));
    let other = kit.submit_fresh(tasks(1, "c.example", 10))[0];
    assert_eq!(kit.place_word(other), "leased", "the free worker does what is open");
    let lease = kit.lease(other);
    kit.complete(lease.session, other, 1);
    kit.pass(Duration::from_millis(1_999));
    assert_eq!(kit.place_word(ids[0]), "ready");
    kit.pass(Duration::from_millis(1));
    assert_eq!(kit.lease(ids[0]).progress.attempts, 1, "counted");
}

#[test]
fn an_interval_that_is_set_later_counts_from_the_last_handout() {
    let mut kit = workers(1);
    let first = kit.submit_fresh(tasks(1, "a.example", 50))[0];
    let lease = kit.lease(first);
    kit.complete(lease.session, first, 1);
    // Nothing waits and nothing runs on the host any more.
    kit.pass(seconds(3));
    kit.host("a.example", 10_000, 0);
    let second = kit.submit_fresh(tasks(1, "a.example", 50));
    kit.pass(seconds(6));
    assert_eq!(out(&kit, &second), 0, "nine seconds after the first");
    kit.pass(seconds(2));
    assert_eq!(out(&kit, &second), 1, "eleven seconds after the first");
}

#[test]
fn a_lane_keeps_its_interval() {
    let mut kit = workers(3);
    kit.host("a.example", 1_500, 0);
    let ids = kit.submit_fresh(tasks(3, "a.example", 50));
    assert_eq!(out(&kit, &ids), 1);
    kit.pass(Duration::from_millis(1_499));
    assert_eq!(out(&kit, &ids), 1);
    kit.pass(Duration::from_millis(1));
    assert_eq!(out(&kit, &ids), 2);
    kit.pass(Duration::from_millis(1_500));
    assert_eq!(out(&kit, &ids), 3);
}

#[test]
fn a_lane_keeps_its_concurrency() {
    let mut kit = workers(4);
    kit.host("a.example", 0, 2);
    let ids = kit.submit_fresh(tasks(4, "a.example", 50));
    assert_eq!(out(&kit, &ids), 2);
    let lease = kit.lease(ids[0]);
    kit.complete(lease.session, ids[0], 1);
    assert_eq!(out(&kit, &ids), 2, "the next took its place");
    let free = kit.submit_fresh(tasks(2, "b.example", 10));
    assert_eq!(out(&kit, &free), 2, "the others aren't held up");
}

#[test]
fn a_change_of_policy_opens_and_closes_lanes_at_once() {
    let mut kit = workers(4);
    kit.host("a.example", 0, 1);
    let ids = kit.submit_fresh(tasks(6, "a.example", 50));
    assert_eq!(out(&kit, &ids), 1);
    kit.host("a.example", 0, 3);
    assert_eq!(out(&kit, &ids), 3);
    kit.host("a.example", 0, 1);
    let lease = kit.lease(ids[0]);
    kit.complete(lease.session, ids[0], 1);
    assert_eq!(out(&kit, &ids), 2, "nothing more until it is below the new bound");
    kit.host("a.example", 60_000, 0);
    assert_eq!(out(&kit, &ids), 2, "the last hand-out was just now");
    kit.host("a.example", 0, 0);
    assert_eq!(out(&kit, &ids), 4);
}

#[test]
fn the_view_of_a_host_tells_policy_running_and_cool_down() {
    let mut kit = workers(2);
    kit.host("a.example", 0, 5);
    let ids = kit.submit_fresh(tasks(2, "a.example", 50));
    let lease = kit.lease(ids[0]);
    kit.fail(lease.session, ids[0], 1, ErrorType::Throttled);
    let Reply::Host(view) = kit.ask(Input::Query(Query::Host("a.example".into()))).unwrap() else { panic!() };
    assert_eq!((view.min_interval_ms, view.max_concurrency, view.running), (0, 5, 1));
    assert_eq!(view.cooldown_until, Some(kit.now + seconds(2)));
    let Reply::Host(view) = kit.ask(Input::Query(Query::Host("b.example".into()))).unwrap() else { panic!() };
    assert_eq!((view.min_interval_ms, view.max_concurrency, view.running), (0, 0, 0));
    assert_eq!(view.cooldown_until, None);
}

#[test]
fn a_cool_down_survives_a_takeover() {
    let mut kit = workers(1);
    let ids = kit.submit_fresh(tasks(1, "a.example", 50));
    let lease = kit.lease(ids[0]);
    kit.fail(lease.session, ids[0], 1, ErrorType::Throttled);
    kit.take_over();
    kit.connect(lease.worker, Some(Vec::new()));
    assert_eq!(cool_down(&mut kit, "a.example"), Some(2));
    assert_eq!(kit.place_word(ids[0]), "ready");
    kit.pass(seconds(2));
    assert_eq!(kit.place_word(ids[0]), "leased");
}
