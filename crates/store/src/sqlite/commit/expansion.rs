//! Links on their way to become tasks, and the pages that crawls have.

use super::Group;
use super::group::{json, number};
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use ukai_domain::scheduler::Commit;
use ukai_domain::{JobId, UrlHash};

/// By the whole key.
pub(super) const LEAVE: &str = "DELETE FROM expansion WHERE job = ?1 AND task = ?2";

/// All of a job.
pub(super) const DROP: &str = "DELETE FROM expansion WHERE job = ?1";

/// The same.
pub(super) const FORGET: &str = "DELETE FROM job_url WHERE job = ?1";

/// Out with what has become tasks or never will, in with what is new.
pub(super) fn apply(conn: &Connection, commit: &Commit) -> Result<(), Failure> {
    let mut leave = Group::new(conn, "delete from expansion", LEAVE)?;
    for (job, task) in &commit.expanded {
        leave.one(params![job.as_bytes(), task.as_bytes()], task)?;
    }
    let mut drop = Group::new(conn, "drop from expansion", DROP)?;
    for (job, rows) in &commit.dropped_expansions {
        let dropped = drop.any([job.as_bytes()], job)?;
        if dropped as u64 != *rows {
            return Err(Failure::Refused(format!(
                "drop from expansion: {dropped} rows instead of {rows} for {job}"
            )));
        }
    }
    let mut insert = Group::new(
        conn,
        "insert into expansion",
        "INSERT INTO expansion (job, task, depth, priority, max_attempts, timeout_ms, count, options, links)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for e in &commit.expansions {
        let row = params![
            e.job.as_bytes(),
            e.task.as_bytes(),
            e.depth,
            e.priority,
            e.max_attempts,
            e.timeout_ms,
            number("links", e.links.len() as u64)?,
            e.options,
            json(&e.links)?,
        ];
        insert.one(row, e.task)?;
    }
    take(conn, &commit.urls)
}

/// A page that its crawl has already is an error of the step: it read which ones are there.
fn take(conn: &Connection, urls: &[(JobId, UrlHash)]) -> Result<(), Failure> {
    let mut insert =
        Group::new(conn, "insert into job_url", "INSERT INTO job_url (job, hash) VALUES (?1, ?2)")?;
    for (job, hash) in urls {
        insert.one(params![job.as_bytes(), hash.as_bytes()], format_args!("page {hash:?} of {job}"))?;
    }
    Ok(())
}

/// Forgets the pages of deleted jobs. A job that still has links to expand isn't one.
pub(super) fn forget(conn: &Connection, jobs: &[JobId]) -> Result<(), Failure> {
    let mut left = Group::new(conn, "drop from expansion", DROP)?;
    let mut urls = Group::new(conn, "delete from job_url", FORGET)?;
    for job in jobs {
        if left.any([job.as_bytes()], job)? != 0 {
            return Err(Failure::Refused(format!("the deleted job {job} has links to expand")));
        }
        urls.any([job.as_bytes()], job)?;
    }
    Ok(())
}
