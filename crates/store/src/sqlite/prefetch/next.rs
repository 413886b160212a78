//! The next rows of jobs, of single windows and of the timers.

use crate::sqlite::columns::{
    BODY_WIDTH, PROGRESS_WIDTH, arc, body, body_columns, body_in_lane, progress, progress_columns, time, uuid,
};
use rusqlite::{Connection, Result, params};
use std::sync::Arc;
use ukai_domain::scheduler::{DelayedNeed, DelayedRows, RangeNeed, RangeRows, WindowNeed, WindowRows};
use ukai_domain::{LaneKey, TaskId, Waiting};

/// What a job has next is one range of the primary key.
pub(super) const RANGE: &str = concat!(
    "SELECT ",
    body_columns!(),
    ", ",
    progress_columns!(),
    " FROM task_ready p CROSS JOIN task t ON t.id = p.id
      WHERE p.kind = ?1 AND p.rank = ?2 AND p.job = ?3 AND p.id > ?4 ORDER BY p.id LIMIT ?5"
);

/// A window is what its job's range has of one host. Only windows behind a closed lane are read, so rows of other
/// hosts that lie between are looked at in vain now and then, a bounded number each time; an index of its own would
/// cost every task 10 µs instead.
pub(super) const WINDOW: &str = concat!(
    "SELECT ",
    body_columns!(),
    ", ",
    progress_columns!(),
    ", p.id, p.host = ?4 FROM task_ready p LEFT JOIN task t ON t.id = p.id AND p.host = ?4
      WHERE p.kind = ?1 AND p.rank = ?2 AND p.job = ?3 AND p.id > ?5 ORDER BY p.id LIMIT ?6"
);

/// In the order of the times, then of the ids.
pub(super) const DELAYED: &str = concat!(
    "SELECT ",
    body_columns!(),
    ", ",
    progress_columns!(),
    ", p.at FROM task_delayed p CROSS JOIN task t ON t.id = p.id
      WHERE (p.at, p.id) > (?1, ?2) ORDER BY p.at, p.id LIMIT ?3"
);

pub(super) fn range(conn: &Connection, need: &RangeNeed) -> Result<RangeRows> {
    let RangeNeed { key, after, limit } = need;
    let mut statement = conn.prepare_cached(RANGE)?;
    let rank = 100 - i64::from(key.priority);
    let range = params![&*key.kind, rank, key.job.as_bytes(), after.as_bytes(), one_more(*limit)];
    let mut rows = statement
        .query_map(range, |row| {
            let lane = LaneKey { kind: Arc::clone(&key.kind), host: arc(row, 3)? };
            let body = Arc::new(body_in_lane(row, 0, lane)?);
            Ok(Waiting { body, progress: progress(row, BODY_WIDTH)? })
        })?
        .collect::<Result<Vec<_>>>()?;
    let more = rows.len() > *limit;
    rows.truncate(*limit);
    Ok(RangeRows { key: key.clone(), rows, more })
}

pub(super) fn window(conn: &Connection, need: &WindowNeed) -> Result<WindowRows> {
    let WindowNeed { key, after, limit, looks } = need;
    let lane = &key.lane;
    let mut statement = conn.prepare_cached(WINDOW)?;
    let rank = 100 - i64::from(key.priority);
    let looks = i64::try_from(*looks).unwrap_or(i64::MAX).max(1);
    let range = params![&*lane.kind, rank, key.job.as_bytes(), &*lane.host, after.as_bytes(), looks];
    let mut looked = statement.query(range)?;
    let mut rows: Vec<Waiting> = Vec::new();
    let mut at = *after;
    for _ in 0..looks {
        let Some(row) = looked.next()? else { return Ok(WindowRows { key: key.clone(), rows, rest: None }) };
        if row.get(BODY_WIDTH + PROGRESS_WIDTH + 1)? {
            if rows.len() == *limit {
                at = rows.last().map_or(*after, |last| last.body.id);
                break;
            }
            let body = Arc::new(body_in_lane(row, 0, lane.clone())?);
            rows.push(Waiting { body, progress: progress(row, BODY_WIDTH)? });
        }
        at = TaskId(uuid(row, BODY_WIDTH + PROGRESS_WIDTH)?);
    }
    Ok(WindowRows { key: key.clone(), rows, rest: Some(at) })
}

pub(in crate::sqlite) fn delayed(conn: &Connection, need: &DelayedNeed) -> Result<DelayedRows> {
    let (at, id) = need.after;
    let mut rows = conn
        .prepare_cached(DELAYED)?
        .query_map(params![at.0, id.as_bytes(), one_more(need.limit)], |row| {
            let waiting = Waiting { body: Arc::new(body(row, 0)?), progress: progress(row, BODY_WIDTH)? };
            Ok((waiting, time(row, BODY_WIDTH + PROGRESS_WIDTH)?))
        })?
        .collect::<Result<Vec<_>>>()?;
    let more = rows.len() > need.limit;
    rows.truncate(need.limit);
    Ok(DelayedRows { rows, more })
}

/// One row more than asked for says whether there are more.
fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}
