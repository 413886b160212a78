//! Forgets what nobody asks for any more, in steps that leave room for commits between them.

use super::columns::Result;
use super::failure::Failure;
use super::leader;
use super::session::Session;
use ukai_domain::Timestamp;

/// Rows that one step deletes at most.
const SLICE: i64 = 1_000;
/// Names of commits that stay. Only the newest of an epoch can be sent again; the others are for people.
const NAMES: i64 = 10_000;

const REPLIES: &str = "DELETE FROM idempotency WHERE (principal, route, key) IN
    (SELECT principal, route, key FROM idempotency WHERE at < $1 ORDER BY at LIMIT $2)";

const OLD_NAMES: &str = "DELETE FROM commit_log WHERE (epoch, n) IN
    (SELECT epoch, n FROM commit_log WHERE (epoch, n) <
        (SELECT epoch, n FROM commit_log ORDER BY epoch DESC, n DESC LIMIT 1 OFFSET $1)
     ORDER BY epoch, n LIMIT $2)";

/// One step; whether there may be more to do.
pub(super) async fn step(session: &Session, epoch: u64, before: Timestamp) -> Result<bool> {
    session.batch("BEGIN").await?;
    let done = delete(session, epoch, before).await;
    session.batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
    done
}

async fn delete(session: &Session, epoch: u64, before: Timestamp) -> Result<bool, Failure> {
    leader::check(session, epoch).await?;
    let replies = session.execute(REPLIES, &[&before.0, &SLICE]).await?;
    let names = session.execute(OLD_NAMES, &[&NAMES, &SLICE]).await?;
    let slice = u64::try_from(SLICE).unwrap_or(u64::MAX);
    Ok(replies == slice || names == slice)
}
