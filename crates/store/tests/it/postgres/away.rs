//! A database that is there and doesn't answer, answers and doesn't write, or loses connections: calls end in time, and
//! the same store goes on by itself afterwards.

use super::{connect, empty, options};
use crate::conformance::LEASE;
use crate::kit::{World, assert_same, renew};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ukai_domain::Timestamp;
use ukai_store::postgres::{Options, PostgresStore};
use ukai_store::{Applied, CommitError, Reads, Store};
use ukai_testkit::postgres::{Cluster, Database, Disk};

const BACK: Duration = Duration::from_secs(60);

async fn led(store: &PostgresStore) -> World {
    let mut world = World::new(6);
    world.epoch = store.take_over("one", LEASE).await.unwrap().unwrap().epoch;
    world.found();
    assert_eq!(store.commit(world.take()).await.unwrap(), Applied::Now);
    world
}

async fn until_applied(store: &PostgresStore, world: &mut World) -> Applied {
    world.random(20);
    let commit = world.take();
    let begin = Instant::now();
    loop {
        match store.commit(Arc::clone(&commit)).await {
            Ok(applied) => return applied,
            Err(error) => assert!(begin.elapsed() < BACK, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_that_turned_read_only_is_left_and_taken_again() {
    let cluster = Cluster::start(Disk::Ignored).unwrap();
    let store = connect(&cluster.url("postgres")).await;
    let mut world = led(&store).await;
    let turn = |to: &str| {
        cluster.psql("postgres", &format!("ALTER SYSTEM SET default_transaction_read_only = {to}")).unwrap();
        cluster.psql("postgres", "SELECT pg_reload_conf()").unwrap();
    };
    turn("on");
    world.random(20);
    let commit = world.take();
    let begin = Instant::now();
    // The server takes its new settings some time after it was told.
    let mut refused = 0;
    while refused < 3 {
        match store.commit(Arc::clone(&commit)).await {
            Err(CommitError::Unavailable(_)) => refused += 1,
            Ok(_) => {
                refused = 0;
                assert!(begin.elapsed() < BACK, "it never turned read-only");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(store.renew(world.epoch, Timestamp(0), LEASE).await, Err(CommitError::Unavailable(_))));
    turn("off");
    while let Err(error) = store.commit(Arc::clone(&commit)).await {
        assert!(begin.elapsed() < BACK, "{error}");
    }
    until_applied(&store, &mut world).await;
    renew(&*store, world.epoch, LEASE).await;
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for() {
    let cluster = Cluster::start(Disk::Ignored).unwrap();
    let second = Duration::from_secs(1);
    let brief =
        Options { connect_timeout: second, acquire_timeout: second, statement_timeout: second, ..options() };
    let store = PostgresStore::connect(&cluster.url("postgres"), brief).await.unwrap();
    let mut world = led(&store).await;
    let job = *world.jobs.keys().next().unwrap();
    store.job(job).await.unwrap();
    world.random(20);
    let commit = world.take();
    cluster.stop().unwrap();
    for _ in 0..2 {
        let begin = Instant::now();
        assert!(matches!(store.commit(Arc::clone(&commit)).await, Err(CommitError::Unavailable(_))));
        assert!(store.job(job).await.is_err());
        assert!(store.renew(world.epoch, Timestamp(0), LEASE).await.is_err());
        // A second for a connection and one for the answer, of each.
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    }
    cluster.go_on().unwrap();
    let begin = Instant::now();
    while let Err(error) = store.commit(Arc::clone(&commit)).await {
        assert!(begin.elapsed() < BACK, "{error}");
    }
    assert!(store.job(job).await.unwrap().is_some());
    until_applied(&store, &mut world).await;
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_nothing_behind() {
    let database = empty().await;
    let store = connect(&database.url()).await;
    let mut world = led(&store).await;
    for n in 0..30 {
        world.random(20);
        let commit = world.take();
        // Dropped in the middle: after a number of turns of the event loop.
        let mut sent = Box::pin(store.commit(Arc::clone(&commit)));
        for _ in 0..n {
            tokio::select! {
                biased;
                _ = &mut sent => break,
                () = tokio::task::yield_now() => {}
            }
        }
        drop(sent);
        let begin = Instant::now();
        while let Err(error) = store.commit(Arc::clone(&commit)).await {
            // The connection that was left may still hold the name.
            assert!(matches!(error, CommitError::Unavailable(_)) && begin.elapsed() < BACK, "{error}");
        }
        let mut asked = Box::pin(store.total_counts());
        tokio::select! {
            biased;
            _ = &mut asked => {}
            () = tokio::task::yield_now() => {}
        }
    }
    assert_same(&*store, &world).await;
}

#[tokio::test]
async fn connections_that_an_operator_ends_are_replaced() {
    let database = empty().await;
    let store = connect(&database.url()).await;
    let mut world = led(&store).await;
    for _ in 0..5 {
        end_all(&database);
        until_applied(&store, &mut world).await;
        let begin = Instant::now();
        while let Err(error) = store.total_counts().await {
            assert!(begin.elapsed() < BACK, "{error}");
        }
    }
    assert_same(&*store, &world).await;
}

fn end_all(database: &Database) {
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(database.psql(sql).unwrap().parse::<u32>().unwrap() > 0);
}
