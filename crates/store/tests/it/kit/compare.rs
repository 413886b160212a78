//! Everything that a store can tell, compared with the model.

use super::World;
use std::collections::BTreeMap;
use ukai_domain::scheduler::{
    DelayedNeed, EndedRun, ExpansionNeed, Needs, PlaceName, RangeKey, RangeNeed, WindowKey, WindowNeed,
};
use ukai_domain::{Outcome, Place, TaskId, Timestamp, Waiting};
use ukai_store::{EventFilter, Store, TaskFilter, TaskRow, TaskStatus};

const ALL: usize = 1_000_000;

/// The leader's reads: a load, and a prefetch of everything.
pub(crate) async fn assert_same(store: &dyn Store, world: &World) {
    assert_load(store, world).await;
    assert_prefetch(store, world).await;
    let log = store.events(EventFilter { job: None, since: 0, limit: u32::MAX }).await.expect("the log");
    assert_eq!(log.rows, world.events);
    assert_eq!((log.oldest, log.last), (world.events.first().map_or(1, |row| row.first), world.last_event));
    assert_eq!(store.total_counts().await.expect("counts"), world.total);
    assert!(world.total.balanced(), "{:?}", world.total);
}

async fn assert_load(store: &dyn Store, world: &World) {
    let mut loaded = store.load(world.epoch, ALL).await.expect("a load");
    assert_eq!(loaded.epoch, world.epoch);
    assert_eq!(loaded.last_event, world.last_event);
    assert_eq!(loaded.last_now.0, world.now.0 - 1, "the time of the last commit");
    let ids = world.places.keys().map(|t| t.0);
    let ids = ids.chain(world.jobs.keys().map(|j| j.0)).chain(world.workers.keys().map(|w| w.0));
    assert_eq!(loaded.last_id, ids.max().unwrap_or_default());
    loaded.jobs.sort_by_key(|(job, _)| job.id);
    let jobs: Vec<_> = world
        .jobs
        .values()
        .map(|job| (job.clone(), world.counts[&job.id]))
        .filter(|(job, counts)| {
            !job.status.is_terminal() || job.implicit || job.deleting || counts.open() > 0
        })
        .collect();
    assert_eq!(loaded.jobs, jobs);
    assert_eq!(loaded.total, world.total);
    let mut leases = Vec::new();
    let mut depth: BTreeMap<_, i64> = BTreeMap::new();
    for (_, rows) in windows(world) {
        *depth.entry(rows[0].body.lane.kind.clone()).or_default() += i64::try_from(rows.len()).unwrap();
    }
    for place in world.places.values() {
        if let Place::Leased(lease) = place {
            leases.push(lease.clone());
        }
    }
    loaded.leases.sort_by_key(|l| l.body.id);
    assert_eq!(loaded.leases, leases);
    loaded.ranges.sort();
    assert_eq!(loaded.ranges, ranges(world).into_keys().collect::<Vec<_>>());
    loaded.depth.sort();
    assert_eq!(loaded.depth, depth.into_iter().collect::<Vec<_>>());
    let delayed = loaded.delayed.expect("the timers");
    assert_eq!(delayed.rows, timers(world));
    assert!(!delayed.more);
    assert_eq!(loaded.workers, world.workers.values().cloned().collect::<Vec<_>>());
    loaded.lanes.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(loaded.lanes, world.lanes.values().cloned().collect::<Vec<_>>());
    loaded.hosts.sort_by(|a, b| a.host.cmp(&b.host));
    assert_eq!(loaded.hosts, world.hosts.values().cloned().collect::<Vec<_>>());
}

async fn assert_prefetch(store: &dyn Store, world: &World) {
    let (ranges, windows) = (ranges(world), windows(world));
    let needs = Needs {
        tasks: world.places.keys().copied().collect(),
        jobs: world.jobs.keys().copied().collect(),
        idempotency: world.replies.iter().map(|r| r.key.clone()).collect(),
        ranges: ranges
            .keys()
            .map(|key| RangeNeed { key: key.clone(), after: TaskId::NIL, limit: ALL })
            .collect(),
        windows: windows
            .keys()
            .map(|key| WindowNeed { key: key.clone(), after: TaskId::NIL, limit: ALL, looks: ALL })
            .collect(),
        delayed: Some(DelayedNeed { after: (Timestamp(0), TaskId::NIL), limit: ALL }),
        sweeps: Vec::new(),
        expansion: None,
        urls: world.urls.iter().copied().collect(),
        ahead: Vec::new(),
    };
    let found = store.prefetch(needs).await.expect("a prefetch");
    assert_eq!(found.tasks.len(), world.places.len());
    for (id, cold) in &found.tasks {
        assert_eq!(&cold.place, &world.places[id]);
        let runs = world.runs.get(id).map_or(&[][..], |r| r);
        let ended = |r: &ukai_domain::RunRow| EndedRun { run: r.run, worker: r.worker, outcome: r.outcome };
        assert_eq!(cold.runs, runs.iter().map(ended).collect::<Vec<_>>());
    }
    assert_eq!(found.jobs.len(), world.jobs.len());
    for (id, (job, counts)) in &found.jobs {
        assert_eq!((job, counts), (&world.jobs[id], &world.counts[id]));
    }
    assert_eq!(found.idempotency, world.replies);
    assert_eq!((found.ranges.len(), found.windows.len()), (ranges.len(), windows.len()));
    for (rows, (key, want)) in found.ranges.iter().zip(ranges) {
        assert_eq!((&rows.key, &rows.rows, rows.more), (&key, &want, false));
    }
    for (rows, (key, want)) in found.windows.iter().zip(windows) {
        assert_eq!((&rows.key, &rows.rows, rows.rest), (&key, &want, None));
    }
    assert_eq!(found.delayed.expect("the timers").rows, timers(world));
    assert_eq!(found.urls, world.urls);
    for job in world.jobs.keys().copied() {
        let needs = Needs {
            expansion: Some(ExpansionNeed { job, after: TaskId::NIL, links: ALL }),
            ..Needs::default()
        };
        let found = store.prefetch(needs).await.expect("a prefetch").expansion;
        let want = world.expansions.values().filter(|e| e.job == job).cloned().collect();
        assert_eq!(found, Some((job, want)));
    }
}

