//! Jobs with their balances.

use crate::JobPage;
use crate::sqlite::columns::{optional_json, optional_time, time, uuid, word};
use rusqlite::{Connection, OptionalExtension, Params, Result, Row, params};
use ukai_domain::{Counts, Job, JobId, JobKind, JobStatus};

macro_rules! jobs {
    ($rest:literal) => {
        concat!(
            "SELECT j.id, j.name, j.kind, j.status, j.weight, j.implicit, j.deleting, j.created_at, j.started_at,
             j.completed_at, j.error, c.submitted, c.ready, c.delayed, c.leased, c.completed, c.failed, c.cancelled,
             c.purged, c.items, j.crawl FROM job j LEFT JOIN job_count c ON c.job = j.id ",
            $rest
        )
    };
}

pub(in crate::sqlite) fn by_id(conn: &Connection, id: JobId) -> Result<Option<(Job, Counts)>> {
    conn.prepare_cached(jobs!("WHERE j.id = ?1"))?.query_row([id.as_bytes()], job).optional()
}

/// Those that a leader keeps in memory.
pub(in crate::sqlite) fn open(conn: &Connection) -> Result<Vec<(Job, Counts)>> {
    rows(
        conn,
        jobs!(
            "WHERE j.status IN ('pending', 'running', 'paused') OR j.implicit OR j.deleting
             OR c.ready + c.delayed + c.leased > 0"
        ),
        [],
    )
}

/// Newest first.
pub(in crate::sqlite) fn page(conn: &Connection, offset: u64, limit: u32) -> Result<JobPage> {
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let items = rows(conn, jobs!("ORDER BY j.id DESC LIMIT ?1 OFFSET ?2"), params![limit, offset])?;
    let total = conn.prepare_cached("SELECT count(*) FROM job")?.query_row([], |row| row.get::<_, i64>(0))?;
    Ok(JobPage { items, total: u64::try_from(total).unwrap_or(0) })
}

/// All jobs together, deleted ones too.
pub(in crate::sqlite) fn total(conn: &Connection) -> Result<Counts> {
    conn.prepare_cached(
        "SELECT coalesce(sum(submitted), 0), coalesce(sum(ready), 0), coalesce(sum(delayed), 0),
         coalesce(sum(leased), 0), coalesce(sum(completed), 0), coalesce(sum(failed), 0), coalesce(sum(cancelled), 0),
         coalesce(sum(purged), 0), coalesce(sum(items), 0) FROM job_count",
    )?
    .query_row([], |row| counts(row, 0))
}

fn rows(conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<(Job, Counts)>> {
    conn.prepare_cached(sql)?.query_map(params, job)?.collect()
}

fn job(row: &Row<'_>) -> Result<(Job, Counts)> {
    let job = Job {
        id: JobId(uuid(row, 0)?),
        name: row.get(1)?,
        kind: word(row, 2, JobKind::parse)?,
        status: word(row, 3, JobStatus::parse)?,
        weight: row.get(4)?,
        implicit: row.get(5)?,
        deleting: row.get(6)?,
        created_at: time(row, 7)?,
        started_at: optional_time(row, 8)?,
        completed_at: optional_time(row, 9)?,
        error: row.get(10)?,
        crawl: optional_json(row, 20)?,
    };
    Ok((job, counts(row, 11)?))
}

fn counts(row: &Row<'_>, at: usize) -> Result<Counts> {
    // Null where nothing was counted yet.
    let n = |i: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at + i)?.unwrap_or(0));
    Ok(Counts {
        submitted: n(0)?,
        ready: n(1)?,
        delayed: n(2)?,
        leased: n(3)?,
        completed: n(4)?,
        failed: n(5)?,
        cancelled: n(6)?,
        purged: n(7)?,
        items: n(8)?,
    })
}
