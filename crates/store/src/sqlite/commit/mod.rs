//! One commit, one transaction: the fence, the commit's name, then the rows, each group in its own file.

mod delayed;
mod done;
mod event;
mod expansion;
mod group;
mod idempotency;
mod job;
mod lane;
mod lease;
mod moves;
mod ready;
mod run;
mod task;
mod worker;

use super::failure::{Failure, is_duplicate};
use super::leader;
use crate::{Applied, CommitError};
use group::{Group, number};
use rusqlite::{Connection, params};
use ukai_domain::scheduler::Commit;

/// What may wait for its place in the lists of a worker's tasks and of a job's events: [`super::Options`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Tails {
    pub(super) runs: i64,
    pub(super) events: i64,
}

/// Applies `commit` whole or not at all.
pub(super) fn commit(conn: &Connection, commit: &Commit, tails: Tails) -> Result<Applied, CommitError> {
    fail::fail_point!("store-before-begin");
    let failure = match write(conn, commit, tails) {
        Ok(()) => {
            fail::fail_point!("store-committed");
            return Ok(Applied::Now);
        }
        Err(failure) => failure,
    };
    if !conn.is_autocommit() {
        // After some errors SQLite has rolled back by itself; after the others this does.
        if let Err(error) = conn.execute_batch("ROLLBACK") {
            return Err(CommitError::Unavailable(format!("could not roll back: {error}")));
        }
    }
    match failure {
        Failure::Before => Ok(Applied::Before),
        other => Err(other.into_commit_error(commit.id.epoch)),
    }
}

fn write(conn: &Connection, commit: &Commit, tails: Tails) -> Result<(), Failure> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    leader::fence(conn, commit.id.epoch)?;
    fail::fail_point!("store-fenced");
    name(conn, commit)?;
    fail::fail_point!("store-named");
    job::put(conn, &commit.jobs)?;
    task::insert(conn, &commit.tasks)?;
    fail::fail_point!("store-tasks");
    moves::apply(conn, &commit.moves)?;
    fail::fail_point!("store-moved");
    expansion::apply(conn, commit)?;
    fail::fail_point!("store-expanded");
    run::append(conn, &commit.runs, tails.runs)?;
    job::count(conn, &commit.counts)?;
    expansion::forget(conn, &commit.deleted_jobs)?;
    job::delete(conn, &commit.deleted_jobs)?;
    fail::fail_point!("store-counted");
    event::append(conn, &commit.events, tails.events)?;
    fail::fail_point!("store-logged");
    worker::put(conn, &commit.workers)?;
    worker::delete(conn, &commit.deleted_workers)?;
    lane::put(conn, &commit.lanes)?;
    lane::put_hosts(conn, &commit.hosts)?;
    idempotency::remember(conn, &commit.idempotency)?;
    fail::fail_point!("store-before-commit");
    conn.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

/// Inserted, never looked for: where the name is there already, an earlier sending was applied.
fn name(conn: &Connection, commit: &Commit) -> Result<(), Failure> {
    let epoch = number("epoch", commit.id.epoch)?;
    let n = number("commit", commit.id.n)?;
    let last_event = number("event", commit.last_event)?;
    let inserted = conn
        .prepare_cached("INSERT INTO commit_log (epoch, n, last_event, now) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![epoch, n, last_event, commit.now.0]);
    match inserted {
        Ok(_) => Ok(()),
        Err(error) if is_duplicate(&error) => Err(Failure::Before),
        Err(error) => Err(error.into()),
    }
}

/// What runs once for every task, with its plan asserted at a million rows.
#[cfg(test)]
pub(super) fn statements() -> Vec<&'static str> {
    vec![
        ready::LEAVE,
        ready::STAY,
        delayed::LEAVE,
        lease::LEAVE,
        lease::STAY,
        done::LEAVE,
        run::UNLIST,
        run::PURGE,
        expansion::LEAVE,
        expansion::DROP,
        expansion::FORGET,
    ]
}
