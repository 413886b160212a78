//! What a new leader finds.

use super::{Made, commit, lead};
use ukai_domain::{Job, JobId, JobKind, JobStatus, Place};

/// Never more timers than asked for.
pub(crate) async fn budgets(made: Made) {
    let mut world = lead(&made, 31).await;
    let job = *world.jobs.keys().next().unwrap();
    let later = world.now + std::time::Duration::from_secs(1);
    for n in 0..20 {
        for priority in [10, 50, 90] {
            world.submit(job, &format!("h{n}.example"), priority, None);
        }
        world.submit(job, "a.example", 50, Some(later));
    }
    commit(&made, &mut world).await;
    let loaded = made.store.load(world.epoch, 5).await.unwrap();
    let delayed = loaded.delayed.unwrap();
    assert_eq!((delayed.rows.len(), delayed.more), (5, true));
}

/// A store that never had a commit.
pub(crate) async fn empty(made: Made) {
    let leader = made.store.take_over("one", super::LEASE).await.unwrap().unwrap();
    let loaded = made.store.load(leader.epoch, 10).await.unwrap();
    assert_eq!((loaded.last_event, loaded.last_now.0, loaded.last_id), (0, 0, uuid::Uuid::nil()));
    assert!(loaded.jobs.is_empty() && loaded.ranges.is_empty() && loaded.leases.is_empty());
    assert_eq!(loaded.delayed.map(|d| (d.rows.len(), d.more)), Some((0, false)));
    assert_eq!(made.store.last_commit().await.unwrap(), None);
}

/// Ids that were derived from a name lie anywhere; the next dealt id follows the last dealt one.
pub(crate) async fn derived_ids_do_not_count(made: Made) {
    let mut world = lead(&made, 32).await;
    let last = world.workers.keys().next_back().unwrap().0;
    world.put_job(Job {
        id: JobId(uuid::Uuid::from_u128(u128::MAX << 64)),
        name: "of a key".to_owned(),
        kind: JobKind::Scrape,
        status: JobStatus::Pending,
        weight: 1,
        implicit: true,
        deleting: false,
        created_at: world.now,
        started_at: None,
        completed_at: None,
        error: None,
        crawl: None,
    });
    commit(&made, &mut world).await;
    assert_eq!(made.store.load(world.epoch, 1).await.unwrap().last_id, last);
}

/// Ended jobs are left out, unless something of them is open or they are being deleted.
pub(crate) async fn ended_jobs_stay_away(made: Made) {
    let mut world = lead(&made, 33).await;
    let jobs: Vec<_> = world.jobs.keys().copied().collect();
    let open = world.submit(jobs[1], "a.example", 50, None);
    for (n, id) in jobs.iter().enumerate() {
        let mut job = world.jobs[id].clone();
        job.status = JobStatus::Cancelled;
        job.completed_at = Some(world.now);
        job.error = Some("by an operator".to_owned());
        job.deleting = n == 2;
        world.put_job(job);
    }
    commit(&made, &mut world).await;
    let mut loaded: Vec<_> =
        made.store.load(world.epoch, 1).await.unwrap().jobs.into_iter().map(|(j, _)| j.id).collect();
    loaded.sort();
    assert_eq!(loaded, [jobs[1], jobs[2]]);
    crate::kit::assert_same(&*made.store, &world).await;
    assert!(matches!(world.places[&open], Place::Ready(_)));
}
