//! Ended runs of a task.

use crate::sqlite::columns::{optional_json, optional_time, time, uuid, word};
use rusqlite::{Connection, OptionalExtension, Result, Row};
use ukai_domain::{Outcome, Run, RunResult, RunRow, TaskId, WorkerId};

macro_rules! runs {
    ($rest:literal) => {
        concat!(
            "SELECT task, run, attempt, worker, assigned_at, started_at, ended_at, outcome, error, run_metrics, items,
             metrics, extra, result FROM run ",
            $rest
        )
    };
}

/// Oldest first.
pub(in crate::sqlite) fn all(conn: &Connection, task: TaskId) -> Result<Vec<RunRow>> {
    conn.prepare_cached(runs!("WHERE task = ?1 ORDER BY run"))?.query_map([task.as_bytes()], run)?.collect()
}

/// The newest.
pub(in crate::sqlite) fn last(conn: &Connection, task: TaskId) -> Result<Option<RunRow>> {
    conn.prepare_cached(runs!("WHERE task = ?1 ORDER BY run DESC LIMIT 1"))?
        .query_row([task.as_bytes()], run)
        .optional()
}

fn run(row: &Row<'_>) -> Result<RunRow> {
    let result = match row.get::<_, Option<String>>(13)? {
        Some(result) => {
            Some(RunResult { result, metrics: row.get(11)?, extra: row.get(12)?, items: row.get(10)? })
        }
        None => None,
    };
    Ok(RunRow {
        task: TaskId(uuid(row, 0)?),
        run: Run(row.get(1)?),
        attempt: row.get(2)?,
        worker: WorkerId(uuid(row, 3)?),
        assigned_at: time(row, 4)?,
        started_at: optional_time(row, 5)?,
        ended_at: time(row, 6)?,
        outcome: word(row, 7, Outcome::parse)?,
        error: optional_json(row, 8)?,
        result,
        metrics: row.get(9)?,
    })
}