/// Single tasks and lists by every status.
pub(crate) async fn assert_same_lists(store: &dyn Store, world: &World) {
    for id in world.places.keys() {
        let row = store.task(*id).await.expect("a read");
        assert_eq!(row, Some(expected_row(world, *id, true, true)));
    }
    for status in TaskStatus::ALL.map(Some).into_iter().chain([None]) {
        let filter =
            TaskFilter { status: status.into_iter().collect(), limit: 10_000, ..TaskFilter::default() };
        let page = store.tasks(filter).await.expect("a page");
        let want: Vec<TaskRow> = world
            .places
            .keys()
            .rev()
            .map(|id| expected_row(world, *id, false, false))
            .filter(|row| status.is_none_or(|s| s == row.status))
            .collect();
        assert_eq!(page.total, want.len() as u64, "{status:?}");
        assert_eq!(page.items, want, "{status:?}");
    }
}

/// The row that the api must see.
pub(crate) fn expected_row(world: &World, id: TaskId, with_runs: bool, with_result: bool) -> TaskRow {
    let place = &world.places[&id];
    let runs = world.runs.get(&id).cloned().unwrap_or_default();
    let last = runs.last().cloned();
    let mut row = TaskRow {
        body: place.body().as_ref().clone(),
        progress: place.progress(),
        status: TaskStatus::Pending,
        worker: last.as_ref().map(|r| r.worker),
        not_before: None,
        assigned_at: last.as_ref().map(|r| r.assigned_at),
        started_at: last.as_ref().and_then(|r| r.started_at),
        finished_at: None,
        deadline: None,
        result: None,
        error: last.as_ref().and_then(|r| r.error.clone()),
        runs: if with_runs { runs } else { Vec::new() },
    };
    match place {
        Place::Ready(_) => {}
        Place::Delayed(_, at) => row.not_before = Some(*at),
        Place::Leased(lease) => {
            row.status = if lease.started_at.is_some() { TaskStatus::Running } else { TaskStatus::Assigned };
            row.worker = Some(lease.worker);
            row.assigned_at = Some(lease.assigned_at);
            row.started_at = lease.started_at;
            row.deadline = Some(lease.deadline);
            row.error = None;
        }
        Place::Done(done) => {
            row.status = TaskStatus::Done(done.status);
            row.finished_at = Some(done.finished_at);
            row.error = done.error.clone();
            if with_result {
                row.result = last.filter(|r| r.outcome == Outcome::Completed).and_then(|r| r.result);
            }
        }
    }
    row
}

/// Ready tasks by job, each in the order of ids: the windows of a job, merged.
fn ranges(world: &World) -> BTreeMap<RangeKey, Vec<Waiting>> {
    let mut ranges: BTreeMap<RangeKey, Vec<Waiting>> = BTreeMap::new();
    for (WindowKey { lane, priority, job }, rows) in windows(world) {
        ranges.entry(RangeKey { kind: lane.kind, priority, job }).or_default().extend(rows);
    }
    for rows in ranges.values_mut() {
        rows.sort_by_key(|w| w.body.id);
    }
    ranges
}

/// Ready tasks as windows, each in the order of ids.
fn windows(world: &World) -> BTreeMap<WindowKey, Vec<Waiting>> {
    let mut windows: BTreeMap<WindowKey, Vec<Waiting>> = BTreeMap::new();
    for place in world.places.values().filter(|p| p.name() == PlaceName::Ready) {
        let body = place.body();
        let key = WindowKey { lane: body.lane.clone(), priority: body.priority, job: body.job };
        let waiting = Waiting { body: body.clone(), progress: place.progress() };
        windows.entry(key).or_default().push(waiting);
    }
    windows
}

fn timers(world: &World) -> Vec<(Waiting, Timestamp)> {
    let mut timers: Vec<_> = world
        .places
        .values()
        .filter_map(|p| match p {
            Place::Delayed(waiting, at) => Some((waiting.clone(), *at)),
            _ => None,
        })
        .collect();
    timers.sort_by_key(|(w, at)| (*at, w.body.id));
    timers
}
