//! The log: every number once, from any number on.

use super::{Made, commit, lead};
use ukai_store::EventFilter;

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
        let (rows, last) = made.store.events(filter).await.unwrap();
        assert_eq!(last, world.last_event);
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
            let (rows, _) =
                made.store.events(EventFilter { job: Some(*job), since, limit: 7 }).await.unwrap();
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
        let (rows, last) = made.store.events(EventFilter { job: None, since: 3, limit }).await.unwrap();
        assert_eq!(last, world.last_event);
        let events: usize = rows.iter().map(|r| r.events.len()).sum();
        let without_last = events - rows.last().unwrap().events.len();
        assert!(events >= limit as usize && without_last < limit as usize, "{events} for {limit}");
    }
    let (rows, _) = made.store.events(EventFilter { job: None, since: 0, limit: 0 }).await.unwrap();
    assert!(rows.is_empty());
}
