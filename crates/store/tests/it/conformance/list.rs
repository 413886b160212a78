//! Lists of tasks: filters, pages, totals.

use super::{Made, commit, lead};
use crate::kit::{World, assert_same_lists, expected_row};
use ukai_domain::{DoneStatus, TaskId, Timestamp};
use ukai_store::{TaskFilter, TaskPage, TaskRow, TaskStatus};

async fn filled(made: &Made) -> World {
    let mut world = lead(made, 21).await;
    for _ in 0..60 {
        world.random(25);
        commit(made, &mut world).await;
    }
    world
}

fn wanted(world: &World, keep: impl Fn(&TaskRow) -> bool) -> Vec<TaskRow> {
    world.places.keys().rev().map(|id| expected_row(world, *id, false, false)).filter(|r| keep(r)).collect()
}

async fn page(made: &Made, filter: TaskFilter) -> TaskPage {
    made.store.tasks(filter).await.unwrap()
}

async fn whole(made: &Made, filter: TaskFilter, want: &[TaskRow]) {
    let page = page(made, TaskFilter { limit: 100_000, ..filter.clone() }).await;
    assert_eq!(page.items.len(), want.len(), "{filter:?}");
    assert_eq!(page.items, want, "{filter:?}");
    assert_eq!((page.total, page.total_is_estimate), (want.len() as u64, false), "{filter:?}");
}

/// Each status, each pair, all.
pub(crate) async fn by_status(made: Made) {
    let world = filled(&made).await;
    assert_same_lists(&*made.store, &world).await;
    for a in TaskStatus::ALL {
        for b in TaskStatus::ALL {
            let want = wanted(&world, |r| r.status == a || r.status == b);
            whole(&made, TaskFilter { status: vec![a, b], ..TaskFilter::default() }, &want).await;
        }
    }
    let want = wanted(&world, |_| true);
    whole(&made, TaskFilter { status: TaskStatus::ALL.to_vec(), ..TaskFilter::default() }, &want).await;
}

/// The live lease's worker, else the last run's; with every status and job.
pub(crate) async fn by_worker(made: Made) {
    let world = filled(&made).await;
    let mut seen = 0;
    for worker in world.workers.keys().copied() {
        let want = wanted(&world, |r| r.worker == Some(worker));
        seen += want.len();
        whole(&made, TaskFilter { worker: Some(worker), ..TaskFilter::default() }, &want).await;
        for status in TaskStatus::ALL {
            let want = wanted(&world, |r| r.worker == Some(worker) && r.status == status);
            let filter = TaskFilter { worker: Some(worker), status: vec![status], ..TaskFilter::default() };
            whole(&made, filter, &want).await;
        }
        for job in world.jobs.keys().copied() {
            let want = wanted(&world, |r| r.worker == Some(worker) && r.body.job == job);
            whole(&made, TaskFilter { worker: Some(worker), job: Some(job), ..TaskFilter::default() }, &want)
                .await;
        }
    }
    assert!(seen > 50, "{seen}");
}

/// A job's tasks, with every status.
pub(crate) async fn by_job(made: Made) {
    let world = filled(&made).await;
    for job in world.jobs.keys().copied() {
        let want = wanted(&world, |r| r.body.job == job);
        whole(&made, TaskFilter { job: Some(job), ..TaskFilter::default() }, &want).await;
        for status in TaskStatus::ALL {
            let want = wanted(&world, |r| r.body.job == job && r.status == status);
            let filter = TaskFilter { job: Some(job), status: vec![status], ..TaskFilter::default() };
            whole(&made, filter, &want).await;
        }
    }
}

/// Created at or after, and before.
pub(crate) async fn by_time(made: Made) {
    let world = filled(&made).await;
    let first = crate::kit::START;
    for (from, to) in [(0, 20), (10, 11), (30, 30), (55, 1_000), (-5, 3)] {
        let (from, to) = (Timestamp(first + from), Timestamp(first + to));
        let inside = |r: &TaskRow| r.body.created_at >= from && r.body.created_at < to;
        for status in TaskStatus::ALL.map(|s| vec![s]).into_iter().chain([vec![]]) {
            let want = wanted(&world, |r| inside(r) && (status.is_empty() || status.contains(&r.status)));
            let filter = TaskFilter { status, from: Some(from), to: Some(to), ..TaskFilter::default() };
            whole(&made, filter, &want).await;
        }
    }
}

/// By offset and by cursor the pages are the whole; the cursor leaves the total as it is.
pub(crate) async fn pages_and_cursor(made: Made) {
    let world = filled(&made).await;
    let worker = world.workers.keys().next().copied();
    let filters = [
        TaskFilter::default(),
        TaskFilter { status: vec![TaskStatus::Pending], ..TaskFilter::default() },
        TaskFilter { status: vec![TaskStatus::Done(DoneStatus::Completed)], ..TaskFilter::default() },
        TaskFilter {
            status: vec![TaskStatus::Done(DoneStatus::Failed), TaskStatus::Done(DoneStatus::Cancelled)],
            ..TaskFilter::default()
        },
        TaskFilter { worker, ..TaskFilter::default() },
    ];
    for filter in filters {
        let whole = page(&made, TaskFilter { limit: 100_000, ..filter.clone() }).await;
        assert!(whole.items.len() > 10, "{filter:?}");
        let (mut by_offset, mut by_cursor) = (Vec::new(), Vec::new());
        let mut before: Option<TaskId> = None;
        while by_offset.len() < whole.items.len() {
            let offset = by_offset.len() as u64;
            let one = page(&made, TaskFilter { offset, limit: 7, ..filter.clone() }).await;
            let two = page(&made, TaskFilter { before, offset: 5, limit: 7, ..filter.clone() }).await;
            if before.is_some() {
                assert_eq!(two.items, one.items);
            }
            assert_eq!((one.total, two.total), (whole.total, whole.total));
            before = one.items.last().map(|r| r.body.id);
            by_offset.extend(one.items.clone());
            by_cursor.extend(one.items);
        }
        assert_eq!(by_offset, whole.items);
        assert_eq!(by_cursor, whole.items);
    }
    let rows =
        page(&made, TaskFilter { with_result: true, limit: 1_000, ..TaskFilter::default() }).await.items;
    for row in rows {
        assert_eq!(row, expected_row(&world, row.body.id, false, true));
    }
}

/// 10,000 is counted, 10,001 is said to be more.
pub(crate) async fn totals_are_exact_to_ten_thousand(made: Made) {
    let mut world = lead(&made, 22).await;
    let job = *world.jobs.keys().next().unwrap();
    for _ in 0..10 {
        for _ in 0..1_000 {
            world.submit(job, "a.example", 50, None);
        }
        commit(&made, &mut world).await;
    }
    for status in [vec![], vec![TaskStatus::Pending]] {
        let filter = TaskFilter { status, limit: 1, ..TaskFilter::default() };
        let exact = page(&made, filter).await;
        assert_eq!((exact.total, exact.total_is_estimate, exact.items.len()), (10_000, false, 1));
    }
    world.submit(job, "a.example", 50, None);
    commit(&made, &mut world).await;
    for filter in [TaskFilter::default(), TaskFilter { job: Some(job), ..TaskFilter::default() }] {
        let more = page(&made, TaskFilter { limit: 1, ..filter }).await;
        assert_eq!((more.total, more.total_is_estimate), (10_000, true));
    }
}
