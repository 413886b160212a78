//! The log: every number once, from any number on.

use super::{Made, commit, lead};
use crate::kit::assert_same;
use std::time::Duration;
use ukai_store::{EventFilter, EventPage};

async fn filled(made: &Made) -> crate::kit::World {
    let mut world = lead(made, 11).await;
    for _ in 0..40 {
        world.random(25);
        commit(made, &mut world).await;
    }
    world
}

/// From every number: the rows that reach beyond it, without a gap, to the last.
pub(crate) async fn replays(made: Made) {
    let world = filled(&made).await;
    let mut next = 1;
    for row in &world.events {
        assert_eq!(row.first, next);
        next = row.last() + 1;
    }
    assert_eq!(next, world.last_event + 1);
    for since in
        (0..40).chain((40..world.last_event).step_by(17)).chain(world.last_event - 3..world.last_event + 3)
    {
        let filter = EventFilter { job: None, since, limit: 1_000_000 };
        let EventPage { rows, oldest, last } = made.store.events(filter).await.unwrap();
        assert_eq!((oldest, last), (1, world.last_event));
        let want: Vec<_> = world.events.iter().filter(|r| r.last() > since).cloned().collect();
        assert_eq!(rows, want, "since {since}");
    }
}

/// A job's log, page by page.
pub(crate) async fn of_one_job(made: Made) {
    let world = filled(&made).await;
    for job in world.jobs.keys() {
        let want: Vec<_> = world.events.iter().filter(|r| r.job == *job).cloned().collect();
        let (mut since, mut all) = (0, Vec::new());
        loop {
            let rows =
                made.store.events(EventFilter { job: Some(*job), since, limit: 7 }).await.unwrap().rows;
            let Some(last) = rows.last() else { break };
            since = last.last();
            all.extend(rows);
        }
        assert_eq!(all, want);
    }
}

/// A page ends with the row that fills it.
pub(crate) async fn whole_rows(made: Made) {
    let world = filled(&made).await;
    for limit in [1, 2, 10, 100] {
        let filter = EventFilter { job: None, since: 3, limit };
        let EventPage { rows, last, .. } = made.store.events(filter).await.unwrap();
        assert_eq!(last, world.last_event);
        let events: usize = rows.iter().map(|r| r.events.len()).sum();
        let without_last = events - rows.last().unwrap().events.len();
        assert!(events >= limit as usize && without_last < limit as usize, "{events} for {limit}");
    }
    let none = made.store.events(EventFilter { job: None, since: 0, limit: 0 }).await.unwrap();
    assert!(none.rows.is_empty());
}

/// What is old goes, from the front; what is left is read as before, of all and by job, and the log goes on.
pub(crate) async fn forgotten_by_age(made: Made) {
    let mut world = filled(&made).await;
    let young = world.now + Duration::from_secs(86_400);
    let old = world.events.len();
    assert!(old > 250, "more than a step's rows: {old}");
    world.now = young;
    for _ in 0..3 {
        world.random(25);
        commit(&made, &mut world).await;
    }
    assert!(world.events.len() > old + 2);
    let first_young = world.events[old].at;
    made.store.forget_events(world.epoch, first_young).await.unwrap();
    world.events.drain(..old);
    assert_same(&*made.store, &world).await;
    for job in world.jobs.keys() {
        let filter = EventFilter { job: Some(*job), since: 0, limit: u32::MAX };
        let want: Vec<_> = world.events.iter().filter(|row| row.job == *job).cloned().collect();
        assert_eq!(made.store.events(filter).await.unwrap().rows, want);
    }
    // All of them are old some day; the newest says where the log goes on.
    made.store.forget_events(world.epoch, world.now + Duration::from_secs(1)).await.unwrap();
    world.events.drain(..world.events.len() - 1);
    assert_same(&*made.store, &world).await;
    world.random(25);
    commit(&made, &mut world).await;
    assert_same(&*made.store, &world).await;
}
