//! Forgets what nobody asks for any more, in steps that leave room for commits between them.

use super::failure::Failure;
use super::leader;
use rusqlite::{Connection, TransactionBehavior, params};
use ukai_domain::Timestamp;

/// Rows that one step deletes at most.
const SLICE: i64 = 1_000;
/// Names of commits that stay. Only the newest of an epoch can be sent again; the others are for people.
const NAMES: i64 = 10_000;

/// One step; whether there may be more to do.
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
