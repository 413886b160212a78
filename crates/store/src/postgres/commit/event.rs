//! The log: one row for each job of a commit.

use super::batch::{Batch, Rows, json, number, params};
use crate::postgres::failure::Failure;
use ukai_domain::EventRow;
use uuid::Uuid;

const INSERT: &str = "INSERT INTO event (first, last, job, at, body)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::bigint[], $5::text[])";

/// In the order of the lists, whatever order they are read in.
pub(super) const LIST: &str = "WITH listed AS (
        INSERT INTO event_job (job, first) SELECT job, first FROM event
        WHERE first > (SELECT through FROM event_job_through) AND first <= $1 ORDER BY job, first)
    UPDATE event_job_through SET through = $1";

pub(super) fn append(batch: &mut Batch<'_>, events: &[EventRow]) -> Result<(), Failure> {
    if events.is_empty() {
        return Ok(());
    }
    if let Some(row) = events.iter().find(|row| row.events.is_empty()) {
        return Err(Failure::Refused(format!("insert into event: no event at number {}", row.first)));
    }
    let columns = params![
        events.iter().map(|e| number("event", e.first)).collect::<Result<Vec<_>, _>>()?,
        events.iter().map(|e| number("event", e.last())).collect::<Result<Vec<_>, _>>()?,
        events.iter().map(|e| e.job.0).collect::<Vec<Uuid>>(),
        events.iter().map(|e| e.at.0).collect::<Vec<_>>(),
        events.iter().map(|e| json(&e.events)).collect::<Result<Vec<_>, _>>()?,
    ];
    batch.add("insert into event", INSERT, Rows::Exactly(events.len()), columns);
    Ok(())
}

/// Brings the jobs' lists up to date with all events up to number `last`.
pub(super) fn list(batch: &mut Batch<'_>, last: u64) -> Result<(), Failure> {
    batch.add("list events", LIST, Rows::Exactly(1), params![number("event", last)?]);
    Ok(())
}
