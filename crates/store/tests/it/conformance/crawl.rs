//! Links that wait to become tasks, and the pages that crawls have.

use super::{Made, commit, lead, refused};
use crate::kit::{World, assert_same, page};
use std::collections::BTreeSet;
use ukai_domain::scheduler::{Commit, ExpansionNeed, Needs};
use ukai_domain::{JobId, TaskId, UrlHash};

async fn two_jobs(made: &Made, seed: u64) -> (World, [JobId; 2]) {
    let mut world = lead(made, seed).await;
    let jobs: Vec<JobId> = world.jobs.keys().copied().take(2).collect();
    for job in &jobs {
        world.begin_crawl(*job);
    }
    commit(made, &mut world).await;
    (world, [jobs[0], jobs[1]])
}

async fn next(made: &Made, job: JobId, links: usize) -> Vec<TaskId> {
    next_after(made, job, TaskId::NIL, links).await
}

async fn next_after(made: &Made, job: JobId, after: TaskId, links: usize) -> Vec<TaskId> {
    let needs = Needs { expansion: Some(ExpansionNeed { job, after, links }), ..Needs::default() };
    let (own, found) = made.store.prefetch(needs).await.unwrap().expansion.expect("an answer");
    assert_eq!(own, job);
    found.into_iter().map(|expansion| expansion.task).collect()
}

/// Oldest page first, no more links than asked for, but one page at least.
pub(crate) async fn links_wait_in_order(made: Made) {
    let (mut world, [one, other]) = two_jobs(&made, 71).await;
    let tasks: Vec<TaskId> = [3, 1_000, 4, 5].map(|links| world.keep_links(one, links)).to_vec();
    let foreign = world.keep_links(other, 2);
    commit(&made, &mut world).await;
    assert_same(&*made.store, &world).await;
    for (links, want) in
        [(1, 1), (3, 1), (1_002, 1), (1_003, 2), (1_006, 2), (1_007, 3), (1_012, 4), (1_000_000, 4)]
    {
        assert_eq!(next(&made, one, links).await, tasks[..want], "{links}");
    }
    assert_eq!(next_after(&made, one, tasks[0], 5).await, tasks[1..2]);
    assert_eq!(next_after(&made, one, tasks[1], 9).await, tasks[2..]);
    assert!(next_after(&made, one, tasks[3], 9).await.is_empty());
    assert_eq!(next(&made, other, 2_000).await, [foreign]);
    assert!(next(&made, JobId::NIL, 2_000).await.is_empty());
    world.expand(one, tasks[0]);
    commit(&made, &mut world).await;
    assert_eq!(next(&made, one, 1).await, tasks[1..2]);
    assert_same(&*made.store, &world).await;
}

/// A page belongs to the job that has it alone.
pub(crate) async fn pages_are_known_by_job(made: Made) {
    let (mut world, [one, other]) = two_jobs(&made, 72).await;
    let pages: Vec<UrlHash> = (0..3_000).map(|n| page(&format!("https://a.example/{n}"))).collect();
    for page in &pages[..2_500] {
        world.take_page(one, *page);
    }
    world.take_page(other, pages[2_999]);
    commit(&made, &mut world).await;
    let urls = pages.iter().flat_map(|page| [(one, *page), (other, *page)]).collect();
    let found = made.store.prefetch(Needs { urls, ..Needs::default() }).await.unwrap().urls;
    let mut want: BTreeSet<_> = pages[..2_500].iter().map(|page| (one, *page)).collect();
    want.insert((other, pages[2_999]));
    assert_eq!(found, want);
}

/// A cancelled job's links go at once, a deleted one's pages with it.
pub(crate) async fn dropped_with_their_job(made: Made) {
    let (mut world, [one, other]) = two_jobs(&made, 73).await;
    let tasks: Vec<TaskId> = (1..4).map(|links| world.keep_links(one, links)).collect();
    world.keep_links(other, 5);
    world.take_page(one, page("https://a.example/"));
    world.take_page(other, page("https://a.example/"));
    commit(&made, &mut world).await;
    // One of them is expanded and the others dropped in the same commit; what comes behind stays.
    world.expand(one, tasks[0]);
    world.drop_links(one);
    commit(&made, &mut world).await;
    assert_same(&*made.store, &world).await;
    let late = world.keep_links(one, 1);
    commit(&made, &mut world).await;
    assert_eq!(next(&made, one, 9).await, [late]);
    world.drop_links(one);
    commit(&made, &mut world).await;
    world.delete_job(one);
    commit(&made, &mut world).await;
    assert_same(&*made.store, &world).await;
    let urls = vec![(one, page("https://a.example/")), (other, page("https://a.example/"))];
    let found = made.store.prefetch(Needs { urls: urls.clone(), ..Needs::default() }).await.unwrap().urls;
    assert_eq!(found, BTreeSet::from([urls[1]]));
}

/// What doesn't fit the rows changes nothing.
pub(crate) async fn wrong_links_are_refused(made: Made) {
    let (mut world, [one, other]) = two_jobs(&made, 74).await;
    let task = world.keep_links(one, 3);
    world.take_page(one, page("https://a.example/"));
    commit(&made, &mut world).await;
    let wrong = |change: &dyn Fn(&mut Commit)| {
        let mut copy = world.clone();
        copy.random(5);
        let mut commit = copy.take().as_ref().clone();
        // Nothing but what is wrong may touch the crawls.
        commit.expansions.clear();
        commit.expanded.clear();
        commit.dropped_expansions.clear();
        commit.urls.clear();
        change(&mut commit);
        commit
    };
    let known = world.expansions[&(one, task)].clone();
    for commit in [
        wrong(&|c| c.expansions = vec![known.clone()]),
        wrong(&|c| c.expanded = vec![(other, task)]),
        wrong(&|c| c.expanded = vec![(one, task), (one, task)]),
        wrong(&|c| c.dropped_expansions = vec![(one, 2)]),
        wrong(&|c| c.dropped_expansions = vec![(other, 1)]),
        wrong(&|c| c.urls = vec![(one, page("https://a.example/"))]),
        wrong(&|c| c.urls = vec![(other, page("https://b.example/")), (other, page("https://b.example/#x"))]),
        wrong(&|c| {
            c.deleted_jobs = vec![one];
            c.jobs.retain(|job| job.id != one);
        }),
    ] {
        refused(&made, &world, commit).await;
    }
}
