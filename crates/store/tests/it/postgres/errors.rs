//! What the database says, told apart by what a leader does about it.

use super::{connect, empty};
use crate::conformance::LEASE;
use crate::kit::{World, assert_same};
use std::sync::Arc;
use ukai_domain::scheduler::{IdempotencyKey, IdempotencyRow};
use ukai_store::{Applied, CommitError, Store};

#[tokio::test]
async fn states_of_the_server() {
    let database = empty().await;
    let store = connect(&database.url()).await;
    let mut world = World::new(9);
    world.epoch = store.take_over("one", LEASE).await.unwrap().unwrap().epoch;
    world.found();
    assert_eq!(store.commit(world.take()).await.unwrap(), Applied::Now);
    let before = world.clone();
    world.random(20);
    let commit = world.take();
    for state in [
        "53100", "22001", "23514", "54000", "40001", "40P01", "55P03", "57014", "57P01", "53200", "53300",
        "58030", "42501", "42P01", "XX001", "P0001",
    ] {
        database
            .psql(&format!(
                "CREATE FUNCTION ukai.no() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$;
                 CREATE TRIGGER no BEFORE INSERT ON ukai.event EXECUTE FUNCTION ukai.no();"
            ))
            .unwrap();
        let error = store.commit(Arc::clone(&commit)).await.unwrap_err();
        let right = match state {
            "53100" => matches!(error, CommitError::Full(_)),
            "22001" | "23514" | "54000" => matches!(error, CommitError::Refused(_)),
            _ => matches!(error, CommitError::Unavailable(_)),
        };
        assert!(right, "{state}: {error:?}");
        assert!(error.to_string().contains(&format!("no [{state}]")), "{error}");
        assert_same(&*store, &before).await;
        database.psql("DROP FUNCTION ukai.no() CASCADE").unwrap();
    }
    assert_eq!(store.commit(commit).await.unwrap(), Applied::Now);
    assert_same(&*store, &world).await;
}

#[tokio::test]
async fn what_no_row_can_hold_is_refused() {
    let database = empty().await;
    let store = connect(&database.url()).await;
    let mut world = World::new(10);
    world.epoch = store.take_over("one", LEASE).await.unwrap().unwrap().epoch;
    world.found();
    assert_eq!(store.commit(world.take()).await.unwrap(), Applied::Now);
    // An index takes a third of a page; what can be compressed is none.
    let long: String =
        (0..20_000).map(|_| char::from(b'!' + u8::try_from(world.dice(90)).unwrap())).collect();
    for key in ["nul \0".to_owned(), long] {
        let mut bad = world.clone();
        let key = IdempotencyKey {
            principal: "p".to_owned(),
            route: "POST /api/tasks".to_owned(),
            key,
            body_hash: "aa".to_owned(),
        };
        bad.remember(IdempotencyRow { key, reply: "{}".to_owned(), at: bad.now });
        bad.random(10);
        let error = store.commit(bad.take()).await.unwrap_err();
        assert!(matches!(error, CommitError::Refused(_)), "{error:?}");
        assert_same(&*store, &world).await;
    }
    world.random(20);
    assert_eq!(store.commit(world.take()).await.unwrap(), Applied::Now);
    assert_same(&*store, &world).await;
}
