//! What operators see: the queue's balance, workers' states.

use crate::kit::{Kit, completed, seconds, task, tasks};
use ukai_domain::scheduler::{Input, Query, Reply};
use ukai_domain::{Code, ReportedStatus, Run, WorkerId};

#[test]
fn the_queue_shows_the_balance_overall_and_by_job() {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let (first, second) = (kit.job(1), kit.job(1));
    let mut new = tasks(4, "a.example", 50);
    new[3].not_before = Some(kit.now + seconds(60));
    let began = kit.now;
    let ids = kit.submit(first, new);
    kit.complete(session, ids[0], 1);
    kit.pass(seconds(7));
    let mut other = tasks(2, "b.example", 90);
    other[1].kind = "ocr".into();
    kit.submit(second, other);
    let view = kit.queue();
    let total = view.total;
    assert_eq!((total.submitted, total.ready, total.delayed, total.leased), (6, 3, 1, 1));
    assert_eq!((total.completed, total.items), (1, 1));
    assert!(total.balanced());
    let of = |job| view.jobs.iter().find(|(id, _, _)| *id == job).unwrap().2;
    assert_eq!((of(first).submitted, of(second).submitted), (4, 2));
    assert_eq!(view.depth, [("ocr".to_owned(), 1), ("scrape".to_owned(), 2)]);
    assert_eq!(view.oldest_ready, Some(began));
    assert_eq!((view.workers, view.slots, view.free_slots), (1, 1, 0));
    kit.take_over();
    assert_eq!(kit.queue().total, total);
}

#[test]
fn an_empty_queue_is_empty() {
    let mut kit = Kit::new();
    let view = kit.queue();
    assert_eq!(view, ukai_domain::scheduler::QueueView::default());
}

#[test]
fn a_worker_is_disconnected_idle_busy_or_blocked() {
    let mut kit = Kit::new();
    let worker = kit.worker();
    let status = |kit: &mut Kit| (kit.view(worker).status, kit.view(worker).connected);
    assert_eq!(status(&mut kit), ("disconnected".to_owned(), false));
    let session = kit.connect(worker, Some(Vec::new()));
    assert_eq!(status(&mut kit), ("idle".to_owned(), true));
    let id = kit.one(task("a.example", 50));
    assert_eq!(status(&mut kit), ("busy".to_owned(), true));
    assert_eq!(kit.view(worker).current_tasks, [id]);
    kit.report(session, id, None, completed());
    assert_eq!(status(&mut kit), ("idle".to_owned(), true));
    kit.beat(session, ReportedStatus::Busy, None);
    assert_eq!(status(&mut kit), ("busy".to_owned(), true), "in its pause, as it says itself");
    kit.beat(session, ReportedStatus::Blocked, None);
    assert_eq!(status(&mut kit), ("blocked".to_owned(), true));
    kit.disconnect(session);
    assert_eq!(status(&mut kit), ("disconnected".to_owned(), false));
}

#[test]
fn what_a_worker_cannot_do_stands_on_its_page_until_it_completes_a_page() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let message = "HEADFUL_UNAVAILABLE: no display".to_owned();
    kit.ask(Input::WorkerError { session, message: message.clone() }).unwrap();
    assert_eq!(kit.view(worker).last_error, Some(message));
    let id = kit.one(task("a.example", 50));
    kit.complete(session, id, 1);
    assert_eq!(kit.view(worker).last_error, None);
}

#[test]
fn workers_come_newest_first_in_pages() {
    let mut kit = Kit::new();
    let all: Vec<WorkerId> = (0..5).map(|_| kit.worker()).collect();
    let page = |kit: &mut Kit, page, limit| match kit.ask(Input::Query(Query::Workers { page, limit })) {
        Ok(Reply::Workers(views, total)) => {
            assert_eq!(total, 5);
            views.iter().map(|view| view.row.id).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(page(&mut kit, 1, 2), [all[4], all[3]]);
    assert_eq!(page(&mut kit, 3, 2), [all[0]]);
    assert_eq!(page(&mut kit, 4, 2), []);
    assert_eq!(page(&mut kit, 0, 0), []);
    assert_eq!(page(&mut kit, u32::MAX, u32::MAX), []);
    assert_eq!(kit.code(Input::Query(Query::Worker(WorkerId::NIL))), Some(Code::WorkerNotFound));
}

#[test]
fn a_run_is_held_by_one_worker_while_it_is_under_way() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let other = kit.worker();
    let id = kit.one(task("a.example", 50));
    let holds = |kit: &mut Kit, run: u32, worker: WorkerId, enrolled: bool| {
        let query = Query::Holds { task: id, run: Run(run), worker, enrolled };
        kit.ask(Input::Query(query)).map(|_| ()).map_err(|rejection| rejection.code)
    };
    assert_eq!(holds(&mut kit, 1, worker, false), Ok(()));
    assert_eq!(holds(&mut kit, 1, worker, true), Err(Code::Forbidden), "it has a token of its own");
    assert_eq!(holds(&mut kit, 1, other, false), Err(Code::Forbidden));
    assert_eq!(holds(&mut kit, 1, WorkerId::NIL, false), Err(Code::Forbidden));
    for run in [0, 2] {
        assert_eq!(holds(&mut kit, run, worker, false), Err(Code::Conflict));
    }
    kit.report(session, id, None, completed());
    assert_eq!(holds(&mut kit, 1, worker, false), Err(Code::Conflict));
}
