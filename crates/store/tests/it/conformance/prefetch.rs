//! The cold rows of a step.

use super::{Made, commit, lead};
use std::collections::BTreeSet;
use std::time::Duration;
use ukai_domain::scheduler::{
    DelayedNeed, IdempotencyKey, Needs, RangeKey, RangeNeed, SweepNeed, SweepPlace, WindowKey, WindowNeed,
};
use ukai_domain::{JobId, LaneKey, Place, TaskId, Timestamp};

/// A job from any row on, over all its hosts, with word of what lies behind.
pub(crate) async fn ranges_page(made: Made) {
    let mut world = lead(&made, 46).await;
    let jobs: Vec<JobId> = world.jobs.keys().copied().take(2).collect();
    for n in 0..30 {
        world.submit(jobs[0], ["b.example", "a.example", "c.example"][n % 3], 50, None);
        world.submit(jobs[1], "a.example", 50, None);
        world.submit(jobs[0], "a.example", 51, None);
    }
    commit(&made, &mut world).await;
    let key = RangeKey { kind: "scrape".into(), priority: 50, job: jobs[0] };
    let all: Vec<TaskId> = world
        .places
        .values()
        .filter(|p| matches!(p, Place::Ready(_)))
        .map(Place::body)
        .filter(|b| b.lane.kind == key.kind && b.priority == 50 && b.job == key.job)
        .map(|b| b.id)
        .collect();
    let (mut after, mut found) = (TaskId::NIL, Vec::new());
    loop {
        let missing = RangeKey { job: JobId::NIL, ..key.clone() };
        let ranges = vec![
            RangeNeed { key: missing, after: TaskId::NIL, limit: 4 },
            RangeNeed { key: key.clone(), after, limit: 4 },
        ];
        let mut rows = made.store.prefetch(Needs { ranges, ..Needs::default() }).await.unwrap().ranges;
        assert_eq!((rows[0].rows.len(), rows[0].more), (0, false));
        let page = rows.remove(1);
        assert_eq!(page.key, key);
        assert!(page.rows.iter().all(|w| *w.body == **world.places[&w.body.id].body()));
        found.extend(page.rows.iter().map(|w| w.body.id));
        after = *found.last().unwrap();
        assert_eq!(page.more, found.len() < all.len());
        if !page.more {
            break;
        }
    }
    assert_eq!(found, all);
    let none = Needs { ranges: vec![RangeNeed { key, after: TaskId::NIL, limit: 0 }], ..Needs::default() };
    let none = made.store.prefetch(none).await.unwrap().ranges;
    assert!(none[0].rows.is_empty() && none[0].more);
}

/// A window from any row on, with word of what lies behind.
pub(crate) async fn windows_page(made: Made) {
    let mut world = lead(&made, 41).await;
    let job = *world.jobs.keys().next().unwrap();
    for _ in 0..30 {
        world.submit(job, "a.example", 50, None);
        world.submit(job, "b.example", 50, None);
        world.submit(job, "a.example", 51, None);
    }
    commit(&made, &mut world).await;
    let key =
        WindowKey { lane: LaneKey { kind: "scrape".into(), host: "a.example".into() }, priority: 50, job };
    let all: Vec<TaskId> = world
        .places
        .values()
        .map(Place::body)
        .filter(|b| b.lane == key.lane && b.priority == 50)
        .map(|b| b.id)
        .collect();
    let (mut after, mut found) = (TaskId::NIL, Vec::new());
    loop {
        let missing = WindowKey { job: JobId::NIL, ..key.clone() };
        let windows = vec![
            WindowNeed { key: missing, after: TaskId::NIL, limit: 4, looks: 100 },
            WindowNeed { key: key.clone(), after, limit: 4, looks: 100 },
        ];
        let mut rows = made.store.prefetch(Needs { windows, ..Needs::default() }).await.unwrap().windows;
        assert_eq!((rows[0].rows.len(), rows[0].rest), (0, None));
        let page = rows.remove(1);
        assert_eq!(page.key, key);
        found.extend(page.rows.iter().map(|w| w.body.id));
        after = *found.last().unwrap();
        assert_eq!(page.rest, (found.len() < all.len()).then_some(after));
        if page.rest.is_none() {
            break;
        }
    }
    assert_eq!(found, all);
    let none = Needs { windows: vec![WindowNeed { key, after, limit: 0, looks: 100 }], ..Needs::default() };
    assert!(made.store.prefetch(none).await.unwrap().windows[0].rows.is_empty());
}

