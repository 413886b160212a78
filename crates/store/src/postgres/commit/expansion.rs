//! Links on their way to become tasks, and the pages that crawls have.

use super::batch::{Batch, Rows, json, number, params};
use crate::postgres::failure::Failure;
use ukai_domain::scheduler::Commit;
use ukai_domain::{Expansion, JobId, UrlHash};
use uuid::Uuid;

/// By the whole key.
pub(super) const LEAVE: &str = "DELETE FROM expansion e USING unnest($1::uuid[], $2::uuid[]) n (job, task)
    CROSS JOIN LATERAL (SELECT q.ctid AS place FROM expansion q WHERE q.job = n.job AND q.task = n.task OFFSET 0) q
    WHERE e.ctid = q.place";

/// All of a job.
pub(super) const DROP: &str = "DELETE FROM expansion WHERE job = $1";

const INSERT: &str = "INSERT INTO expansion
        (job, task, depth, priority, max_attempts, timeout_ms, count, options, links)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::smallint[], $5::smallint[], $6::bigint[],
        $7::bigint[], $8::text[], $9::text[])";

/// A page that its crawl has already is an error of the step: it read which ones are there.
const TAKE: &str = "INSERT INTO job_url (job, hash) SELECT * FROM unnest($1::uuid[], $2::uuid[])";

/// Of jobs that are gone.
pub(super) const FORGET: &str = "DELETE FROM job_url WHERE job = ANY ($1::uuid[])";

/// Links of jobs that are gone: a job that has some isn't.
pub(super) const LEFT: &str = "DELETE FROM expansion WHERE job = ANY ($1::uuid[])";

/// Out with what has become tasks or never will, in with what is new.
pub(super) fn apply<'c>(batch: &mut Batch<'c>, commit: &'c Commit) -> Result<(), Failure> {
    if !commit.expanded.is_empty() {
        let (jobs, tasks): (Vec<Uuid>, Vec<Uuid>) =
            commit.expanded.iter().map(|(job, task)| (job.0, task.0)).unzip();
        batch.add("delete from expansion", LEAVE, Rows::Exactly(jobs.len()), params![jobs, tasks]);
    }
    for (job, rows) in &commit.dropped_expansions {
        let rows = usize::try_from(*rows)
            .map_err(|_| Failure::Refused(format!("drop from expansion: {rows} rows for {job}")))?;
        batch.add("drop from expansion", DROP, Rows::Exactly(rows), params![job.0]);
    }
    insert(batch, &commit.expansions)?;
    take(batch, &commit.urls);
    Ok(())
}

fn insert<'c>(batch: &mut Batch<'c>, rows: &'c [Expansion]) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns = params![
        rows.iter().map(|e| e.job.0).collect::<Vec<Uuid>>(),
        rows.iter().map(|e| e.task.0).collect::<Vec<Uuid>>(),
        rows.iter().map(|e| i32::from(e.depth)).collect::<Vec<_>>(),
        rows.iter().map(|e| i16::from(e.priority)).collect::<Vec<_>>(),
        rows.iter().map(|e| i16::from(e.max_attempts)).collect::<Vec<_>>(),
        rows.iter().map(|e| e.timeout_ms.map(i64::from)).collect::<Vec<_>>(),
        rows.iter().map(|e| number("links", e.links.len() as u64)).collect::<Result<Vec<_>, _>>()?,
        rows.iter().map(|e| e.options.as_deref()).collect::<Vec<_>>(),
        rows.iter().map(|e| json(&e.links)).collect::<Result<Vec<_>, _>>()?,
    ];
    batch.add("insert into expansion", INSERT, Rows::Exactly(rows.len()), columns);
    Ok(())
}

fn take(batch: &mut Batch<'_>, urls: &[(JobId, UrlHash)]) {
    if urls.is_empty() {
        return;
    }
    let (jobs, hashes): (Vec<Uuid>, Vec<Uuid>) =
        urls.iter().map(|(job, hash)| (job.0, Uuid::from_bytes(hash.0))).unzip();
    batch.add("insert into job_url", TAKE, Rows::Exactly(urls.len()), params![jobs, hashes]);
}

/// Forgets the pages of deleted jobs.
pub(super) fn forget(batch: &mut Batch<'_>, jobs: &[JobId]) {
    if jobs.is_empty() {
        return;
    }
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.0).collect();
    batch.add("links of a deleted job", LEFT, Rows::Exactly(0), params![ids.clone()]);
    batch.add("delete from job_url", FORGET, Rows::Any, params![ids]);
}
