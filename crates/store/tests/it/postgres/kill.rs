//! kill -9 of the whole server in the middle of commits: what was acknowledged is there after its restart, nothing is
//! there in part, and the same store goes on by itself with the commit whose outcome it doesn't know.

use super::connect;
use crate::conformance::LEASE;
use crate::kit::{World, assert_same};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use ukai_domain::scheduler::Commit;
use ukai_store::postgres::PostgresStore;
use ukai_store::{Applied, CommitError, Store};
use ukai_testkit::postgres::{Cluster, Disk};

/// Kills: a third before the end of a commit, a third right behind it, a third at any moment.
const KILLS: usize = if cfg!(feature = "long-tests") { 120 } else { 9 };
/// A server is back after less than a second.
const BACK: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_was_acknowledged_survives_the_server() {
    let cluster = Arc::new(Mutex::new(Cluster::start(Disk::Waits).unwrap()));
    let url = cluster.lock().unwrap().url("postgres");
    let store = connect(&url).await;
    let mut world = World::new(77);
    world.epoch = store.take_over("one", LEASE).await.unwrap().unwrap().epoch;
    world.found();
    assert_eq!(store.commit(world.take()).await.unwrap(), Applied::Now);
    let armed = Arc::new(AtomicBool::new(false));
    let (mut before, mut now) = (0, 0);
    for kill in 0..KILLS {
        for _ in 0..world.dice(4) {
            world.random(25);
            assert_eq!(store.commit(world.take()).await.unwrap(), Applied::Now);
        }
        world.random(40);
        let commit = world.take();
        let outcome = match kill % 3 {
            0 => at_point(&store, &cluster, &armed, "postgres-before-commit", &commit).await,
            1 => at_point(&store, &cluster, &armed, "postgres-committed", &commit).await,
            _ => at_any_moment(&store, &cluster, &commit, world.dice(4_000)).await,
        };
        match (&outcome, kill % 3) {
            (Ok(Applied::Now), 1 | 2) | (Err(CommitError::Unavailable(_)), 0 | 2) => {}
            other => panic!("{other:?}"),
        }
        cluster.lock().unwrap().restart().unwrap();
        let applied = again(&store, &commit).await;
        assert!(outcome.is_err() || applied == Applied::Before, "an acknowledged commit was lost");
        assert!(kill % 3 != 0 || applied == Applied::Now, "a commit was there before its end");
        *(if applied == Applied::Now { &mut now } else { &mut before }) += 1;
        assert_same(&*store, &world).await;
    }
    assert!(now >= KILLS / 3 && before >= KILLS / 3, "{now} were written again, {before} were there");
}

/// Kills the server while the commit is at the point.
async fn at_point(
    store: &PostgresStore,
    cluster: &Arc<Mutex<Cluster>>,
    armed: &Arc<AtomicBool>,
    point: &str,
    commit: &Arc<Commit>,
) -> Result<Applied, CommitError> {
    armed.store(true, Ordering::SeqCst);
    // Other tests of this process pass the point too.
    let (mine, cluster, armed) = (std::thread::current().id(), Arc::clone(cluster), Arc::clone(armed));
    fail::cfg_callback(point, move || {
        if std::thread::current().id() == mine && armed.swap(false, Ordering::SeqCst) {
            cluster.lock().unwrap().kill().unwrap();
        }
    })
    .unwrap();
    let outcome = store.commit(Arc::clone(commit)).await;
    fail::remove(point);
    outcome
}

/// Kills the server some time after the commit was begun.
async fn at_any_moment(
    store: &PostgresStore,
    cluster: &Arc<Mutex<Cluster>>,
    commit: &Arc<Commit>,
    micros: usize,
) -> Result<Applied, CommitError> {
    let cluster = Arc::clone(cluster);
    let begin = Instant::now();
    let killer = std::thread::spawn(move || {
        while begin.elapsed() < Duration::from_micros(micros as u64) {
            std::hint::spin_loop();
        }
        cluster.lock().unwrap().kill().unwrap();
    });
    let outcome = store.commit(Arc::clone(commit)).await;
    killer.join().unwrap();
    outcome
}

/// The same commit until it is in.
async fn again(store: &PostgresStore, commit: &Arc<Commit>) -> Applied {
    let begin = Instant::now();
    loop {
        match store.commit(Arc::clone(commit)).await {
            Ok(applied) => return applied,
            Err(CommitError::Unavailable(error)) => {
                assert!(begin.elapsed() < BACK, "not back: {error}");
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}
