//! How rows become the domain's types: the inverse of what `commit` binds.

use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use ukai_domain::{JobId, LaneKey, Progress, Run, TaskBody, TaskId, Timestamp, WorkerId};
use uuid::Uuid;

/// A task's body; the table is `t`. [`body`] reads it.
macro_rules! body_columns {
    () => {
        "t.id, t.job, t.kind, t.host, t.url, t.priority, t.max_attempts, t.timeout_ms, t.options, t.created_at,
         t.depth, t.trace"
    };
}
/// How many columns that is.
pub(super) const BODY_WIDTH: usize = 12;

/// A task's history; the table is `p`. [`progress`] reads it.
macro_rules! progress_columns {
    () => {
        "p.run, p.attempts, p.losses, p.parse_errors, p.avoid"
    };
}
/// How many columns that is.
pub(super) const PROGRESS_WIDTH: usize = 5;

pub(super) use {body_columns, progress_columns};

/// The body in the columns from `at`.
pub(super) fn body(row: &Row<'_>, at: usize) -> Result<TaskBody> {
    let lane = LaneKey { kind: arc(row, at + 2)?, host: arc(row, at + 3)? };
    body_in_lane(row, at, lane)
}

/// The body in the columns from `at` where its lane is known: rows of one window share it.
pub(super) fn body_in_lane(row: &Row<'_>, at: usize, lane: LaneKey) -> Result<TaskBody> {
    Ok(TaskBody {
        id: TaskId(uuid(row, at)?),
        job: JobId(uuid(row, at + 1)?),
        lane,
        url: row.get(at + 4)?,
        priority: row.get(at + 5)?,
        max_attempts: row.get(at + 6)?,
        timeout_ms: row.get(at + 7)?,
        options: row.get(at + 8)?,
        created_at: time(row, at + 9)?,
        depth: row.get(at + 10)?,
        trace: row.get_ref(at + 11)?.as_str_or_null()?.map(Arc::from),
    })
}

/// The history in the columns from `at`.
pub(super) fn progress(row: &Row<'_>, at: usize) -> Result<Progress> {
    Ok(Progress {
        run: Run(row.get(at)?),
        attempts: row.get(at + 1)?,
        losses: row.get(at + 2)?,
        parse_errors: row.get(at + 3)?,
        avoid: optional_uuid(row, at + 4)?.map(WorkerId),
    })
}

pub(super) fn uuid(row: &Row<'_>, at: usize) -> Result<Uuid> {
    Ok(Uuid::from_bytes(row.get(at)?))
}

pub(super) fn optional_uuid(row: &Row<'_>, at: usize) -> Result<Option<Uuid>> {
    Ok(row.get::<_, Option<[u8; 16]>>(at)?.map(Uuid::from_bytes))
}

pub(super) fn time(row: &Row<'_>, at: usize) -> Result<Timestamp> {
    Ok(Timestamp(row.get(at)?))
}

pub(super) fn optional_time(row: &Row<'_>, at: usize) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(at)?.map(Timestamp))
}

pub(super) fn arc(row: &Row<'_>, at: usize) -> Result<Arc<str>> {
    Ok(Arc::from(row.get_ref(at)?.as_str()?))
}

/// A number that is never negative.
pub(super) fn unsigned(row: &Row<'_>, at: usize) -> Result<u64> {
    let value: i64 = row.get(at)?;
    u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(at, value))
}

/// A word of a closed list.
pub(super) fn word<T>(row: &Row<'_>, at: usize, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
    let text = row.get_ref(at)?.as_str()?;
    parse(text).ok_or_else(|| damaged(at, format!("unknown word {text:?}")))
}

/// JSON, or nothing.
pub(super) fn optional_json<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> Result<Option<T>> {
    let Some(text) = row.get_ref(at)?.as_str_or_null()? else { return Ok(None) };
    serde_json::from_str(text)
        .map(Some)
        .map_err(|e| Error::FromSqlConversionFailure(at, Type::Text, Box::new(e)))
}

/// JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> Result<T> {
    optional_json(row, at)?.ok_or_else(|| damaged(at, "missing".to_owned()))
}

/// A value that this program never wrote.
pub(super) fn damaged(at: usize, what: String) -> Error {
    Error::FromSqlConversionFailure(at, Type::Text, what.into())
}
