//! How many ready tasks come before one, for the page that says why it waits.
//!
//! Exact to 10,000, in time that doesn't grow with the queue: jobs are visited one by one, and where there are
//! more than [`JOBS`] of them the count is what was found so far, a lower bound.

use super::body_by_id;
use crate::sqlite::columns::uuid;
use rusqlite::{Connection, OptionalExtension, Result, params};
use ukai_domain::TaskId;
use uuid::Uuid;

/// The count stops here.
const CAP: i64 = 10_000;
/// Jobs with rows of the task's own priority that are visited.
const JOBS: usize = 5_000;

pub(super) const HIGHER: &str =
    "SELECT count(*) FROM (SELECT 1 FROM task_ready WHERE kind = ?1 AND rank < ?2 LIMIT ?3)";

pub(super) const NEXT_JOB: &str =
    "SELECT job FROM task_ready WHERE kind = ?1 AND rank = ?2 AND job > ?3 ORDER BY job LIMIT 1";

pub(super) const OLDER: &str = "SELECT count(*) FROM (SELECT 1 FROM task_ready
     WHERE kind = ?1 AND rank = ?2 AND job = ?3 AND id < ?4 LIMIT ?5)";

/// `None` for a task that doesn't exist.
pub(super) fn count(conn: &Connection, id: TaskId) -> Result<Option<u64>> {
    let Some(body) = body_by_id(conn, id)? else { return Ok(None) };
    let kind = &*body.lane.kind;
    let rank = 100 - i64::from(body.priority);
    let mut count: i64 =
        conn.prepare_cached(HIGHER)?.query_row(params![kind, rank, CAP], |row| row.get(0))?;
    let mut next = conn.prepare_cached(NEXT_JOB)?;
    let mut older = conn.prepare_cached(OLDER)?;
    // The nil id is no job's.
    let mut job = Uuid::nil();
    for _ in 0..JOBS {
        if count >= CAP {
            break;
        }
        let after = params![kind, rank, job.as_bytes()];
        let Some(found) = next.query_row(after, |row| uuid(row, 0)).optional()? else { break };
        job = found;
        let key = params![kind, rank, job.as_bytes(), id.as_bytes(), CAP - count];
        count += older.query_row(key, |row| row.get::<_, i64>(0))?;
    }
    Ok(Some(u64::try_from(count).unwrap_or(0)))
}
