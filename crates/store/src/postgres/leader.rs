//! The leader row: who may write, until when, by the database's clock.

use super::columns::{Result, get, time, unsigned};
use super::failure::{Failure, describe};
use super::session::Session;
use crate::LeaderRow;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_postgres::Row;
use ukai_domain::Timestamp;

/// The database's clock in milliseconds. It moves on within a statement: one reading is made and used.
macro_rules! clock {
    () => {
        "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    };
}

/// Confirms the epoch and keeps it until the transaction's end: a successor waits for the lock.
const CHECK: &str = "SELECT 1 FROM leader WHERE one AND epoch = $1 AND epoch > 0 FOR KEY SHARE";

const READ: &str = concat!(
    "WITH clock AS MATERIALIZED (SELECT ",
    clock!(),
    " AS now) SELECT epoch, address, expires_at, now, backend FROM leader, clock WHERE one"
);

/// The lock first, and whole: an update of columns that are no key would not wait for the commits that hold the row by
/// its key. The clock is read when the lock is there. One statement, so that nobody can be stopped in the middle of it.
const TAKE: &str = concat!(
    "WITH held AS MATERIALIZED (SELECT one FROM leader WHERE one FOR UPDATE), clock AS MATERIALIZED (SELECT ",
    clock!(),
    " AS now FROM held)
    UPDATE leader SET epoch = epoch + 1, address = $1, backend = $2, expires_at = now + $3 FROM clock
    WHERE one AND (expires_at <= now OR address = $1 OR epoch = 0 OR (epoch = $4 AND expires_at = $5))
    RETURNING epoch, address, expires_at, now, backend"
);

const RENEW: &str = concat!(
    "WITH clock AS MATERIALIZED (SELECT ",
    clock!(),
    " AS now) UPDATE leader SET expires_at = CASE expires_at WHEN $3 THEN now + $2 ELSE expires_at END
    FROM clock WHERE one AND epoch = $1 AND epoch > 0 RETURNING epoch, address, expires_at, now, backend"
);

/// Not its own: those of the same application_name that are another process's.
const END: &str =
    "SELECT count(*) FILTER (WHERE pg_catalog.pg_terminate_backend(pid)) FROM pg_catalog.pg_stat_activity
     WHERE application_name = $1 AND datname = pg_catalog.current_database()";

/// Alone: for batches that write nothing, and as the first step of a transaction.
pub(super) async fn check(session: &Session, epoch: u64) -> Result<()> {
    let Ok(epoch) = i64::try_from(epoch) else { return Err(Failure::Deposed) };
    session.row(CHECK, &[&epoch]).await?.map(|_| ()).ok_or(Failure::Deposed)
}

/// What was seen of another's lease, since when by the own clock. Where the database's clock went back the lease would
/// last as long as that; whoever leads renews it, so one that stayed the same for its whole length is over.
#[derive(Debug)]
pub(super) struct Seen {
    epoch: u64,
    expires_at: Timestamp,
    since: Instant,
}

impl Seen {
    /// Notes what the row says now. Whether it has said so for as long as a lease lasts.
    fn is_over(seen: &Mutex<Option<Self>>, row: &LeaderRow, lease: Duration) -> bool {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let same = seen.take().filter(|seen| (seen.epoch, seen.expires_at) == (row.epoch, row.expires_at));
        let (epoch, expires_at) = (row.epoch, row.expires_at);
        let seen = seen.insert(same.unwrap_or_else(|| Self { epoch, expires_at, since: Instant::now() }));
        seen.since.elapsed() > lease
    }
}

/// Takes the row where it is free, expired or already `address`'s. The old leader's connections are ended first, so
/// that a commit which hangs there holds no lock.
pub(super) async fn take_over(
    session: &Session,
    address: &str,
    backend: &str,
    lease: Duration,
    seen: &Mutex<Option<Seen>>,
) -> Result<Option<LeaderRow>> {
    let Some((now, old)) = session.row(READ, &[]).await?.map(|row| read_with_backend(&row)).transpose()?
    else {
        return Err(Failure::Damaged("the leader row is missing".to_owned()));
    };
    let mut over = (None, None);
    if now.epoch > 0 && now.expires_at > now.now && now.address != address {
        if !Seen::is_over(seen, &now, lease) {
            return Ok(None);
        }
        let left = now.expires_at.since(now.now).as_millis();
        tracing::warn!(
            leader = now.address,
            left,
            "nobody renews a lease that isn't over: the clock went back"
        );
        over = (i64::try_from(now.epoch).ok(), Some(now.expires_at.0));
    }
    if !old.is_empty() && old != backend {
        end(session, &old).await;
    }
    let taken = session.row(TAKE, &[&address, &backend, &millis(lease), &over.0, &over.1]).await?;
    taken.map(|row| read(&row)).transpose()
}

/// Without the right to it, the old leader's connections stay; the lock and the epoch keep it out all the same.
async fn end(session: &Session, backend: &str) {
    match session.row(END, &[&backend]).await {
        Ok(row) => {
            let ended = row.and_then(|row| row.try_get::<_, i64>(0).ok());
            tracing::info!(ended, backend, "ended the old leader's connections");
        }
        Err(Failure::Sql(error)) => {
            tracing::warn!(error = describe(&error), backend, "could not end the old leader's connections");
        }
        Err(failure) => tracing::warn!(?failure, backend, "could not end the old leader's connections"),
    }
}

/// Moves the end of the lease, where it is the known one.
pub(super) async fn renew(
    session: &Session,
    epoch: u64,
    known: Timestamp,
    lease: Duration,
) -> Result<LeaderRow> {
    let Ok(epoch) = i64::try_from(epoch) else { return Err(Failure::Deposed) };
    let row = session.row(RENEW, &[&epoch, &millis(lease), &known.0]).await?;
    row.map_or(Err(Failure::Deposed), |row| read(&row))
}

/// Ends the lease at once. Of another epoch: nothing happens.
pub(super) async fn release(session: &Session, epoch: u64) -> Result<()> {
    let Ok(epoch) = i64::try_from(epoch) else { return Ok(()) };
    session.execute("UPDATE leader SET expires_at = 0 WHERE one AND epoch = $1", &[&epoch]).await?;
    Ok(())
}

/// Who leads; `None` before the first.
pub(super) async fn current(session: &Session) -> Result<Option<LeaderRow>> {
    let row = session.row(READ, &[]).await?;
    let leader = row.map(|row| read(&row)).transpose()?;
    Ok(leader.filter(|leader| leader.epoch > 0))
}

fn read(row: &Row) -> Result<LeaderRow> {
    Ok(LeaderRow {
        epoch: unsigned(row, 0)?,
        address: get(row, 1)?,
        expires_at: time(row, 2)?,
        now: time(row, 3)?,
    })
}

fn read_with_backend(row: &Row) -> Result<(LeaderRow, String)> {
    Ok((read(row)?, get(row, 4)?))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}