/// A window whose rows lie far apart among those of others: no reading looks at more rows than it is told to.
pub(crate) async fn windows_read_in_parts(made: Made) {
    let mut world = lead(&made, 44).await;
    let job = *world.jobs.keys().next().unwrap();
    for n in 0..90 {
        let host = if [0, 1, 2, 3, 4, 30, 34, 62].contains(&n) { "a.example" } else { "b.example" };
        world.submit(job, host, 50, None);
    }
    commit(&made, &mut world).await;
    let key =
        WindowKey { lane: LaneKey { kind: "scrape".into(), host: "a.example".into() }, priority: 50, job };
    let bodies = world.places.values().map(Place::body);
    let of_range = bodies.filter(|b| b.job == job && b.priority == 50 && b.lane.kind == key.lane.kind);
    let range: Vec<(TaskId, bool)> = of_range.map(|b| (b.id, b.lane == key.lane)).collect();
    for (limit, looks) in [(3, 5), (5, 5), (4, 7), (0, 7), (1, 1), (3, 0), (100, 8), (100, 90), (100, 91)] {
        for at in 0..range.len() {
            let after = if at == 0 { TaskId::NIL } else { range[at - 1].0 };
            let looked = &range[at..range.len().min(at + looks.max(1))];
            let own: Vec<TaskId> = looked.iter().filter(|(_, own)| *own).map(|(id, _)| *id).collect();
            let ids = &own[..own.len().min(limit)];
            let rest = match own.len() > limit {
                true => Some(ids.last().map_or(after, |id| *id)),
                false => looked.last().map(|(id, _)| *id).filter(|_| looked.len() == looks.max(1)),
            };
            let windows = vec![WindowNeed { key: key.clone(), after, limit, looks }];
            let found = made.store.prefetch(Needs { windows, ..Needs::default() }).await.unwrap().windows;
            assert_eq!(found[0].rows.iter().map(|w| w.body.id).collect::<Vec<_>>(), ids);
            assert_eq!(found[0].rest, rest, "from {at}, {limit} rows of {looks}");
        }
    }
}

/// Timers in their order, ties by id.
pub(crate) async fn timers_page(made: Made) {
    let mut world = lead(&made, 42).await;
    let job = *world.jobs.keys().next().unwrap();
    let mut want = Vec::new();
    for n in 0..20 {
        let at = world.now + Duration::from_millis(1_000 - n % 4);
        want.push((at, world.submit(job, "a.example", 50, Some(at))));
    }
    commit(&made, &mut world).await;
    want.sort();
    let (mut after, mut found) = ((Timestamp(0), TaskId::NIL), Vec::new());
    while found.len() < want.len() {
        let needs = Needs { delayed: Some(DelayedNeed { after, limit: 3 }), ..Needs::default() };
        let page = made.store.prefetch(needs).await.unwrap().delayed.unwrap();
        found.extend(page.rows.into_iter().map(|(w, at)| (at, w.body.id)));
        assert_eq!(page.more, found.len() < want.len());
        after = *found.last().unwrap();
    }
    assert_eq!(found, want);
}

/// What comes behind any row of a sweep, in their order.
async fn sweeps_from_anywhere(made: &Made, world: &crate::kit::World, job: JobId) {
    let of_job = world.places.values().filter(|p| p.body().job == job);
    let mut all: Vec<(SweepPlace, &Place)> = of_job.filter_map(|p| Some((SweepPlace::of(p)?, p))).collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let ranks: BTreeSet<u8> = all.iter().map(|(_, p)| p.body().priority).collect();
    assert!(ranks.len() > 1 && matches!(all.last(), Some((SweepPlace::Ended(_), _))));
    for ended_too in [false, true] {
        let rows: Vec<_> =
            all.iter().filter(|(at, _)| ended_too || !matches!(at, SweepPlace::Ended(_))).collect();
        for begin in 0..=rows.len() {
            let after = begin.checked_sub(1).map(|last| rows[last].0.clone());
            let sweeps = vec![SweepNeed { job, after, ended_too, limit: 5 }];
            let found = made.store.prefetch(Needs { sweeps, ..Needs::default() }).await.unwrap();
            let want: Vec<Place> = rows[begin..].iter().take(5).map(|(_, p)| (*p).clone()).collect();
            assert_eq!(found.sweeps, [(job, want)]);
        }
    }
}

