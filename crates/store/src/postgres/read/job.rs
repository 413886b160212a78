//! Jobs with their balances.

use crate::JobPage;
use crate::postgres::columns::{Result, get, number, optional_json, optional_time, time, word};
use crate::postgres::session::{Params, Session};
use std::collections::BTreeMap;
use tokio_postgres::Row;
use ukai_domain::{Counts, Job, JobId, JobKind, JobStatus};
use uuid::Uuid;

/// A balance: what was folded, and what was not yet.
macro_rules! jobs {
    ($rest:literal) => {
        concat!(
            "WITH delta AS (SELECT job, sum(submitted) AS submitted, sum(ready) AS ready, sum(delayed) AS delayed,
                sum(leased) AS leased, sum(completed) AS completed, sum(failed) AS failed,
                sum(cancelled) AS cancelled, sum(purged) AS purged, sum(items) AS items FROM job_delta GROUP BY job)
             SELECT j.id, j.name, j.kind, j.status, j.weight, j.implicit, j.deleting, j.created_at, j.started_at,
                j.completed_at, j.error,
                (coalesce(c.submitted, 0) + coalesce(d.submitted, 0))::bigint,
                (coalesce(c.ready, 0) + coalesce(d.ready, 0))::bigint,
                (coalesce(c.delayed, 0) + coalesce(d.delayed, 0))::bigint,
                (coalesce(c.leased, 0) + coalesce(d.leased, 0))::bigint,
                (coalesce(c.completed, 0) + coalesce(d.completed, 0))::bigint,
                (coalesce(c.failed, 0) + coalesce(d.failed, 0))::bigint,
                (coalesce(c.cancelled, 0) + coalesce(d.cancelled, 0))::bigint,
                (coalesce(c.purged, 0) + coalesce(d.purged, 0))::bigint,
                (coalesce(c.items, 0) + coalesce(d.items, 0))::bigint,
                j.crawl
             FROM job j LEFT JOIN job_count c ON c.job = j.id LEFT JOIN delta d ON d.job = j.id ",
            $rest
        )
    };
}

pub(in crate::postgres) async fn by_id(session: &Session, id: JobId) -> Result<Option<(Job, Counts)>> {
    Ok(rows(session, jobs!("WHERE j.id = $1"), &[&id.0]).await?.pop())
}

pub(in crate::postgres) async fn by_ids(
    session: &Session,
    ids: &[JobId],
) -> Result<BTreeMap<JobId, (Job, Counts)>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = rows(session, jobs!("WHERE j.id = ANY ($1::uuid[])"), &[&ids]).await?;
    Ok(rows.into_iter().map(|row| (row.0.id, row)).collect())
}

/// Those that a leader keeps in memory.
pub(in crate::postgres) async fn open(session: &Session) -> Result<Vec<(Job, Counts)>> {
    let sql = jobs!(
        "WHERE j.status IN ('pending', 'running', 'paused') OR j.implicit OR j.deleting
         OR coalesce(c.ready, 0) + coalesce(d.ready, 0) + coalesce(c.delayed, 0) + coalesce(d.delayed, 0)
            + coalesce(c.leased, 0) + coalesce(d.leased, 0) > 0"
    );
    rows(session, sql, &[]).await
}

/// Newest first.
pub(in crate::postgres) async fn page(session: &Session, offset: u64, limit: u32) -> Result<JobPage> {
    let (offset, limit) = (i64::try_from(offset).unwrap_or(i64::MAX), i64::from(limit));
    let items = rows(session, jobs!("ORDER BY j.id DESC LIMIT $1 OFFSET $2"), &[&limit, &offset]).await?;
    let total = session.row("SELECT count(*) FROM job", &[]).await?;
    Ok(JobPage { items, total: total.map_or(Ok(0), |row| number(&row, 0))? })
}

/// All jobs together, deleted ones too.
pub(in crate::postgres) async fn total(session: &Session) -> Result<Counts> {
    let sql = "SELECT coalesce(sum(submitted), 0)::bigint, coalesce(sum(ready), 0)::bigint,
            coalesce(sum(delayed), 0)::bigint, coalesce(sum(leased), 0)::bigint, coalesce(sum(completed), 0)::bigint,
            coalesce(sum(failed), 0)::bigint, coalesce(sum(cancelled), 0)::bigint, coalesce(sum(purged), 0)::bigint,
            coalesce(sum(items), 0)::bigint
        FROM (SELECT * FROM job_count UNION ALL SELECT * FROM job_delta) every";
    session.row(sql, &[]).await?.map_or_else(|| Ok(Counts::default()), |row| counts(&row, 0))
}

async fn rows(session: &Session, sql: &'static str, params: Params<'_>) -> Result<Vec<(Job, Counts)>> {
    session.rows(sql, params).await?.iter().map(job).collect()
}

fn job(row: &Row) -> Result<(Job, Counts)> {
    let job = Job {
        id: JobId(get(row, 0)?),
        name: get(row, 1)?,
        kind: word(row, 2, JobKind::parse)?,
        status: word(row, 3, JobStatus::parse)?,
        weight: number(row, 4)?,
        implicit: get(row, 5)?,
        deleting: get(row, 6)?,
        created_at: time(row, 7)?,
        started_at: optional_time(row, 8)?,
        completed_at: optional_time(row, 9)?,
        error: get(row, 10)?,
        crawl: optional_json(row, 20)?,
    };
    Ok((job, counts(row, 11)?))
}

fn counts(row: &Row, at: usize) -> Result<Counts> {
    Ok(Counts {
        submitted: get(row, at)?,
        ready: get(row, at + 1)?,
        delayed: get(row, at + 2)?,
        leased: get(row, at + 3)?,
        completed: get(row, at + 4)?,
        failed: get(row, at + 5)?,
        cancelled: get(row, at + 6)?,
        purged: get(row, at + 7)?,
        items: get(row, at + 8)?,
    })
}
