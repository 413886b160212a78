//! Migrations by many at once, and what the two roles may.

use super::{connect, empty, options};
use crate::conformance::LEASE;
use crate::kit::{World, assert_same, renew};
use ukai_store::postgres::{Migrated, Options, PostgresReads, PostgresStore, migrate, texts};
use ukai_store::{Applied, Reads, Store, StoreError};
use ukai_testkit::postgres::{Database, database};

async fn bare() -> Database {
    database("ukai_bare", async |_| Ok(())).await.unwrap()
}

/// Behind the migrations come the rights.
fn newest() -> i32 {
    i32::try_from(texts().count()).unwrap() - 1
}

fn login(database: &Database, name: &str, role: &str) -> String {
    // Roles belong to the server: another run may have made it.
    let _ = database.psql(&format!("CREATE ROLE {name} LOGIN IN ROLE {role}"));
    database.url_as(name)
}

#[tokio::test]
async fn many_start_at_once_on_an_empty_database() {
    let database = bare().await;
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let url = database.url();
            tokio::spawn(async move { PostgresStore::connect(&url, options()).await.map(drop) })
        })
        .collect();
    for started in starting {
        started.await.unwrap().unwrap();
    }
    assert_eq!(database.psql("SELECT count(*) FROM ukai.migration").unwrap(), newest().to_string());
    let again = migrate(&database.url(), &Options::default()).await.unwrap();
    assert_eq!(again, Migrated { from: newest(), to: newest() });
}

#[tokio::test]
async fn a_migration_that_breaks_off_leaves_nothing() {
    let database = bare().await;
    // In the way of the last table but one.
    database.psql("CREATE SCHEMA ukai; CREATE TABLE ukai.api_key ()").unwrap();
    assert!(PostgresStore::connect(&database.url(), options()).await.is_err());
    assert_eq!(database.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'ukai'").unwrap(), "1");
    database.psql("DROP TABLE ukai.api_key").unwrap();
    let migrated = migrate(&database.url(), &Options::default()).await.unwrap();
    assert_eq!(migrated, Migrated { from: 0, to: newest() });
}

#[tokio::test]
async fn a_newer_schema_serves_this_program_where_it_says_so() {
    let database = empty().await;
    database.psql("INSERT INTO ukai.migration (version, serves) VALUES (1001, 1)").unwrap();
    let store = connect(&database.url()).await;
    store.take_over("one", LEASE).await.unwrap().unwrap();
    database.psql("UPDATE ukai.migration SET serves = 1000 WHERE version = 1001").unwrap();
    let error = PostgresStore::connect(&database.url(), options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    let error = PostgresReads::connect(&database.url(), options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
}

#[tokio::test]
async fn hot_tables_are_vacuumed_by_settings_of_their_own() {
    let database = empty().await;
    for table in [
        "task_ready",
        "task_delayed",
        "task_lease",
        "job_delta",
        "job_count",
        "leader",
        "expansion",
        "event",
        "event_job",
    ] {
        let set = database
            .psql(&format!("SELECT reloptions FROM pg_class WHERE oid = 'ukai.{table}'::regclass"))
            .unwrap();
        for setting in
            ["autovacuum_vacuum_threshold", "autovacuum_vacuum_cost_delay=0", "vacuum_truncate=false"]
        {
            assert!(set.contains(setting), "{table} has no {setting}: {set}");
        }
    }
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused() {
    let database = bare().await;
    let name = format!("ukai_bytes_{}", std::process::id());
    database
        .psql(&format!(
            "CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        ))
        .unwrap();
    let mut url = url::Url::parse(&database.url()).unwrap();
    url.set_path(&name);
    let error = migrate(url.as_str(), &Options::default()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Damaged(text) if text.contains("UTF8")), "{error}");
    database.psql(&format!("DROP DATABASE {name} WITH (FORCE)")).unwrap();
}

#[tokio::test]
async fn the_scheduler_needs_rows_and_no_tables() {
    let database = empty().await;
    let url = login(&database, "ukai_test_leader", "ukai_scheduler");
    let store = connect(&url).await;
    let mut world = World::new(3);
    world.epoch = store.take_over("one", LEASE).await.unwrap().unwrap().epoch;
    world.found();
    for _ in 0..20 {
        assert_eq!(store.commit(world.take()).await.unwrap(), Applied::Now);
        world.random(30);
    }
    assert_eq!(store.commit(world.take()).await.unwrap(), Applied::Now);
    store.maintain(world.epoch, world.now).await.unwrap();
    store.forget_events(world.epoch, world.now).await.unwrap();
    let left =
        "SELECT count(*) FROM ukai.event_job l LEFT JOIN ukai.event e USING (first) WHERE e.first IS NULL";
    let listed = "SELECT count(*) > 0 FROM ukai.event_job_through WHERE through > 0";
    assert_eq!(
        database.psql(&format!("SELECT ({left}), ({listed})")).unwrap(),
        "0|t",
        "lists name what is gone"
    );
    world.events.drain(..world.events.len() - 1);
    world.replies.clear();
    renew(&*store, world.epoch, LEASE).await;
    assert_same(&*store, &world).await;
    let error = migrate(&url, &Options::default()).await.unwrap_err();
    assert!(error.to_string().contains("ukai migrate"), "{error}");
}

#[tokio::test]
async fn a_reader_reads_everything_and_writes_nothing() {
    let database = empty().await;
    let url = login(&database, "ukai_test_reader", "ukai_reader");
    let store = connect(&database.url()).await;
    let mut world = World::new(4);
    world.epoch = store.take_over("one", LEASE).await.unwrap().unwrap().epoch;
    world.found();
    for _ in 0..10 {
        world.random(30);
        assert_eq!(store.commit(world.take()).await.unwrap(), Applied::Now);
    }
    let reads = PostgresReads::connect(&url, options()).await.unwrap();
    assert_eq!(reads.total_counts().await.unwrap(), world.total);
    assert_eq!(reads.leader().await.unwrap().unwrap().address, "one");
    assert_eq!(reads.jobs(0, 100).await.unwrap().items.len(), world.jobs.len());
    let page = reads.tasks(ukai_store::TaskFilter { limit: 1_000, ..Default::default() }).await.unwrap();
    assert_eq!(page.items.len(), world.places.len());
    let filter = ukai_store::EventFilter { limit: u32::MAX, ..Default::default() };
    assert_eq!(reads.events(filter).await.unwrap().rows, world.events);
    assert!(reads.worker_token("ukw_w0").await.unwrap().is_some());
    assert!(reads.api_key("none").await.unwrap().is_none());
    // Also where it says that it wants to write.
    let writer = PostgresStore::connect(&url, options()).await.unwrap();
    assert!(writer.commit(world.take()).await.is_err());
    assert!(writer.take_over("one", LEASE).await.is_err());
    let secrets = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(secrets.1);
    let error = secrets.0.query("SELECT reply FROM ukai.idempotency", &[]).await.unwrap_err();
    assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE));
    assert_same(&*store, &{
        world.n -= 1;
        world.now.0 -= 1;
        world
    })
    .await;
}

#[tokio::test]
async fn readers_say_what_is_missing() {
    let database = bare().await;
    let error = PostgresReads::connect(&database.url(), options()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(text) if text.contains("ukai migrate")), "{error}");
    let error = ukai_store::connect("mysql://localhost/x", "test").await.err().unwrap();
    assert!(matches!(error, StoreError::Address(_)), "{error}");
}
