//! The log: one row for each job of a commit.

use super::Group;
use super::group::{json, number};
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use ukai_domain::EventRow;

/// `tail`: events that are not yet in the jobs' lists, at most (a commit's own are on top of it).
pub(super) fn append(conn: &Connection, events: &[EventRow], tail: i64) -> Result<(), Failure> {
    let Some(newest) = events.last() else { return Ok(()) };
    let mut insert = Group::new(
        conn,
        "insert into event",
        "INSERT INTO event (first, last, job, at, body) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for row in events {
        if row.events.is_empty() {
            return Err(Failure::Refused(format!("insert into event: no event at number {}", row.first)));
        }
        let (first, last) = (number("event", row.first)?, number("event", row.last())?);
        let body = json(&row.events)?;
        insert.one(params![first, last, row.job.as_bytes(), row.at.0, body], first)?;
    }
    list(conn, number("event", newest.first)?, tail)
}

/// Brings the jobs' lists up to date once the tail is long, in the order of the lists: a page is touched once for all
/// its rows instead of once a row.
fn list(conn: &Connection, last: i64, tail: i64) -> Result<(), Failure> {
    let through: i64 =
        conn.prepare_cached("SELECT through FROM event_job_through")?.query_row([], |row| row.get(0))?;
    if last - through < tail {
        return Ok(());
    }
    conn.prepare_cached(
        "INSERT INTO event_job (job, first) SELECT job, first FROM event WHERE first > ?1 ORDER BY job, first",
    )?
    .execute([through])?;
    conn.prepare_cached("UPDATE event_job_through SET through = ?1")?.execute([last])?;
    Ok(())
}
