//! Ended runs of tasks.

use crate::postgres::columns::{
    Result, get, number, optional_json, optional_time, run as run_number, small, time, word,
};
use crate::postgres::session::Session;
use tokio_postgres::Row;
use ukai_domain::{Outcome, RunResult, RunRow, TaskId, WorkerId};

/// The columns that [`run`] reads; the table is `u`.
macro_rules! run_columns {
    () => {
        "u.task, u.run, u.attempt, u.worker, u.assigned_at, u.started_at, u.ended_at, u.outcome, u.error,
        u.run_metrics, u.items, u.metrics, u.extra, u.result"
    };
}
/// The same without what lists don't show: large texts stay where they are.
macro_rules! bare_run_columns {
    () => {
        "u.task, u.run, u.attempt, u.worker, u.assigned_at, u.started_at, u.ended_at, u.outcome, u.error,
        NULL::text, NULL::bigint, NULL::text, NULL::text, NULL::text"
    };
}
pub(super) use {bare_run_columns, run_columns};

/// Oldest first.
pub(super) async fn all(session: &Session, task: TaskId) -> Result<Vec<RunRow>> {
    let sql = concat!("SELECT ", run_columns!(), " FROM run u WHERE u.task = $1 ORDER BY u.run");
    session.rows(sql, &[&task.0]).await?.iter().map(|row| run(row, 0)).collect()
}

/// The run in the columns from `at`; `None` where all of them are null.
pub(super) fn optional(row: &Row, at: usize) -> Result<Option<RunRow>> {
    match get::<Option<i32>>(row, at + 1)? {
        Some(_) => run(row, at).map(Some),
        None => Ok(None),
    }
}

fn run(row: &Row, at: usize) -> Result<RunRow> {
    let result = match get::<Option<String>>(row, at + 13)? {
        Some(result) => Some(RunResult {
            result,
            metrics: get(row, at + 11)?,
            extra: get(row, at + 12)?,
            items: number(row, at + 10)?,
        }),
        None => None,
    };
    Ok(RunRow {
        task: TaskId(get(row, at)?),
        run: run_number(row, at + 1)?,
        attempt: small(row, at + 2)?,
        worker: WorkerId(get(row, at + 3)?),
        assigned_at: time(row, at + 4)?,
        started_at: optional_time(row, at + 5)?,
        ended_at: time(row, at + 6)?,
        outcome: word(row, at + 7, Outcome::parse)?,
        error: optional_json(row, at + 8)?,
        result,
        metrics: get(row, at + 9)?,
    })
}
