//! The log: one row for each job of a commit.

use super::Group;
use super::group::{json, number};
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use ukai_domain::EventRow;

pub(super) fn append(conn: &Connection, events: &[EventRow]) -> Result<(), Failure> {
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
    Ok(())
}
