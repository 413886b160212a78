//! The links that are to become tasks next, and which pages their crawls have.

use crate::sqlite::columns::{json, unsigned, uuid};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use ukai_domain::scheduler::ExpansionNeed;
use ukai_domain::{Expansion, JobId, TaskId, UrlHash};

/// The rows of a job, oldest page first. The links are read of those that are taken alone.
pub(super) const NEXT: &str = "SELECT task, count, depth, priority, max_attempts, timeout_ms, options, links
     FROM expansion WHERE job = ?1 AND task > ?2 ORDER BY task";

/// By the whole key.
pub(super) const HAS: &str = "SELECT 1 FROM job_url WHERE job = ?1 AND hash = ?2";

/// As many as have the wanted number of links together; the first in any case.
pub(super) fn next(conn: &Connection, need: &ExpansionNeed) -> Result<Vec<Expansion>> {
    let mut statement = conn.prepare_cached(NEXT)?;
    let mut rows = statement.query([need.job.as_bytes(), need.after.as_bytes()])?;
    let mut left = u64::try_from(need.links).unwrap_or(u64::MAX);
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let count = unsigned(row, 1)?;
        if count > left && !found.is_empty() {
            break;
        }
        left = left.saturating_sub(count);
        found.push(expansion(row, need.job)?);
    }
    Ok(found)
}

fn expansion(row: &Row<'_>, job: JobId) -> Result<Expansion> {
    Ok(Expansion {
        job,
        task: TaskId(uuid(row, 0)?),
        depth: row.get(2)?,
        priority: row.get(3)?,
        max_attempts: row.get(4)?,
        timeout_ms: row.get(5)?,
        options: row.get(6)?,
        links: json(row, 7)?,
    })
}

/// Those that are there.
pub(super) fn known(
    conn: &Connection,
    urls: &[(JobId, UrlHash)],
) -> Result<impl Iterator<Item = (JobId, UrlHash)>> {
    let mut has = conn.prepare_cached(HAS)?;
    let mut known = Vec::new();
    for (job, hash) in urls {
        if has.query_row(params![job.as_bytes(), hash.as_bytes()], |_| Ok(())).optional()?.is_some() {
            known.push((*job, *hash));
        }
    }
    Ok(known.into_iter())
}
