//! Ended runs, with what they brought.

use super::Group;
use super::group::json;
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use ukai_domain::RunRow;

pub(super) fn append(conn: &Connection, runs: &[RunRow]) -> Result<(), Failure> {
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
    Ok(())
}
