//! A full disk: a clear error, nothing half written, and on as soon as there is room.

use crate::conformance::{LEASE, Made, commit};
use crate::kit::{World, assert_same, renew};
use ukai_store::sqlite::{Options, SqliteStore};
use ukai_store::{Applied, CommitError};

#[tokio::test]
async fn a_full_database_refuses_whole_commits_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { max_pages: Some(300), ..Options::default() };
    let store = SqliteStore::open_with(folder.path(), &options).unwrap();
    let mut made = Made { store, guard: Box::new(()) };
    let mut world = World::new(5);
    world.epoch = made.store.take_over("", LEASE).await.unwrap().unwrap().epoch;
    world.found();
    commit(&made, &mut world).await;
    let (before, refused) = loop {
        let before = world.clone();
        world.random(200);
        let next = world.take();
        match made.store.commit(next.clone()).await {
            Ok(Applied::Now) => assert!(world.n < 500, "never full"),
            Err(CommitError::Full(_)) => break (before, next),
            other => panic!("{other:?}"),
        }
    };
    // Again the same, as often as one likes; reads go on, and so does the lease.
    for _ in 0..3 {
        assert!(matches!(made.store.commit(refused.clone()).await, Err(CommitError::Full(_))));
        assert_same(&*made.store, &before).await;
        renew(&*made.store, world.epoch, LEASE).await;
    }
    drop(made.store);
    made.store = SqliteStore::open(folder.path()).unwrap();
    assert_eq!(made.store.commit(refused.clone()).await.unwrap(), Applied::Now);
    assert_eq!(made.store.commit(refused).await.unwrap(), Applied::Before);
    assert_same(&*made.store, &world).await;
}
