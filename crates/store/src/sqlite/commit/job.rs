//! Jobs and their balances.

use super::Group;
use super::group::json;
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use ukai_domain::{Counts, Job, JobId};

pub(super) fn put(conn: &Connection, jobs: &[Job]) -> Result<(), Failure> {
    let mut upsert = Group::new(
        conn,
        "put into job",
        "INSERT INTO job (id, name, kind, status, weight, implicit, deleting, created_at, started_at, completed_at, error, crawl)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (id) DO UPDATE SET name = ?2, kind = ?3, status = ?4, weight = ?5, implicit = ?6, deleting = ?7,
         created_at = ?8, started_at = ?9, completed_at = ?10, error = ?11, crawl = ?12",
    )?;
    for job in jobs {
        let row = params![
            job.id.as_bytes(),
            job.name,
            job.kind.as_str(),
            job.status.as_str(),
            job.weight,
            job.implicit,
            job.deleting,
            job.created_at.0,
            job.started_at.map(|t| t.0),
            job.completed_at.map(|t| t.0),
            job.error,
            job.crawl.as_ref().map(json).transpose()?,
        ];
        upsert.one(row, job.id)?;
    }
    Ok(())
}

pub(super) fn count(conn: &Connection, counts: &[(JobId, Counts)]) -> Result<(), Failure> {
    let mut add = Group::new(
        conn,
        "add to job_count",
        "INSERT INTO job_count (job, submitted, ready, delayed, leased, completed, failed, cancelled, purged, items)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (job) DO UPDATE SET submitted = submitted + ?2, ready = ready + ?3, delayed = delayed + ?4,
         leased = leased + ?5, completed = completed + ?6, failed = failed + ?7, cancelled = cancelled + ?8,
         purged = purged + ?9, items = items + ?10",
    )?;
    for (job, c) in counts {
        let row = params![
            job.as_bytes(),
            c.submitted,
            c.ready,
            c.delayed,
            c.leased,
            c.completed,
            c.failed,
            c.cancelled,
            c.purged,
            c.items,
        ];
        add.one(row, job)?;
    }
    Ok(())
}

/// Removes jobs; what they counted stays in the sum over all, under the nil id.
pub(super) fn delete(conn: &Connection, jobs: &[JobId]) -> Result<(), Failure> {
    let mut fold = Group::new(
        conn,
        "fold job_count",
        "INSERT INTO job_count (job, submitted, ready, delayed, leased, completed, failed, cancelled, purged, items)
         SELECT ?2, submitted, ready, delayed, leased, completed, failed, cancelled, purged, items
         FROM job_count WHERE job = ?1
         ON CONFLICT (job) DO UPDATE SET submitted = submitted + excluded.submitted, ready = ready + excluded.ready,
         delayed = delayed + excluded.delayed, leased = leased + excluded.leased,
         completed = completed + excluded.completed, failed = failed + excluded.failed,
         cancelled = cancelled + excluded.cancelled, purged = purged + excluded.purged, items = items + excluded.items",
    )?;
    let mut counts = Group::new(conn, "delete from job_count", "DELETE FROM job_count WHERE job = ?1")?;
    let mut delete = Group::new(conn, "delete from job", "DELETE FROM job WHERE id = ?1")?;
    for job in jobs {
        // A job that never had a task has no counts.
        fold.any(params![job.as_bytes(), JobId::NIL.as_bytes()], job)?;
        counts.any([job.as_bytes()], job)?;
        delete.one([job.as_bytes()], job)?;
    }
    Ok(())
}
