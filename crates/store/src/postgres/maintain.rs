//! Forgets what nobody asks for any more, in steps that leave room for commits between them.

use super::columns::{Result, get};
use super::failure::Failure;
use super::leader;
use super::session::Session;
use ukai_domain::Timestamp;
use uuid::Uuid;

/// Rows that one step deletes at most.
const SLICE: i64 = 1_000;
/// Names of commits that stay. Only the newest of an epoch can be sent again; the others are for people.
const NAMES: i64 = 10_000;

/// Rows of the log that one step deletes at most: a row holds all that a commit says of a job.
const EVENTS: i64 = 200;

const REPLIES: &str = "DELETE FROM idempotency WHERE (principal, route, key) IN
    (SELECT principal, route, key FROM idempotency WHERE at < $1 ORDER BY at LIMIT $2)";

const OLD_NAMES: &str = "DELETE FROM commit_log WHERE (epoch, n) IN
    (SELECT epoch, n FROM commit_log WHERE (epoch, n) <
        (SELECT epoch, n FROM commit_log ORDER BY epoch DESC, n DESC LIMIT 1 OFFSET $1)
     ORDER BY epoch, n LIMIT $2)";

/// The oldest, up to the first that stays: the newest row does in any case, so the log tells where it begins.
const OLD_EVENTS: &str =
    "WITH oldest AS MATERIALIZED (SELECT first, at FROM event WHERE first > $3 ORDER BY first LIMIT $2)
    DELETE FROM event WHERE first = ANY (ARRAY(SELECT first FROM oldest WHERE first < coalesce(
        (SELECT min(first) FROM oldest WHERE at >= $1), (SELECT max(first) FROM event))))
    RETURNING job, first";

const LISTED: &str = "DELETE FROM event_job l USING unnest($1::uuid[], $2::bigint[]) AS n (job, first)
    WHERE l.job = n.job AND l.first = n.first";

/// One step of all but events; whether there may be more to do.
pub(super) async fn step(session: &Session, epoch: u64, before: Timestamp) -> Result<bool> {
    session.batch("BEGIN").await?;
    let done = delete(session, epoch, before).await;
    session.batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
    done
}

/// One step through the log, whose rows up to number `behind` are gone: the index still has them for a while. The last
/// number that it deleted, where there may be more to do.
pub(super) async fn forget_events(
    session: &Session,
    epoch: u64,
    before: Timestamp,
    behind: i64,
) -> Result<Option<i64>> {
    session.batch("BEGIN").await?;
    let done = delete_events(session, epoch, before, behind).await;
    session.batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
    done
}

async fn delete_events(
    session: &Session,
    epoch: u64,
    before: Timestamp,
    behind: i64,
) -> Result<Option<i64>, Failure> {
    leader::check(session, epoch).await?;
    let gone = session.rows(OLD_EVENTS, &[&before.0, &EVENTS, &behind]).await?;
    let (mut jobs, mut firsts) = (Vec::<Uuid>::new(), Vec::<i64>::new());
    for row in &gone {
        jobs.push(get(row, 0)?);
        firsts.push(get(row, 1)?);
    }
    session.execute(LISTED, &[&jobs, &firsts]).await?;
    let is_whole_step = i64::try_from(gone.len()).unwrap_or(i64::MAX) == EVENTS;
    Ok(firsts.into_iter().max().filter(|_| is_whole_step))
}

async fn delete(session: &Session, epoch: u64, before: Timestamp) -> Result<bool, Failure> {
    leader::check(session, epoch).await?;
    let replies = session.execute(REPLIES, &[&before.0, &SLICE]).await?;
    let names = session.execute(OLD_NAMES, &[&NAMES, &SLICE]).await?;
    let slice = u64::try_from(SLICE).unwrap_or(u64::MAX);
    Ok(replies == slice || names == slice)
}

/// What is deleted out of large tables, with its plan asserted.
#[cfg(test)]
pub(super) fn statements() -> [&'static str; 2] {
    [OLD_EVENTS, LISTED]
}
