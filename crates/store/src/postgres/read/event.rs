//! The log, for replays.

use crate::postgres::columns::{Result, get, json, time, unsigned};
use crate::postgres::session::Session;
use crate::{EventFilter, EventPage};
use tokio_postgres::Row;
use ukai_domain::{Event, EventRow, JobId};

const OLDEST: &str = "SELECT first FROM event ORDER BY first LIMIT 1";

/// Rows at a time: a page ends by its number of events, which only the rows themselves tell.
const CHUNK: i64 = 200;

/// Ranges are contiguous: at most one row that begins before $1 reaches beyond it.
const NEXT: &str = "SELECT first, job, at, body, last FROM event
    WHERE first >= coalesce((SELECT first FROM event WHERE first <= $1 ORDER BY first DESC LIMIT 1), 0) AND last > $1
    ORDER BY first LIMIT $2";

/// Out of the job's list.
const LISTED: &str = "SELECT l.first, e.job, e.at, e.body, e.last FROM event_job l
    CROSS JOIN LATERAL (SELECT * FROM event WHERE event.first = l.first OFFSET 0) e
    WHERE l.job = $3 AND e.last > $1
        AND l.first >= coalesce((SELECT first FROM event WHERE first <= $1 ORDER BY first DESC LIMIT 1), 0)
    ORDER BY l.first LIMIT $2";

/// Of the same job, from the tail that isn't in the lists yet: it lies behind all that is.
const UNLISTED: &str = "SELECT first, job, at, body, last FROM event
    WHERE first > (SELECT through FROM event_job_through) AND job = $3 AND last > $1 ORDER BY first LIMIT $2";

/// Rows whose last number lies above `since`, whole, until `limit` events are together.
pub(in crate::postgres) async fn page(session: &Session, filter: &EventFilter) -> Result<EventPage> {
    session.begin_reads().await?;
    let page = read(session, filter).await;
    session.batch("ROLLBACK").await?;
    page
}

async fn read(session: &Session, filter: &EventFilter) -> Result<EventPage> {
    let newest = "SELECT last_event FROM commit_log ORDER BY epoch DESC, n DESC LIMIT 1";
    let last = session.row(newest, &[]).await?.map_or(Ok(0), |row| unsigned(&row, 0))?;
    let oldest = session.row(OLDEST, &[]).await?.map_or(Ok(1), |row| unsigned(&row, 0))?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let mut since = i64::try_from(filter.since).unwrap_or(i64::MAX);
    let chunk = CHUNK.min(filter.limit.into());
    let (mut page, mut events) = (EventPage { rows: Vec::new(), oldest, last }, 0);
    let mut walks = if filter.job.is_some() { vec![UNLISTED, LISTED] } else { vec![NEXT] };
    while events < limit
        && let Some(walk) = walks.last()
    {
        let rows = match filter.job {
            None => session.rows(walk, &[&since, &chunk]).await?,
            Some(job) => session.rows(walk, &[&since, &chunk, &job.0]).await?,
        };
        let is_last = i64::try_from(rows.len()).unwrap_or(i64::MAX) < chunk;
        for row in &rows {
            if events >= limit {
                break;
            }
            since = get(row, 4)?;
            let row = event(row)?;
            events += row.events.len();
            page.rows.push(row);
        }
        if is_last {
            walks.pop();
        }
    }
    Ok(page)
}

fn event(row: &Row) -> Result<EventRow> {
    let events: Vec<Event> = json(row, 3)?;
    Ok(EventRow { first: unsigned(row, 0)?, job: JobId(get(row, 1)?), at: time(row, 2)?, events })
}

/// What a replay reads, with its plan asserted.
#[cfg(test)]
pub(in crate::postgres) fn statements() -> [&'static str; 4] {
    [OLDEST, NEXT, LISTED, UNLISTED]
}
