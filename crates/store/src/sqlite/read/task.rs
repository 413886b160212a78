//! A task as the api shows it: its body, its place and its last run.

use super::run;
use crate::sqlite::{place, prefetch};
use crate::{TaskRow, TaskStatus};
use rusqlite::{Connection, Result};
use std::sync::Arc;
use ukai_domain::{Outcome, Place, RunRow, TaskId};

/// What a reader wants beyond the row itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::sqlite) enum Depth {
    /// For lists.
    Row,
    /// For lists that ask for results.
    Result,
    /// For a single task: runs and result.
    Runs,
}

pub(in crate::sqlite) fn by_id(conn: &Connection, id: TaskId, depth: Depth) -> Result<Option<TaskRow>> {
    let Some(body) = prefetch::body_by_id(conn, id)? else { return Ok(None) };
    let body = Arc::new(body);
    let place = place::find(conn, &body)?;
    let runs = match depth {
        Depth::Row | Depth::Result => run::last(conn, id)?.into_iter().collect(),
        Depth::Runs => run::all(conn, id)?,
    };
    drop(body);
    let mut row = assemble(place, runs.last());
    if depth == Depth::Row {
        row.result = None;
    }
    if depth == Depth::Runs {
        row.runs = runs;
    }
    Ok(Some(row))
}

fn assemble(place: Place, last: Option<&RunRow>) -> TaskRow {
    let mut row = TaskRow {
        body: place.body().as_ref().clone(),
        progress: place.progress(),
        status: TaskStatus::Pending,
        worker: last.map(|r| r.worker),
        not_before: None,
        assigned_at: last.map(|r| r.assigned_at),
        started_at: last.and_then(|r| r.started_at),
        finished_at: None,
        deadline: None,
        result: None,
        error: None,
        runs: Vec::new(),
    };
    match place {
        Place::Ready(_) => row.error = last.and_then(|r| r.error.clone()),
        Place::Delayed(_, at) => {
            row.not_before = Some(at);
            row.error = last.and_then(|r| r.error.clone());
        }
        Place::Leased(lease) => {
            let started = lease.started_at.is_some();
            row.status = if started { TaskStatus::Running } else { TaskStatus::Assigned };
            row.worker = Some(lease.worker);
            row.assigned_at = Some(lease.assigned_at);
            row.started_at = lease.started_at;
            row.deadline = Some(lease.deadline);
        }
        Place::Done(done) => {
            row.status = TaskStatus::Done(done.status);
            row.finished_at = Some(done.finished_at);
            row.error = done.error;
            row.result = last.filter(|r| r.outcome == Outcome::Completed).and_then(|r| r.result.clone());
        }
    }
    row
}
