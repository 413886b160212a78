//! Two leaders at once: a commit that hangs is ended by the successor, and what the old one sends is never written.

use super::{connect, empty, options};
use crate::conformance::LEASE;
use crate::kit::{World, assert_same, renew};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::{Client, NoTls};
use ukai_domain::Timestamp;
use ukai_store::postgres::PostgresStore;
use ukai_store::{Applied, CommitError, Store, StoreError};
use ukai_testkit::postgres::Database;

/// Over before the next statement.
const SHORT: Duration = Duration::from_millis(1);

async fn led(database: &Database, store: &PostgresStore) -> World {
    let mut world = World::new(5);
    world.epoch = store.take_over("one", LEASE).await.unwrap().unwrap().epoch;
    world.found();
    assert_eq!(store.commit(world.take()).await.unwrap(), Applied::Now);
    database.psql("SELECT 1").unwrap();
    world
}

/// A connection beside the store's.
async fn beside(database: &Database) -> Client {
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Waits until a connection of the old leader waits for a lock.
async fn until_one_waits(watcher: &Client) {
    let waits =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    while watcher.query(waits, &[]).await.unwrap().is_empty() {
        assert!(tokio::time::Instant::now() < until, "nobody waits");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_commit_that_hangs_is_ended_and_never_written() {
    let database = empty().await;
    let (one, two) = (connect(&database.url()).await, connect(&database.url()).await);
    let mut world = led(&database, &one).await;
    renew(&*one, world.epoch, SHORT).await;
    let (holder, watcher) = (beside(&database).await, beside(&database).await);
    // The log is the last of what a commit writes here: the fence was passed, and is held.
    holder.batch_execute("BEGIN; LOCK TABLE ukai.event IN SHARE MODE").await.unwrap();
    let before = world.clone();
    world.random(40);
    let commit = world.take();
    let sent = tokio::spawn({
        let (one, commit) = (Arc::clone(&one), Arc::clone(&commit));
        async move { one.commit(commit).await }
    });
    until_one_waits(&watcher).await;
    let leader = two.take_over("two", LEASE).await.unwrap().expect("the lease is over");
    assert_eq!(leader.epoch, world.epoch + 1);
    let error = sent.await.unwrap().unwrap_err();
    assert!(matches!(error, CommitError::Unavailable(_)), "{error}");
    holder.batch_execute("ROLLBACK").await.unwrap();
    let error = one.commit(commit).await.unwrap_err();
    assert!(matches!(error, CommitError::Deposed { epoch } if epoch == world.epoch), "{error}");
    let mut world = before;
    (world.epoch, world.n) = (leader.epoch, 0);
    assert_same(&*two, &world).await;
    world.random(20);
    assert_eq!(two.commit(world.take()).await.unwrap(), Applied::Now);
    assert_same(&*two, &world).await;
}

#[tokio::test]
async fn a_clock_that_went_back_keeps_nobody_out() {
    const LEASE: Duration = Duration::from_millis(400);
    const HOUR: &str = "UPDATE ukai.leader SET expires_at = expires_at + 3600000 RETURNING expires_at";
    let database = empty().await;
    let (one, two) = (connect(&database.url()).await, connect(&database.url()).await);
    let epoch = one.take_over("one", LEASE).await.unwrap().unwrap().epoch;
    let mut known = database.psql(HOUR).unwrap().parse().map(Timestamp).unwrap();
    // Whoever is there renews, and nobody takes it for gone.
    for _ in 0..8 {
        assert!(two.take_over("two", LEASE).await.unwrap().is_none());
        tokio::time::sleep(LEASE / 4).await;
        known = one.renew(epoch, known, LEASE).await.unwrap().expires_at;
        known = Timestamp(known.0 + 3_600_000);
        database.psql(HOUR).unwrap();
    }
    assert!(two.take_over("two", LEASE).await.unwrap().is_none());
    tokio::time::sleep(LEASE + Duration::from_millis(20)).await;
    let leader = two.take_over("two", LEASE).await.unwrap().expect("nobody renews it");
    assert_eq!((leader.epoch, leader.address.as_str()), (epoch + 1, "two"));
    assert!(leader.expires_at <= leader.now + LEASE, "{leader:?}");
    assert!(matches!(one.renew(epoch, known, LEASE).await, Err(CommitError::Deposed { .. })));
}

#[tokio::test]
async fn without_the_right_to_end_it_a_successor_waits_for_the_commit() {
    let database = empty().await;
    database
        .psql("CREATE ROLE other LOGIN IN ROLE ukai_scheduler")
        .or_else(|e| {
            // Roles belong to the server: another run of this test may have made it.
            if e.to_string().contains("already exists") { Ok(String::new()) } else { Err(e) }
        })
        .unwrap();
    let one = connect(&database.url()).await;
    let impatient = ukai_store::postgres::Options { lock_timeout: Duration::from_millis(50), ..options() };
    let two = PostgresStore::connect(&database.url_as("other"), impatient).await.unwrap();
    let mut world = led(&database, &one).await;
    renew(&*one, world.epoch, SHORT).await;
    let (holder, watcher) = (beside(&database).await, beside(&database).await);
    holder.batch_execute("BEGIN; LOCK TABLE ukai.event IN SHARE MODE").await.unwrap();
    world.random(40);
    let commit = world.take();
    let sent = tokio::spawn({
        let one = Arc::clone(&one);
        async move { one.commit(commit).await }
    });
    until_one_waits(&watcher).await;
    let error = two.take_over("two", LEASE).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(sent.await.unwrap().unwrap(), Applied::Now);
    let leader = two.take_over("two", LEASE).await.unwrap().expect("the lease is over");
    (world.epoch, world.n) = (leader.epoch, 0);
    assert_same(&*two, &world).await;
}

/// The address is a leader's own name: its own connections go on.
#[tokio::test]
async fn many_want_the_lease_and_one_gets_it() {
    let database = empty().await;
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(connect(&database.url()).await);
    }
    for round in 1..=10 {
        let taking = stores.iter().enumerate().map(|(n, store)| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store.take_over(&format!("{round}-{n}"), LEASE).await })
        });
        let mut leaders = Vec::new();
        for taken in taking.collect::<Vec<_>>() {
            leaders.extend(taken.await.unwrap().unwrap());
        }
        assert_eq!(leaders.len(), 1, "{leaders:?}");
        assert_eq!(leaders[0].epoch, round);
        stores[0].release(leaders[0].epoch).await.unwrap();
    }
}
