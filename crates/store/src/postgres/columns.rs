//! How rows become the domain's types: the inverse of what `commit` binds.

use super::failure::Failure;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use ukai_domain::{JobId, LaneKey, Progress, Run, TaskBody, TaskId, Timestamp, WorkerId};
use uuid::Uuid;

pub(super) type Result<T, E = Failure> = std::result::Result<T, E>;

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
pub(super) fn body(row: &Row, at: usize) -> Result<TaskBody> {
    let lane = LaneKey { kind: arc(row, at + 2)?, host: arc(row, at + 3)? };
    body_in_lane(row, at, lane)
}

/// The body in the columns from `at` where its lane is known: rows of one window share it.
pub(super) fn body_in_lane(row: &Row, at: usize, lane: LaneKey) -> Result<TaskBody> {
    Ok(TaskBody {
        id: TaskId(get(row, at)?),
        job: JobId(get(row, at + 1)?),
        lane,
        url: get(row, at + 4)?,
        priority: small(row, at + 5)?,
        max_attempts: small(row, at + 6)?,
        timeout_ms: get::<Option<i64>>(row, at + 7)?.map(|v| narrow(v, at + 7)).transpose()?,
        options: get(row, at + 8)?,
        created_at: time(row, at + 9)?,
        depth: narrow(get::<i32>(row, at + 10)?, at + 10)?,
        trace: get::<Option<&str>>(row, at + 11)?.map(Arc::from),
    })
}

/// The history in the columns from `at`.
pub(super) fn progress(row: &Row, at: usize) -> Result<Progress> {
    Ok(Progress {
        run: run(row, at)?,
        attempts: small(row, at + 1)?,
        losses: small(row, at + 2)?,
        parse_errors: small(row, at + 3)?,
        avoid: get::<Option<Uuid>>(row, at + 4)?.map(WorkerId),
    })
}

pub(super) fn get<'r, T: FromSql<'r>>(row: &'r Row, at: usize) -> Result<T> {
    Ok(row.try_get(at)?)
}

pub(super) fn time(row: &Row, at: usize) -> Result<Timestamp> {
    get(row, at).map(Timestamp)
}

pub(super) fn optional_time(row: &Row, at: usize) -> Result<Option<Timestamp>> {
    Ok(get::<Option<i64>>(row, at)?.map(Timestamp))
}

pub(super) fn arc(row: &Row, at: usize) -> Result<Arc<str>> {
    get::<&str>(row, at).map(Arc::from)
}

pub(super) fn run(row: &Row, at: usize) -> Result<Run> {
    narrow(get::<i32>(row, at)?, at).map(Run)
}

/// A `smallint` that is a byte here.
pub(super) fn small(row: &Row, at: usize) -> Result<u8> {
    narrow(get::<i16>(row, at)?, at)
}

/// A number that is never negative.
pub(super) fn unsigned(row: &Row, at: usize) -> Result<u64> {
    narrow(get::<i64>(row, at)?, at)
}

/// A `bigint` that has fewer bits here.
pub(super) fn number<T: TryFrom<i64>>(row: &Row, at: usize) -> Result<T> {
    narrow(get::<i64>(row, at)?, at)
}

fn narrow<V: Copy + std::fmt::Display, T: TryFrom<V>>(value: V, at: usize) -> Result<T> {
    T::try_from(value).map_err(|_| damaged(at, &format!("{value} is out of range")))
}

/// A word of a closed list.
pub(super) fn word<T>(row: &Row, at: usize, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
    let text: &str = get(row, at)?;
    parse(text).ok_or_else(|| damaged(at, &format!("unknown word {text:?}")))
}

/// JSON, or nothing.
pub(super) fn optional_json<T: DeserializeOwned>(row: &Row, at: usize) -> Result<Option<T>> {
    let Some(text) = get::<Option<&str>>(row, at)? else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|e| damaged(at, &e.to_string()))
}

/// JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row, at: usize) -> Result<T> {
    optional_json(row, at)?.ok_or_else(|| damaged(at, "missing"))
}

/// A value that this program never wrote.
pub(super) fn damaged(at: usize, what: &str) -> Failure {
    Failure::Damaged(format!("column {at}: {what}"))
}
