//! Where tasks are: one row of all four tables beside the body, of which exactly one has a match.

use super::columns::{
    BODY_WIDTH, PROGRESS_WIDTH, Result, body, damaged, get, optional_json, optional_time, progress, time,
    word,
};
use super::failure::Failure;
use std::sync::Arc;
use tokio_postgres::Row;
use ukai_domain::{Done, DoneStatus, Lease, Place, Progress, SessionId, TaskBody, Waiting, WorkerId};
use uuid::Uuid;

/// The columns behind a body that [`place`] reads; the tables are those of `places_joined`.
macro_rules! place_columns {
    () => {
        "coalesce(d.run, l.run, r.run, y.run), coalesce(d.attempts, l.attempts, r.attempts, y.attempts),
        coalesce(d.losses, l.losses, r.losses, y.losses),
        coalesce(d.parse_errors, l.parse_errors, r.parse_errors, y.parse_errors),
        coalesce(d.avoid, l.avoid, r.avoid, y.avoid), r.id IS NOT NULL, y.at,
        l.worker, l.session, l.assigned_at, l.started_at, l.deadline, d.status, d.finished_at, d.error"
    };
}
/// How many columns that is.
pub(super) const PLACE_WIDTH: usize = PROGRESS_WIDTH + 10;

/// A task `t` with its place.
macro_rules! places_joined {
    () => {
        " LEFT JOIN task_done d ON d.id = t.id LEFT JOIN task_lease l ON l.id = t.id
        LEFT JOIN task_ready r ON r.kind = t.kind AND r.rank = (100 - t.priority)::smallint AND r.job = t.job AND r.id = t.id
        LEFT JOIN task_delayed y ON y.id = t.id "
    };
}
pub(super) use {place_columns, places_joined};

/// The place in the columns from `at`, behind its body. A task is in exactly one: none is a damaged store.
pub(super) fn place(row: &Row, at: usize, body: Arc<TaskBody>) -> Result<Place> {
    let from = at + PROGRESS_WIDTH;
    let history = || progress(row, at);
    if get::<Option<&str>>(row, from + 7)?.is_some() {
        return Ok(Place::Done(done(row, from + 7, body, history()?)?));
    }
    if get::<Option<Uuid>>(row, from + 2)?.is_some() {
        return Ok(Place::Leased(lease(row, from + 2, body, history()?)?));
    }
    if get(row, from)? {
        return Ok(Place::Ready(Waiting { body, progress: history()? }));
    }
    match optional_time(row, from + 1)? {
        Some(at) => Ok(Place::Delayed(Waiting { body, progress: history()? }, at)),
        None => Err(Failure::Damaged(format!("task {} is in no place", body.id))),
    }
}

/// A task in the columns from `at`: its body, then its place.
pub(super) fn placed(row: &Row, at: usize) -> Result<Place> {
    place(row, at + BODY_WIDTH, Arc::new(body(row, at)?))
}

/// An ended task in the columns from `at`: `status, finished_at, error`.
pub(super) fn done(row: &Row, at: usize, body: Arc<TaskBody>, progress: Progress) -> Result<Done> {
    Ok(Done {
        body,
        progress,
        status: word(row, at, DoneStatus::parse)?,
        finished_at: time(row, at + 1)?,
        error: optional_json(row, at + 2)?,
    })
}

/// A lease in the columns from `at`: `worker, session, assigned_at, started_at, deadline`.
pub(super) fn lease(row: &Row, at: usize, body: Arc<TaskBody>, progress: Progress) -> Result<Lease> {
    Ok(Lease {
        body,
        progress,
        worker: WorkerId(get(row, at)?),
        session: SessionId(get(row, at + 1)?),
        assigned_at: time(row, at + 2)?,
        started_at: optional_time(row, at + 3)?,
        deadline: time(row, at + 4)?,
    })
}

/// A waiting task in the columns from `at`: its body, then its history.
pub(super) fn waiting(row: &Row, at: usize) -> Result<Waiting> {
    Ok(Waiting { body: Arc::new(body(row, at)?), progress: progress(row, at + BODY_WIDTH)? })
}

/// The number of a need in column `at`, from 1.
pub(super) fn ordinal(row: &Row, at: usize) -> Result<usize> {
    let n: i64 = get(row, at)?;
    usize::try_from(n).ok().and_then(|n| n.checked_sub(1)).ok_or_else(|| damaged(at, "no ordinal"))
}
