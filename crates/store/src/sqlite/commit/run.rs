//! Ended runs, with what they brought, and the list of each worker's tasks behind them.

use super::Group;
use super::group::json;
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use ukai_domain::RunRow;
use ukai_domain::scheduler::Move;

/// `tail`: runs that are not yet in the workers' lists, at most.
pub(super) fn append(conn: &Connection, runs: &[RunRow], tail: i64) -> Result<(), Failure> {
    if runs.is_empty() {
        return Ok(());
    }
    let mut insert = Group::new(
        conn,
        "insert into run",
        "INSERT INTO run (task, run, attempt, worker, assigned_at, started_at, ended_at, outcome, error, run_metrics,
         items, metrics, extra, result) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    for run in runs {
        let result = run.result.as_ref();
        let row = params![
            run.task.as_bytes(),
            run.run.0,
            run.attempt,
            run.worker.as_bytes(),
            run.assigned_at.0,
            run.started_at.map(|t| t.0),
            run.ended_at.0,
            run.outcome.as_str(),
            run.error.as_ref().map(json).transpose()?,
            run.metrics,
            result.map(|r| r.items),
            result.and_then(|r| r.metrics.as_deref()),
            result.and_then(|r| r.extra.as_deref()),
            result.map(|r| r.result.as_str()),
        ];
        insert.one(row, format_args!("run {} of {}", run.run, run.task))?;
    }
    list(conn, conn.last_insert_rowid(), tail)
}

/// Brings the workers' lists up to date once the tail is long, in the order of the lists: a page is touched once
/// for all its rows instead of once a row.
fn list(conn: &Connection, last: i64, tail: i64) -> Result<(), Failure> {
    let through: i64 =
        conn.prepare_cached("SELECT through FROM run_worker_through")?.query_row([], |row| row.get(0))?;
    if last - through < tail {
        return Ok(());
    }
    conn.prepare_cached(
        "INSERT OR IGNORE INTO run_worker (worker, task)
         SELECT worker, task FROM run WHERE rowid > ?1 ORDER BY worker, task",
    )?
    .execute([through])?;
    conn.prepare_cached("UPDATE run_worker_through SET through = ?1")?.execute([last])?;
    Ok(())
}

pub(super) const UNLIST: &str =
    "DELETE FROM run_worker WHERE (worker, task) IN (SELECT worker, task FROM run WHERE task = ?1)";

pub(super) const PURGE: &str = "DELETE FROM run WHERE task = ?1";

/// Forgets the runs of purged tasks.
pub(super) fn purge(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut lists = Group::new(conn, "delete from run_worker", UNLIST)?;
    let mut runs = Group::new(conn, "delete from run", PURGE)?;
    let mut any = false;
    for m in moves.iter().filter(|m| m.to.is_none()) {
        lists.any([m.task.as_bytes()], m.task)?;
        runs.any([m.task.as_bytes()], m.task)?;
        any = true;
    }
    if any {
        // The rowids of the newest runs are dealt again once their rows are gone.
        conn.prepare_cached(
            "UPDATE run_worker_through SET through = min(through, (SELECT coalesce(max(rowid), 0) FROM run))",
        )?
        .execute([])?;
    }
    Ok(())
}
