//! The leader row: who may write, until when, by the database's clock.

use super::columns;
use super::failure::Failure;
use crate::LeaderRow;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use std::time::Duration;
use ukai_domain::Timestamp;

/// The database's clock in milliseconds; the same throughout one statement.
macro_rules! now {
    () => {
        "CAST(round(unixepoch('subsec') * 1000) AS INTEGER)"
    };
}

/// The first step of every commit. In SQLite the open write transaction is the lock.
pub(super) fn fence(conn: &Connection, epoch: u64) -> Result<(), Failure> {
    let current = conn
        .prepare_cached("SELECT epoch FROM leader WHERE one = 1")?
        .query_row([], |row| columns::unsigned(row, 0))
        .optional()?;
    if current == Some(epoch) { Ok(()) } else { Err(Failure::Deposed) }
}

/// Takes the row where it is free, expired or already `address`'s.
pub(super) fn take_over(
    conn: &mut Connection,
    address: &str,
    lease: Duration,
) -> Result<Option<LeaderRow>, Failure> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let taken = tx
        .prepare_cached(concat!(
            "INSERT INTO leader (one, epoch, address, expires_at) VALUES (1, 1, ?1, ",
            now!(),
            " + ?2) ON CONFLICT (one) DO UPDATE SET epoch = epoch + 1, address = ?1, expires_at = excluded.expires_at
              WHERE leader.expires_at <= ",
            now!(),
            " OR leader.address = ?1"
        ))?
        .execute(params![address, millis(lease)])?;
    let leader = if taken == 1 { read(&tx)? } else { None };
    tx.commit()?;
    Ok(leader)
}

/// Moves the end of the lease, where it is the known one.
pub(super) fn renew(
    conn: &mut Connection,
    epoch: u64,
    known: Timestamp,
    lease: Duration,
) -> Result<LeaderRow, Failure> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    fence(&tx, epoch)?;
    tx.prepare_cached(concat!("UPDATE leader SET expires_at = ", now!(), " + ?1 WHERE expires_at = ?2"))?
        .execute([millis(lease), known.0])?;
    let leader = read(&tx)?.ok_or(Failure::Deposed)?;
    tx.commit()?;
    Ok(leader)
}

/// Ends the lease at once. Of another epoch: nothing happens.
pub(super) fn release(conn: &Connection, epoch: u64) -> Result<(), Failure> {
    let epoch = i64::try_from(epoch).map_err(|_| Failure::Deposed)?;
    conn.prepare_cached("UPDATE leader SET expires_at = 0 WHERE epoch = ?1")?.execute([epoch])?;
    Ok(())
}

pub(super) fn read(conn: &Connection) -> rusqlite::Result<Option<LeaderRow>> {
    let row = |row: &Row<'_>| {
        Ok(LeaderRow {
            epoch: columns::unsigned(row, 0)?,
            address: row.get(1)?,
            expires_at: Timestamp(row.get(2)?),
            now: Timestamp(row.get(3)?),
        })
    };
    conn.prepare_cached(concat!("SELECT epoch, address, expires_at, ", now!(), " FROM leader WHERE one = 1"))?
        .query_row([], row)
        .optional()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}
