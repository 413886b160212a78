//! Where a task is, by its body.

use super::columns::{
    PROGRESS_WIDTH, damaged, optional_json, optional_time, progress, progress_columns, time, uuid, word,
};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use std::sync::Arc;
use ukai_domain::{Done, DoneStatus, Lease, Place, SessionId, TaskBody, Waiting, WorkerId};

/// The columns of a lease behind its history; [`lease`] reads them.
macro_rules! lease_columns {
    () => {
        "p.worker, p.session, p.assigned_at, p.started_at, p.deadline"
    };
}
pub(super) use lease_columns;

/// A task is in exactly one place: none is a damaged store.
pub(super) fn find(conn: &Connection, body: &Arc<TaskBody>) -> Result<Place> {
    if let Some(done) = find_done(conn, body)? {
        return Ok(Place::Done(done));
    }
    if let Some(lease) = find_lease(conn, body)? {
        return Ok(Place::Leased(lease));
    }
    if let Some(place) = find_ready(conn, body)? {
        return Ok(place);
    }
    find_delayed(conn, body)?.ok_or_else(|| damaged(0, format!("task {} is in no place", body.id)))
}

fn find_done(conn: &Connection, body: &Arc<TaskBody>) -> Result<Option<Done>> {
    conn.prepare_cached(concat!(
        "SELECT ",
        progress_columns!(),
        ", p.status, p.finished_at, p.error FROM task_done p WHERE p.id = ?1"
    ))?
    .query_row([body.id.as_bytes()], |row| done(row, 0, Arc::clone(body)))
    .optional()
}

fn find_lease(conn: &Connection, body: &Arc<TaskBody>) -> Result<Option<Lease>> {
    conn.prepare_cached(concat!(
        "SELECT ",
        progress_columns!(),
        ", ",
        lease_columns!(),
        " FROM task_lease p WHERE p.id = ?1"
    ))?
    .query_row([body.id.as_bytes()], |row| lease(row, 0, Arc::clone(body)))
    .optional()
}

fn find_ready(conn: &Connection, body: &Arc<TaskBody>) -> Result<Option<Place>> {
    conn.prepare_cached(concat!(
        "SELECT ",
        progress_columns!(),
        " FROM task_ready p WHERE p.kind = ?1 AND p.rank = ?2 AND p.job = ?3 AND p.id = ?4"
    ))?
    .query_row(
        params![&*body.lane.kind, 100 - i64::from(body.priority), body.job.as_bytes(), body.id.as_bytes()],
        |row| Ok(Place::Ready(Waiting { body: Arc::clone(body), progress: progress(row, 0)? })),
    )
    .optional()
}

fn find_delayed(conn: &Connection, body: &Arc<TaskBody>) -> Result<Option<Place>> {
    conn.prepare_cached(concat!(
        "SELECT ",
        progress_columns!(),
        ", p.at FROM task_delayed p WHERE p.id = ?1"
    ))?
    .query_row([body.id.as_bytes()], |row| {
        let waiting = Waiting { body: Arc::clone(body), progress: progress(row, 0)? };
        Ok(Place::Delayed(waiting, time(row, PROGRESS_WIDTH)?))
    })
    .optional()
}

/// An ended task in the columns from `at`: its history, `status, finished_at, error`.
pub(super) fn done(row: &Row<'_>, at: usize, body: Arc<TaskBody>) -> Result<Done> {
    Ok(Done {
        body,
        progress: progress(row, at)?,
        status: word(row, at + PROGRESS_WIDTH, DoneStatus::parse)?,
        finished_at: time(row, at + PROGRESS_WIDTH + 1)?,
        error: optional_json(row, at + PROGRESS_WIDTH + 2)?,
    })
}

/// A lease in the columns from `at`: its history and `lease_columns`.
pub(super) fn lease(row: &Row<'_>, at: usize, body: Arc<TaskBody>) -> Result<Lease> {
    Ok(Lease {
        body,
        progress: progress(row, at)?,
        worker: WorkerId(uuid(row, at + PROGRESS_WIDTH)?),
        session: SessionId(uuid(row, at + PROGRESS_WIDTH + 1)?),
        assigned_at: time(row, at + PROGRESS_WIDTH + 2)?,
        started_at: optional_time(row, at + PROGRESS_WIDTH + 3)?,
        deadline: time(row, at + PROGRESS_WIDTH + 4)?,
    })
}
