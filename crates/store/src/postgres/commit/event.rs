//! The log: one row for each job of a commit.

use super::batch::{Batch, Rows, json, number, params};
use crate::postgres::failure::Failure;
use ukai_domain::EventRow;
use uuid::Uuid;

const INSERT: &str = "INSERT INTO event (first, last, job, at, body)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::bigint[], $5::text[])";

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
