//! Ended runs, with what they brought.

use super::batch::{Batch, Rows, json, params, run_number};
use crate::postgres::failure::Failure;
use ukai_domain::{RunResult, RunRow};
use uuid::Uuid;

const INSERT: &str =
    "INSERT INTO run (task, run, attempt, worker, assigned_at, started_at, ended_at, outcome, error,
        run_metrics, items, metrics, extra, result)
    SELECT unnest($1::uuid[]), unnest($2::integer[]), unnest($3::smallint[]), unnest($4::uuid[]),
        unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::text[]),
        unnest($9::text[]), unnest($10::text[]), unnest($11::bigint[]), unnest($12::text[]),
        unnest($13::text[]), unnest($14::text[])";

pub(super) const PURGE: &str = "DELETE FROM run WHERE task = ANY ($1::uuid[])";

pub(super) fn append<'c>(batch: &mut Batch<'c>, runs: &'c [RunRow]) -> Result<(), Failure> {
    if runs.is_empty() {
        return Ok(());
    }
    let results = || runs.iter().map(|r| r.result.as_ref());
    let of =
        |column: fn(&RunResult) -> Option<&str>| results().map(|r| r.and_then(column)).collect::<Vec<_>>();
    let errors: Vec<Option<String>> =
        runs.iter().map(|r| r.error.as_ref().map(json).transpose()).collect::<Result<_, _>>()?;
    let columns = params![
        runs.iter().map(|r| r.task.0).collect::<Vec<Uuid>>(),
        runs.iter().map(|r| run_number(r.run)).collect::<Result<Vec<_>, _>>()?,
        runs.iter().map(|r| i16::from(r.attempt)).collect::<Vec<_>>(),
        runs.iter().map(|r| r.worker.0).collect::<Vec<Uuid>>(),
        runs.iter().map(|r| r.assigned_at.0).collect::<Vec<_>>(),
        runs.iter().map(|r| r.started_at.map(|t| t.0)).collect::<Vec<_>>(),
        runs.iter().map(|r| r.ended_at.0).collect::<Vec<_>>(),
        runs.iter().map(|r| r.outcome.as_str()).collect::<Vec<_>>(),
        errors,
        runs.iter().map(|r| r.metrics.as_deref()).collect::<Vec<_>>(),
        results().map(|r| r.map(|r| i64::from(r.items))).collect::<Vec<_>>(),
        of(|r| r.metrics.as_deref()),
        of(|r| r.extra.as_deref()),
        of(|r| Some(&r.result)),
    ];
    batch.add("insert into run", INSERT, Rows::Exactly(runs.len()), columns);
    Ok(())
}

/// Forgets the runs of purged tasks.
pub(super) fn purge(batch: &mut Batch<'_>, ids: &[Uuid]) {
    if !ids.is_empty() {
        batch.add("delete from run", PURGE, Rows::Any, params![ids.to_vec()]);
    }
}
