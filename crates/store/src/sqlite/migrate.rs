//! The schema of a file is brought up to this version at open, whole or not at all.

use crate::StoreError;
use crate::sqlite::failure::store_error;
use rusqlite::{Connection, TransactionBehavior};

/// In order; the first brings an empty file to version 1. Never edited once released, only added to.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../../migrations/sqlite/0001_tables.sql"),
    include_str!("../../../../migrations/sqlite/0002_artifacts.sql"),
    include_str!("../../../../migrations/sqlite/0003_crawls.sql"),
    include_str!("../../../../migrations/sqlite/0004_traces.sql"),
    include_str!("../../../../migrations/sqlite/0005_event_list.sql"),
];

/// "UKAI" in the file's header: a file of somebody else is not touched.
const APPLICATION_ID: i32 = 0x554b_4149;

/// Applies what is missing in one transaction.
pub(super) fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    let sql = |e: rusqlite::Error| store_error(&e);
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    let version: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(sql)?;
    let application: i32 = tx.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(sql)?;
    let tables: i64 =
        tx.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(sql)?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(StoreError::Damaged("the database file belongs to another program".to_owned()));
    }
    let known = MIGRATIONS.len();
    let have = usize::try_from(version).unwrap_or(usize::MAX);
    if have > known {
        return Err(StoreError::Damaged(format!(
            "the database file has version {version}, this program knows up to {known}: it was used by a newer one"
        )));
    }
    for migration in MIGRATIONS.iter().skip(have) {
        tx.execute_batch(migration).map_err(sql)?;
    }
    if have < known {
        tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(sql)?;
        tx.pragma_update(None, "user_version", i64::try_from(known).unwrap_or(i64::MAX)).map_err(sql)?;
    }
    tx.commit().map_err(sql)
}
