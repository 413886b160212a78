//! The write-ahead log under a load that never pauses: its size stays bounded.

use crate::conformance::{LEASE, Made, commit};
use crate::kit::{World, assert_same};
use ukai_store::sqlite::{Options, SqliteStore};

#[tokio::test]
async fn the_log_stays_small_under_steady_load() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { checkpoint_frames: 256, ..Options::default() };
    let store = SqliteStore::open_with(folder.path(), &options).unwrap();
    let made = Made { store, guard: Box::new(()) };
    let mut world = World::new(6);
    world.epoch = made.store.take_over("", LEASE).await.unwrap().unwrap().epoch;
    world.found();
    commit(&made, &mut world).await;
    let job = *world.jobs.keys().next().unwrap();
    let log = folder.path().join("ukai.db-wal");
    let mut largest = 0;
    let mut written = 0;
    for _ in 0..400 {
        for n in 0..40 {
            world.submit(job, &format!("h{n}.example"), 50, None);
        }
        commit(&made, &mut world).await;
        largest = largest.max(std::fs::metadata(&log).unwrap().len());
        written += 1;
    }
    // One megabyte is the limit, and as much as is written while a checkpoint runs comes on top. Left alone the log
    // grows to 34.
    assert!(largest < 17 * 1024 * 1024, "{largest} bytes after {written} commits");
    assert_same(&*made.store, &world).await;
}
