//! How many ready tasks come before one, for the page that says why it waits.
//!
//! Exact to 10,000, in time that doesn't grow with the queue: windows are visited one by one, and where there are
//! more than [`WINDOWS`] of them the count is what was found so far, a lower bound.

use super::body_by_id;
use crate::sqlite::columns::uuid;
use rusqlite::{Connection, OptionalExtension, Result, params};
use ukai_domain::TaskId;

/// The count stops here.
const CAP: i64 = 10_000;
/// Windows of the task's own priority that are visited.
const WINDOWS: usize = 5_000;

pub(super) const HIGHER: &str =
    "SELECT count(*) FROM (SELECT 1 FROM task_ready WHERE kind = ?1 AND rank < ?2 LIMIT ?3)";

pub(super) const NEXT_WINDOW: &str = "SELECT job, host FROM task_ready
     WHERE kind = ?1 AND rank = ?2 AND (job, host) > (?3, ?4) ORDER BY job, host LIMIT 1";

pub(super) const OLDER: &str = "SELECT count(*) FROM (SELECT 1 FROM task_ready
     WHERE kind = ?1 AND rank = ?2 AND job = ?3 AND host = ?4 AND id < ?5 LIMIT ?6)";

/// `None` for a task that doesn't exist.
pub(super) fn count(conn: &Connection, id: TaskId) -> Result<Option<u64>> {
    let Some(body) = body_by_id(conn, id)? else { return Ok(None) };
    let kind = &*body.lane.kind;
    let rank = 100 - i64::from(body.priority);
    let mut count: i64 =
        conn.prepare_cached(HIGHER)?.query_row(params![kind, rank, CAP], |row| row.get(0))?;
    let mut next = conn.prepare_cached(NEXT_WINDOW)?;
    let mut older = conn.prepare_cached(OLDER)?;
    let (mut job, mut host) = (uuid::Uuid::nil(), String::new());
    for _ in 0..WINDOWS {
        if count >= CAP {
            break;
        }
        let window = next
            .query_row(params![kind, rank, job.as_bytes(), host], |row| Ok((uuid(row, 0)?, row.get(1)?)))
            .optional()?;
        let Some(window) = window else { break };
        (job, host) = window;
        let key = params![kind, rank, job.as_bytes(), host, id.as_bytes(), CAP - count];
        count += older.query_row(key, |row| row.get::<_, i64>(0))?;
    }
    Ok(Some(u64::try_from(count).unwrap_or(0)))
}
