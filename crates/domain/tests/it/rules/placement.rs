//! Which worker gets a task: capability, least recently used, free slots.

use crate::kit::{Kit, task, tasks};
use std::sync::Arc;
use ukai_domain::ErrorType;
use ukai_domain::scheduler::Reply;

#[test]
fn only_workers_with_the_capability_get_a_task() {
    let mut kit = Kit::new();
    let (plain, reader) = (kit.worker(), kit.worker());
    kit.open(plain, |_| {}).1.unwrap();
    let (reads, _) = kit.open(reader, |c| c.capabilities = vec!["ocr".into(), "match".into()]);
    let mut wanted = task("a.example", 50);
    wanted.kind = Arc::from("ocr");
    let ids = kit.submit_fresh(vec![wanted, task("a.example", 50)]);
    assert_eq!(kit.lease(ids[0]).session, reads);
    assert_eq!(kit.lease(ids[1]).worker, plain, "without a word of it a worker can scrape");
    assert_eq!(kit.view(reader).row.capabilities, ["ocr", "match"]);
}

#[test]
fn the_least_recently_used_worker_is_next() {
    let mut kit = Kit::new();
    let workers: Vec<_> = (0..3).map(|_| kit.connected().0).collect();
    let mut order = Vec::new();
    for _ in 0..6 {
        let id = kit.one(task("a.example", 50));
        let lease = kit.lease(id);
        order.push(lease.worker);
        kit.complete(lease.session, id, 1);
    }
    let first: Vec<_> = order[..3].to_vec();
    assert!(workers.iter().all(|w| first.contains(w)));
    assert_eq!(order[3..], first);
}

#[test]
fn a_worker_with_more_slots_holds_that_many_and_each_has_its_turn() {
    let mut kit = Kit::new();
    let (wide, narrow) = (kit.worker(), kit.worker());
    let (session, reply) = kit.open(wide, |c| c.capacity = 3);
    assert_eq!(reply, Ok(Reply::Registered(wide)));
    kit.open(narrow, |_| {}).1.unwrap();
    let ids = kit.submit_fresh(tasks(6, "a.example", 50));
    assert_eq!(kit.view(wide).current_tasks.len(), 3);
    assert_eq!(kit.view(narrow).current_tasks.len(), 1);
    assert_eq!(kit.queue().free_slots, 0);
    assert_eq!(kit.queue().slots, 4);
    let held = kit.view(wide).current_tasks;
    kit.complete(session, held[1], 1);
    assert_eq!(kit.view(wide).current_tasks.len(), 3, "one ended, one came");
    assert_eq!(ids.iter().filter(|id| kit.place_word(**id) == "leased").count(), 4);
}

#[test]
fn a_run_avoids_the_worker_that_failed_it_where_another_is_free() {
    let mut kit = Kit::new();
    kit.connected();
    let id = kit.one(task("a.example", 50));
    let first = kit.lease(id);
    kit.fail(first.session, id, 1, ErrorType::Network);
    kit.until_leased(id);
    assert_eq!(kit.lease(id).worker, first.worker, "there is no other");
    kit.fail(first.session, id, 2, ErrorType::Network);
    let (second, _) = kit.connected();
    kit.until_leased(id);
    assert_eq!(kit.lease(id).worker, second, "though the first is free too");
}

#[test]
fn a_step_that_may_not_hand_out_more_is_followed_by_one_that_does() {
    let settings = ukai_domain::Settings { max_handouts: 3, ..Default::default() };
    let mut kit = Kit::with(settings);
    for _ in 0..10 {
        kit.connected();
    }
    let ids = kit.submit_fresh(tasks(10, "a.example", 50));
    assert!(ids.iter().all(|id| kit.place_word(*id) == "leased"));
}
