//! Single tasks by id: what a late report, a cancel or a retry names.

use crate::sqlite::columns::{body, body_columns, uuid, word};
use crate::sqlite::place;
use rusqlite::{Connection, OptionalExtension, Result, Row};
use std::sync::Arc;
use ukai_domain::scheduler::{ColdTask, EndedRun};
use ukai_domain::{Outcome, Run, TaskBody, TaskId, WorkerId};

pub(super) fn cold(conn: &Connection, id: TaskId) -> Result<Option<ColdTask>> {
    let Some(body) = body_by_id(conn, id)? else { return Ok(None) };
    let place = place::find(conn, &Arc::new(body))?;
    let ended = |row: &Row<'_>| {
        Ok(EndedRun {
            run: Run(row.get(0)?),
            worker: WorkerId(uuid(row, 1)?),
            outcome: word(row, 2, Outcome::parse)?,
        })
    };
    let runs = conn
        .prepare_cached("SELECT run, worker, outcome FROM run WHERE task = ?1 ORDER BY run")?
        .query_map([id.as_bytes()], ended)?
        .collect::<Result<_>>()?;
    Ok(Some(ColdTask { place, runs }))
}

pub(in crate::sqlite) fn body_by_id(conn: &Connection, id: TaskId) -> Result<Option<TaskBody>> {
    conn.prepare_cached(concat!("SELECT ", body_columns!(), " FROM task t WHERE t.id = ?1"))?
        .query_row([id.as_bytes()], |row| body(row, 0))
        .optional()
}
