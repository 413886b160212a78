//! Forgets what nobody asks for any more, in steps that leave room for commits between them.

use super::failure::Failure;
use super::leader;
use rusqlite::{Connection, TransactionBehavior, params};
use ukai_domain::Timestamp;

/// Rows that one step deletes at most.
const SLICE: i64 = 1_000;
/// Names of commits that stay. Only the newest of an epoch can be sent again; the others are for people.
const NAMES: i64 = 10_000;

/// Rows of the log that one step deletes at most: a row holds all that a commit says of a job.
const EVENTS: i64 = 200;

/// The oldest, up to the first that stays: the newest row does in any case, so the log tells where it begins.
const OLD_EVENTS: &str = "
    WITH oldest AS MATERIALIZED (SELECT first, at FROM event ORDER BY first LIMIT ?2)
    DELETE FROM event WHERE first IN (SELECT first FROM oldest WHERE first < coalesce(
        (SELECT min(first) FROM oldest WHERE at >= ?1), (SELECT max(first) FROM event)))
    RETURNING job, first";

/// One step of all but events; whether there may be more to do.
pub(super) fn step(conn: &mut Connection, epoch: u64, before: Timestamp) -> Result<bool, Failure> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    leader::fence(&tx, epoch)?;
    let replies = tx
        .prepare_cached(
            "DELETE FROM idempotency WHERE (principal, route, key) IN
             (SELECT principal, route, key FROM idempotency WHERE at < ?1 ORDER BY at LIMIT ?2)",
        )?
        .execute(params![before.0, SLICE])?;
    let names = tx
        .prepare_cached(
            "DELETE FROM commit_log WHERE (epoch, n) IN
             (SELECT epoch, n FROM commit_log WHERE (epoch, n) <
                (SELECT epoch, n FROM commit_log ORDER BY epoch DESC, n DESC LIMIT 1 OFFSET ?1)
              ORDER BY epoch, n LIMIT ?2)",
        )?
        .execute(params![NAMES, SLICE])?;
    tx.commit()?;
    let slice = usize::try_from(SLICE).unwrap_or(usize::MAX);
    Ok(replies == slice || names == slice)
}

/// One step through the log; whether there may be more to do.
pub(super) fn forget_events(conn: &mut Connection, epoch: u64, before: Timestamp) -> Result<bool, Failure> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    leader::fence(&tx, epoch)?;
    let gone: Vec<(Vec<u8>, i64)> = tx
        .prepare_cached(OLD_EVENTS)?
        .query_map(params![before.0, EVENTS], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (job, first) in &gone {
        tx.prepare_cached("DELETE FROM event_job WHERE job = ?1 AND first = ?2")?
            .execute(params![job, first])?;
    }
    tx.commit()?;
    Ok(i64::try_from(gone.len()).unwrap_or(i64::MAX) == EVENTS)
}
