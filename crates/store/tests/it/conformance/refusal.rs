//! A commit that doesn't fit the rows is refused whole, and says what didn't fit.

use super::{Made, commit, lead, refused};
use crate::kit::World;
use std::time::Duration;
use ukai_domain::scheduler::{Commit, IdempotencyKey, IdempotencyRow, Move, PlaceName};
use ukai_domain::{Counts, EventRow, JobId, TaskId};

/// What the world would commit after `change`, without the world having changed.
fn draft(world: &World, change: impl FnOnce(&mut World)) -> Commit {
    let mut copy = world.clone();
    change(&mut copy);
    copy.take().as_ref().clone()
}

async fn three(made: &Made) -> (World, [TaskId; 3]) {
    let mut world = lead(made, 1).await;
    let job = *world.jobs.keys().next().unwrap();
    let worker = *world.workers.keys().next().unwrap();
    let later = world.now + Duration::from_secs(9);
    let tasks = [None, None, Some(later)].map(|at| world.submit(job, "a.example", 50, at));
    commit(made, &mut world).await;
    world.hand_out(tasks[1], worker);
    commit(made, &mut world).await;
    (world, tasks)
}

/// A task that isn't where the commit says: from every place, to every place.
pub(crate) async fn row_counts(made: Made) {
    let (world, tasks) = three(&made).await;
    let places = [PlaceName::Ready, PlaceName::Leased, PlaceName::Delayed, PlaceName::Done];
    for (task, actual) in tasks.into_iter().zip([PlaceName::Ready, PlaceName::Leased, PlaceName::Delayed]) {
        let mut cancelled = world.clone();
        cancelled.cancel(task);
        for wrong in places.into_iter().filter(|p| *p != actual) {
            // To where it is, and to where no row is in the way.
            for to in [&world, &cancelled].map(|w| w.places[&task].clone()) {
                // Whatever else is in the commit is not written either.
                let mut commit = draft(&world, |w| {
                    w.random(10);
                });
                commit.moves = vec![Move { task, from: Some(wrong), to: Some(to) }];
                commit.tasks.clear();
                commit.runs.clear();
                let text = refused(&made, &world, commit).await;
                assert!(text.contains(&task.to_string()), "{text}");
            }
        }
    }
}

/// Rows that are there already, and rows that never were.
pub(crate) async fn duplicates(made: Made) {
    let (world, tasks) = three(&made).await;
    let body = world.places[&tasks[0]].body().clone();

    let mut twice = draft(&world, |_| {});
    twice.tasks = vec![body.clone()];
    refused(&made, &world, twice).await;

    let mut again = draft(&world, |_| {});
    again.moves = vec![Move { task: tasks[0], from: None, to: Some(world.places[&tasks[0]].clone()) }];
    let text = refused(&made, &world, again).await;
    assert!(text.contains(&tasks[0].to_string()), "{text}");

    let mut run_twice = draft(&world, |w| w.complete(tasks[1]));
    run_twice.runs.push(run_twice.runs[0].clone());
    refused(&made, &world, run_twice).await;

    let mut event_twice = draft(&world, |w| w.cancel(tasks[0]));
    event_twice.events = vec![EventRow { first: 1, ..event_twice.events[0].clone() }];
    refused(&made, &world, event_twice).await;

    let mut no_event = draft(&world, |w| w.cancel(tasks[0]));
    no_event.events[0].events.clear();
    refused(&made, &world, no_event).await;

    let mut unknown_job = draft(&world, |_| {});
    unknown_job.deleted_jobs = vec![JobId::parse("01890000-0000-7000-8000-000000000000").unwrap()];
    unknown_job.counts = vec![(JobId::NIL, Counts { ready: 1, ..Counts::default() })];
    refused(&made, &world, unknown_job).await;

    let mut unknown_worker = draft(&world, |w| {
        w.worker("new");
    });
    unknown_worker.deleted_workers = vec![ukai_domain::WorkerId::NIL];
    refused(&made, &world, unknown_worker).await;
}

/// Only what has ended is purged.
pub(crate) async fn purges(made: Made) {
    let (world, tasks) = three(&made).await;
    for (task, from) in tasks.into_iter().zip([PlaceName::Ready, PlaceName::Leased, PlaceName::Delayed]) {
        for from in [Some(from), Some(PlaceName::Done), None] {
            let mut commit = draft(&world, |_| {});
            commit.moves = vec![Move { task, from, to: None }];
            refused(&made, &world, commit).await;
        }
    }
}

/// A move whose row is another task's; a number that no store can keep.
pub(crate) async fn wrong_names(made: Made) {
    let (world, tasks) = three(&made).await;
    let mut swapped = draft(&world, |w| w.cancel(tasks[0]));
    swapped.moves[0].task = tasks[1];
    refused(&made, &world, swapped).await;
    let mut large = draft(&world, |w| w.cancel(tasks[0]));
    large.last_event = u64::MAX;
    refused(&made, &world, large).await;
}

/// A remembered reply is not overwritten within its day.
pub(crate) async fn remembered_reply(made: Made) {
    let mut world = lead(&made, 2).await;
    let key = IdempotencyKey {
        principal: "p".to_owned(),
        route: "POST /api/tasks".to_owned(),
        key: "k".to_owned(),
        body_hash: "aa".to_owned(),
    };
    let row = IdempotencyRow { key: key.clone(), reply: "{}".to_owned(), at: world.now };
    world.remember(row.clone());
    commit(&made, &mut world).await;
    let other_body = IdempotencyKey { body_hash: "bb".to_owned(), ..key };
    let later = IdempotencyRow { key: other_body.clone(), reply: "[]".to_owned(), at: world.now };
    let commit_later = draft(&world, |w| w.remember(later.clone()));
    refused(&made, &world, commit_later).await;
    // A day later the key is free again.
    let next_day = IdempotencyRow { at: row.at + Duration::from_secs(86_400), ..later };
    world.replies.clear();
    world.remember(next_day);
    commit(&made, &mut world).await;
    crate::kit::assert_same(&*made.store, &world).await;
}
