//! The log, for replays.

use crate::sqlite::columns::{json, time, unsigned, uuid};
use crate::{EventFilter, EventPage};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use ukai_domain::{Event, EventRow, JobId};

/// Out of the job's list, and from the tail that isn't in the lists yet: two walks that both rise, and the second
/// begins where the first ends.
pub(in crate::sqlite) const OF_JOB: &str = "
    SELECT l.first, l.job, e.at, e.body FROM event_job l CROSS JOIN event e ON e.first = l.first
    WHERE l.job = ?4 AND l.first >= ?1 AND e.last > ?2
    UNION ALL
    SELECT t.first, t.job, t.at, t.body FROM event t
    WHERE t.first > (SELECT through FROM event_job_through) AND t.first >= ?1 AND t.last > ?2 AND t.job = ?4
    ORDER BY 1 LIMIT ?3";

/// Rows whose last number lies above `since`, whole, until `limit` events are together.
///
/// Ranges are contiguous, so at most one row that begins before `since` reaches beyond it.
pub(in crate::sqlite) fn page(conn: &Connection, filter: &EventFilter) -> Result<EventPage> {
    let last = conn
        .prepare_cached("SELECT last_event FROM commit_log ORDER BY epoch DESC, n DESC LIMIT 1")?
        .query_row([], |row| unsigned(row, 0))
        .optional()?
        .unwrap_or(0);
    let oldest = conn
        .prepare_cached("SELECT first FROM event ORDER BY first LIMIT 1")?
        .query_row([], |row| unsigned(row, 0))
        .optional()?
        .unwrap_or(1);
    let since = i64::try_from(filter.since).unwrap_or(i64::MAX);
    let from = conn
        .prepare_cached("SELECT first FROM event WHERE first <= ?1 ORDER BY first DESC LIMIT 1")?
        .query_row([since], |row| row.get::<_, i64>(0))
        .optional()?
        .unwrap_or(0);
    let mut statement;
    let mut rows = match filter.job {
        None => {
            statement = conn.prepare_cached(
                "SELECT first, job, at, body FROM event WHERE first >= ?1 AND last > ?2 ORDER BY first LIMIT ?3",
            )?;
            statement.query(params![from, since, filter.limit])?
        }
        Some(job) => {
            statement = conn.prepare_cached(OF_JOB)?;
            statement.query(params![from, since, filter.limit, job.as_bytes()])?
        }
    };
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let (mut page, mut events) = (EventPage { rows: Vec::new(), oldest, last }, 0);
    while events < limit
        && let Some(row) = rows.next()?
    {
        let row = event(row)?;
        events += row.events.len();
        page.rows.push(row);
    }
    Ok(page)
}

fn event(row: &Row<'_>) -> Result<EventRow> {
    let events: Vec<Event> = json(row, 3)?;
    Ok(EventRow { first: unsigned(row, 0)?, job: JobId(uuid(row, 1)?), at: time(row, 2)?, events })
}
