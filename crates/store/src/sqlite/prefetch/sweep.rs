//! The next rows of a job that is being swept.
//!
//! Ready rows need no index by job: there are at most 101 ranks of a kind, so the job's rows are found by
//! stepping from rank to rank and seeking the job in each. Delayed rows have an index, for they are few and cold.
//! Ended ones come by `task_job`. Each slice begins behind the last row of the one before.

use crate::sqlite::columns::{
    BODY_WIDTH, PROGRESS_WIDTH, body, body_columns, progress, progress_columns, time,
};
use crate::sqlite::place::done;
use rusqlite::{Connection, OptionalExtension, Params, Result, Row, params};
use std::sync::Arc;
use ukai_domain::scheduler::SweepNeed;
use ukai_domain::{Place, TaskId, Waiting};

pub(super) const READY: &str = concat!(
    "SELECT ",
    body_columns!(),
    ", ",
    progress_columns!(),
    " FROM task_ready p CROSS JOIN task t ON t.id = p.id
      WHERE p.kind = ?1 AND p.rank = ?2 AND p.job = ?3 AND p.id > ?5 ORDER BY p.id LIMIT ?4"
);

pub(super) const DELAYED: &str = concat!(
    "SELECT ",
    body_columns!(),
    ", ",
    progress_columns!(),
    ", p.at FROM task_delayed p CROSS JOIN task t ON t.id = p.id WHERE p.job = ?1 AND p.id > ?3
      ORDER BY p.id LIMIT ?2"
);

pub(super) const DONE: &str = concat!(
    "SELECT ",
    body_columns!(),
    ", ",
    progress_columns!(),
    ", p.status, p.finished_at, p.error FROM task t CROSS JOIN task_done p ON p.id = t.id
      WHERE t.job = ?1 AND t.id > ?3 ORDER BY t.id LIMIT ?2"
);

/// The first (kind, rank) after one. SQLite seeks to the first row that is equal in what is compared and walks on from
/// there: so the rest of the key is compared too, with what is above all ids.
pub(super) const GROUPS: &str = "SELECT kind, rank FROM task_ready
     WHERE (kind, rank, job) > (?1, ?2, x'ffffffffffffffffffffffffffffffff')
     ORDER BY kind, rank, job LIMIT 1";

/// First what is ready, then what is delayed, then what has ended, where that is asked for.
pub(super) fn next(conn: &Connection, need: &SweepNeed) -> Result<Vec<Place>> {
    let job = need.job.as_bytes();
    let mut places = Vec::new();
    let left = |places: &Vec<Place>| i64::try_from(need.limit - places.len()).unwrap_or(i64::MAX);
    let (ready, delayed, ended) = need.begins();
    let mut group = ready.map(|(kind, rank, after)| (kind.to_owned(), i64::from(rank), after));
    while let Some((kind, rank, after)) = group {
        let limit = left(&places);
        collect(conn, READY, params![kind, rank, job, limit, after.as_bytes()], &mut places, |row| {
            Ok(Place::Ready(waiting(row)?))
        })?;
        if places.len() >= need.limit {
            return Ok(places);
        }
        group = next_group(conn, &kind, rank)?.map(|(kind, rank)| (kind, rank, TaskId::NIL));
    }
    if let Some(after) = delayed {
        let limit = left(&places);
        collect(conn, DELAYED, params![job, limit, after.as_bytes()], &mut places, |row| {
            Ok(Place::Delayed(waiting(row)?, time(row, BODY_WIDTH + PROGRESS_WIDTH)?))
        })?;
    }
    if need.ended_too {
        let limit = left(&places);
        collect(conn, DONE, params![job, limit, ended.as_bytes()], &mut places, |row| {
            Ok(Place::Done(done(row, BODY_WIDTH, Arc::new(body(row, 0)?))?))
        })?;
    }
    Ok(places)
}

fn collect(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    places: &mut Vec<Place>,
    read: impl Fn(&Row<'_>) -> Result<Place>,
) -> Result<()> {
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row| read(row))?;
    for place in rows {
        places.push(place?);
    }
    Ok(())
}

fn waiting(row: &Row<'_>) -> Result<Waiting> {
    Ok(Waiting { body: Arc::new(body(row, 0)?), progress: progress(row, BODY_WIDTH)? })
}

/// The first (kind, rank) behind one that has a ready row.
fn next_group(conn: &Connection, kind: &str, rank: i64) -> Result<Option<(String, i64)>> {
    let mut next = conn.prepare_cached(GROUPS)?;
    next.query_row(params![kind, rank], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}
