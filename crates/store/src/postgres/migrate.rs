//! The schema is brought up to this program's version, whole or not at all, by one process at a time.

use super::Options;
use super::address::{Address, Purpose};
use super::columns::number;
use super::failure::{Failure, describe};
use super::session::Session;
use crate::StoreError;
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;

/// One step of the schema.
struct Migration {
    sql: &'static str,
    /// The oldest version of the schema whose programs can go on with this one: while services are replaced one by
    /// one, old and new ones use the same tables.
    serves: i32,
}

/// In order; the first makes version 1. Never edited once released, only added to.
const MIGRATIONS: &[Migration] = &[
    Migration { sql: include_str!("../../../../migrations/postgres/0001_tables.sql"), serves: 1 },
    Migration { sql: include_str!("../../../../migrations/postgres/0002_crawls.sql"), serves: 1 },
    Migration { sql: include_str!("../../../../migrations/postgres/0003_traces.sql"), serves: 1 },
    Migration { sql: include_str!("../../../../migrations/postgres/0004_event_list.sql"), serves: 1 },
    Migration { sql: include_str!("../../../../migrations/postgres/0005_event_age.sql"), serves: 1 },
];

/// Who may do what.
const ROLES: &str = include_str!("../../../../migrations/postgres/roles.sql");

/// "ukai" in hexadecimal: the lock under which schemas are made.
const LOCK: i64 = 0x756b_6169;

const FOUNDATION: &str = "CREATE SCHEMA IF NOT EXISTS ukai;
    CREATE TABLE IF NOT EXISTS ukai.migration (
        version    integer PRIMARY KEY,
        serves     integer NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );";

/// What a schema is made of: the texts of the migrations in their order, then of the rights.
pub fn texts() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().map(|migration| migration.sql).chain([ROLES])
}

/// What [`migrate`] found and left; 0 is an empty database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// Before.
    pub from: i32,
    /// After.
    pub to: i32,
}

/// Brings the schema up to date and sets the rights of the two roles again. Harmless when repeated, also at the same
/// time by several processes; killed midway it has changed nothing.
///
/// # Errors
/// As [`super::PostgresStore::connect`].
pub async fn migrate(url: &str, options: &Options) -> Result<Migrated, StoreError> {
    let address = Address::parse(url, options, Purpose::Migrate, &options.service)?;
    within(options.migrate_timeout, async {
        let session = Session::open(&address).await?;
        apply(&session, options.migrate_timeout).await
    })
    .await
}

/// Applies what is missing, if anything is.
pub(super) async fn at_start(url: &str, options: &Options) -> Result<(), StoreError> {
    let address = Address::parse(url, options, Purpose::Migrate, &options.service)?;
    within(options.migrate_timeout, async {
        let session = Session::open(&address).await?;
        if current(&session).await? < known() {
            let Migrated { from, to } = apply(&session, options.migrate_timeout).await?;
            tracing::info!(from, to, "brought the database's schema up to date");
        }
        Ok(())
    })
    .await
}

/// Whether the schema is one that this program can use.
pub(super) async fn check(session: &Session) -> Result<(), Failure> {
    match current(session).await? {
        version if version < known() => Err(Failure::Away(format!(
            "the database's schema has version {version}, this program needs {}: run `ukai migrate`, or start a scheduler that may",
            known()
        ))),
        _ => Ok(()),
    }
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Failure>> + Send,
) -> Result<T, StoreError> {
    match timeout(limit, work).await {
        Ok(Err(Failure::Sql(error))) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            let text = "run `ukai migrate` as the owner of the database";
            Err(StoreError::Unavailable(format!(
                "this role may not change the schema: {text}: {}",
                describe(&error)
            )))
        }
        Ok(result) => result.map_err(Failure::into_store_error),
        Err(_) => Err(StoreError::Unavailable(format!("no answer within {} s", limit.as_secs()))),
    }
}

fn known() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

async fn apply(session: &Session, limit: Duration) -> Result<Migrated, Failure> {
    let row = session
        .row(
            "SELECT pg_catalog.current_setting('server_version_num')::bigint,
             pg_catalog.current_setting('server_encoding') = 'UTF8'",
            &[],
        )
        .await?
        .ok_or_else(|| Failure::Damaged("no answer".to_owned()))?;
    if number::<i64>(&row, 0)? < 150_000 {
        return Err(Failure::Damaged("the database is older than PostgreSQL 15".to_owned()));
    }
    if !row.try_get::<_, bool>(1)? {
        return Err(Failure::Damaged("the database's encoding is not UTF8".to_owned()));
    }
    session.batch(&format!("BEGIN; SET LOCAL lock_timeout = {}", limit.as_millis())).await?;
    session.row("SELECT pg_catalog.pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    session.batch(FOUNDATION).await?;
    let from = current(session).await?;
    for (version, migration) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > from) {
        session.batch(migration.sql).await?;
        session
            .execute(
                "INSERT INTO migration (version, serves) VALUES ($1, $2)",
                &[&version, &migration.serves],
            )
            .await?;
    }
    session.batch(ROLES).await?;
    session.batch("COMMIT").await?;
    Ok(Migrated { from, to: from.max(known()) })
}

/// 0 where there is no schema. One that is newer than this program is taken where it says that it still serves it.
async fn current(session: &Session) -> Result<i32, Failure> {
    let found = session.row("SELECT pg_catalog.to_regclass('ukai.migration') IS NOT NULL", &[]).await?;
    if !found.map_or(Ok(false), |row| row.try_get(0))? {
        return Ok(0);
    }
    let newest = "SELECT version, serves FROM ukai.migration ORDER BY version DESC LIMIT 1";
    let Some(row) = session.row(newest, &[]).await? else { return Ok(0) };
    let (version, serves): (i32, i32) = (row.try_get(0)?, row.try_get(1)?);
    if version > known() && serves > known() {
        return Err(Failure::Damaged(format!(
            "the database's schema has version {version}, which programs for version {} can't use: this one is too old",
            known()
        )));
    }
    Ok(version)
}
