//! Tasks as the api shows them: body, place and last run.

use super::run::{self, bare_run_columns, run_columns};
use crate::postgres::columns::{BODY_WIDTH, Result, body_columns};
use crate::postgres::place::{PLACE_WIDTH, place_columns, placed, places_joined};
use crate::postgres::session::Session;
use crate::{TaskRow, TaskStatus};
use std::collections::HashMap;
use ukai_domain::{Outcome, Place, RunRow, TaskId};
use uuid::Uuid;

macro_rules! tasks {
    ($run:ident) => {
        concat!(
            "SELECT ",
            body_columns!(),
            ", ",
            place_columns!(),
            ", ",
            $run!(),
            " FROM task t",
            places_joined!(),
            "LEFT JOIN LATERAL (SELECT * FROM run n WHERE n.task = t.id ORDER BY n.run DESC LIMIT 1) u ON true
             WHERE t.id = ANY ($1::uuid[])"
        )
    };
}
pub(in crate::postgres) const BARE: &str = tasks!(bare_run_columns);
pub(in crate::postgres) const WITH_RESULT: &str = tasks!(run_columns);

/// With its runs and result.
pub(in crate::postgres) async fn by_id(session: &Session, id: TaskId) -> Result<Option<TaskRow>> {
    session.begin_reads().await?;
    let found = read(session, id).await;
    session.batch("ROLLBACK").await?;
    found
}

async fn read(session: &Session, id: TaskId) -> Result<Option<TaskRow>> {
    let Some(row) = session.row(BARE, &[&vec![id.0]]).await? else { return Ok(None) };
    let runs = run::all(session, id).await?;
    let mut row = assemble(placed(&row, 0)?, runs.last());
    row.runs = runs;
    Ok(Some(row))
}

/// In the order of `ids`; results only where asked for, runs never.
pub(super) async fn by_ids(session: &Session, ids: &[Uuid], with_result: bool) -> Result<Vec<TaskRow>> {
    let sql = if with_result { WITH_RESULT } else { BARE };
    let mut found = HashMap::with_capacity(ids.len());
    for row in session.rows(sql, &[&ids]).await? {
        let last = run::optional(&row, BODY_WIDTH + PLACE_WIDTH)?;
        let row = assemble(placed(&row, 0)?, last.as_ref());
        found.insert(row.body.id.0, row);
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
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