/// Slices of a job's open tasks, then of its ended ones, until nothing is left; leased ones are no part of it.
pub(crate) async fn sweeps(made: Made) {
    let mut world = lead(&made, 43).await;
    let jobs: Vec<JobId> = world.jobs.keys().copied().collect();
    for _ in 0..40 {
        world.random(25);
        commit(&made, &mut world).await;
    }
    let job = jobs[0];
    let of = |world: &crate::kit::World, open: bool| {
        world
            .places
            .values()
            .filter(|p| p.body().job == job)
            .filter(|p| match p {
                Place::Ready(_) | Place::Delayed(..) => open,
                Place::Done(_) => !open,
                Place::Leased(_) => false,
            })
            .count()
    };
    assert!(of(&world, true) > 12 && of(&world, false) > 3);
    sweeps_from_anywhere(&made, &world, job).await;
    for ended_too in [false, true] {
        loop {
            let sweeps = vec![SweepNeed { job, after: None, ended_too, limit: 5 }];
            let found = made.store.prefetch(Needs { sweeps, ..Needs::default() }).await.unwrap();
            let (of_job, places) = &found.sweeps[0];
            assert_eq!(*of_job, job);
            let left = of(&world, true) + if ended_too { of(&world, false) } else { 0 };
            assert_eq!(places.len(), left.min(5));
            if places.is_empty() {
                break;
            }
            for place in places {
                let id = place.body().id;
                assert_eq!(*place, world.places[&id]);
                match place {
                    Place::Done(_) => world.purge(id),
                    Place::Ready(_) | Place::Delayed(..) => world.cancel(id),
                    Place::Leased(_) => panic!("a lease is not swept"),
                }
            }
            commit(&made, &mut world).await;
        }
    }
    crate::kit::assert_same(&*made.store, &world).await;
}

/// Higher priority, or the same and older, of the same kind.
pub(crate) async fn ahead(made: Made) {
    let mut world = lead(&made, 44).await;
    for _ in 0..30 {
        world.random(25);
        commit(&made, &mut world).await;
    }
    let ids: Vec<TaskId> = world.places.keys().copied().collect();
    let found = made.store.prefetch(Needs { ahead: ids.clone(), ..Needs::default() }).await.unwrap().ahead;
    for id in ids {
        let me = world.places[&id].body();
        let before =
            world.places.values().filter(|p| matches!(p, Place::Ready(_))).map(Place::body).filter(|b| {
                b.lane.kind == me.lane.kind
                    && (b.priority > me.priority || (b.priority == me.priority && b.id < me.id))
            });
        assert_eq!(found[&id], before.count() as u64);
    }
}

/// What isn't there is left out.
pub(crate) async fn unknown_ids(made: Made) {
    let world = lead(&made, 45).await;
    let nobody = TaskId(uuid::Uuid::from_u128(1));
    let key = IdempotencyKey {
        principal: String::new(),
        route: String::new(),
        key: String::new(),
        body_hash: String::new(),
    };
    let needs = Needs {
        tasks: vec![nobody],
        jobs: vec![JobId::NIL],
        idempotency: vec![key],
        sweeps: vec![SweepNeed { job: JobId::NIL, after: None, ended_too: true, limit: 5 }],
        ahead: vec![nobody],
        ..Needs::default()
    };
    let found = made.store.prefetch(needs).await.unwrap();
    assert!(
        found.tasks.is_empty()
            && found.jobs.is_empty()
            && found.idempotency.is_empty()
            && found.ahead.is_empty()
    );
    assert_eq!(found.sweeps, [(JobId::NIL, Vec::new())]);
    assert!(found.delayed.is_none());
    assert_eq!(world.n, 1);
}
