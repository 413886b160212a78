//! What every store must do, written against the seam alone.
//!
//! A store joins by `conformance!(make)` with `async fn make() -> Made` that gives a fresh, empty store.

pub(crate) mod artifact;
pub(crate) mod crawl;
pub(crate) mod event;
pub(crate) mod fence;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod moves;
pub(crate) mod others;
pub(crate) mod prefetch;
pub(crate) mod refusal;

use crate::kit::World;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use ukai_store::{Applied, CommitError, Store};

/// A fresh store, and what must live as long as it.
pub(crate) struct Made {
    pub(crate) store: Arc<dyn Store>,
    #[allow(dead_code, reason = "dropped after the store")]
    pub(crate) guard: Box<dyn Any + Send + Sync>,
}

pub(crate) const LEASE: Duration = Duration::from_secs(5);

/// Leads, with the first commit of a random world applied.
pub(crate) async fn lead(made: &Made, seed: u64) -> World {
    let mut world = World::new(seed);
    let leader = made.store.take_over("one", LEASE).await.expect("a store").expect("free");
    world.epoch = leader.epoch;
    world.found();
    commit(made, &mut world).await;
    world
}

/// Commits what the world has gathered.
pub(crate) async fn commit(made: &Made, world: &mut World) {
    let applied = made.store.commit(world.take()).await.expect("a commit");
    assert_eq!(applied, Applied::Now);
}

/// The refusal of what the world has gathered, which must have changed nothing.
pub(crate) async fn refused(made: &Made, world: &World, commit: ukai_domain::scheduler::Commit) -> String {
    let before = made.store.last_commit().await.expect("a read");
    let error = made.store.commit(Arc::new(commit)).await.expect_err("a refusal");
    let CommitError::Refused(text) = error else { panic!("not refused but: {error}") };
    assert_eq!(made.store.last_commit().await.expect("a read"), before);
    crate::kit::assert_same(&*made.store, world).await;
    text
}

macro_rules! conformance {
    ($make:ident) => {
        $crate::conformance::conformance!(@ $make =>
            moves: every_kind, in_place, random_commits_are_the_model, ended_and_back_in_one_step, few_at_a_time;
            fence: deposed, resend_is_applied_once, epochs, lease_ends, unheard_renewals, released, hand_over_to_itself, check;
            refusal: row_counts, duplicates, purges, wrong_names, remembered_reply;
            crawl: links_wait_in_order, pages_are_known_by_job, dropped_with_their_job, wrong_links_are_refused;
            event: replays, of_one_job, whole_rows, forgotten_by_age;
            list: by_status, by_worker, by_job, by_time, pages_and_cursor, totals_are_exact_to_ten_thousand;
            load: budgets, empty, derived_ids_do_not_count, ended_jobs_stay_away;
            prefetch: ranges_page, windows_page, windows_read_in_parts, timers_page, sweeps, ahead, unknown_ids;
            others: deleted_jobs_stay_in_the_total, api_keys, worker_tokens, forgetting, results_come_back_as_sent;
            artifact: put_once, of_a_task, named_hashes, forgotten_by_age, purged_with_the_task;
        );
    };
    (@ $make:ident => $($file:ident: $($test:ident),+;)+) => {
        $(mod $file {
            $(#[tokio::test]
            async fn $test() {
                $crate::conformance::$file::$test(super::$make().await).await;
            })+
        })+
    };
}
pub(crate) use conformance;
