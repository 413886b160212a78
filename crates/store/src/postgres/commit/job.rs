//! Jobs and their balances.

use super::batch::{Batch, Rows, json, params};
use crate::postgres::failure::Failure;
use ukai_domain::{Counts, Job, JobId};
use uuid::Uuid;

const PUT: &str = "INSERT INTO job
        (id, name, kind, status, weight, implicit, deleting, created_at, started_at, completed_at, error, crawl)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[], $7::boolean[],
        $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::text[])
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, status = excluded.status,
        weight = excluded.weight, implicit = excluded.implicit, deleting = excluded.deleting,
        created_at = excluded.created_at, started_at = excluded.started_at, completed_at = excluded.completed_at,
        error = excluded.error, crawl = excluded.crawl";

const ADD: &str = "INSERT INTO job_delta
        (job, submitted, ready, delayed, leased, completed, failed, cancelled, purged, items)
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
        $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])";

/// The sums of the rows of "gone".
macro_rules! sums {
    () => {
        "sum(submitted)::bigint, sum(ready)::bigint, sum(delayed)::bigint, sum(leased)::bigint,
        sum(completed)::bigint, sum(failed)::bigint, sum(cancelled)::bigint, sum(purged)::bigint, sum(items)::bigint"
    };
}

/// Adds what comes to what is there.
macro_rules! added {
    () => {
        " ON CONFLICT (job) DO UPDATE SET submitted = c.submitted + excluded.submitted,
        ready = c.ready + excluded.ready, delayed = c.delayed + excluded.delayed,
        leased = c.leased + excluded.leased, completed = c.completed + excluded.completed,
        failed = c.failed + excluded.failed, cancelled = c.cancelled + excluded.cancelled,
        purged = c.purged + excluded.purged, items = c.items + excluded.items"
    };
}

const FOLD: &str = concat!(
    "WITH gone AS (DELETE FROM job_delta RETURNING *) INSERT INTO job_count AS c SELECT job, ",
    sums!(),
    " FROM gone GROUP BY job",
    added!()
);

/// What deleted jobs counted stays in the sum over all, under the nil id.
const KEEP: &str = concat!(
    "WITH gone AS (DELETE FROM job_count WHERE job = ANY ($1::uuid[]) RETURNING *)
    INSERT INTO job_count AS c SELECT '00000000-0000-0000-0000-000000000000', ",
    sums!(),
    " FROM gone HAVING count(*) > 0",
    added!()
);

pub(super) fn put<'c>(batch: &mut Batch<'c>, jobs: &'c [Job]) -> Result<(), Failure> {
    if jobs.is_empty() {
        return Ok(());
    }
    let columns = params![
        jobs.iter().map(|j| j.id.0).collect::<Vec<Uuid>>(),
        jobs.iter().map(|j| j.name.as_str()).collect::<Vec<_>>(),
        jobs.iter().map(|j| j.kind.as_str()).collect::<Vec<_>>(),
        jobs.iter().map(|j| j.status.as_str()).collect::<Vec<_>>(),
        jobs.iter().map(|j| i64::from(j.weight)).collect::<Vec<_>>(),
        jobs.iter().map(|j| j.implicit).collect::<Vec<_>>(),
        jobs.iter().map(|j| j.deleting).collect::<Vec<_>>(),
        jobs.iter().map(|j| j.created_at.0).collect::<Vec<_>>(),
        jobs.iter().map(|j| j.started_at.map(|t| t.0)).collect::<Vec<_>>(),
        jobs.iter().map(|j| j.completed_at.map(|t| t.0)).collect::<Vec<_>>(),
        jobs.iter().map(|j| j.error.as_deref()).collect::<Vec<_>>(),
        jobs.iter().map(|j| j.crawl.as_ref().map(json).transpose()).collect::<Result<Vec<_>, _>>()?,
    ];
    batch.add("put into job", PUT, Rows::Exactly(jobs.len()), columns);
    Ok(())
}

pub(super) fn count(batch: &mut Batch<'_>, counts: &[(JobId, Counts)]) {
    if counts.is_empty() {
        return;
    }
    let of = |column: fn(&Counts) -> i64| counts.iter().map(|(_, c)| column(c)).collect::<Vec<_>>();
    let columns = params![
        counts.iter().map(|(job, _)| job.0).collect::<Vec<Uuid>>(),
        of(|c| c.submitted),
        of(|c| c.ready),
        of(|c| c.delayed),
        of(|c| c.leased),
        of(|c| c.completed),
        of(|c| c.failed),
        of(|c| c.cancelled),
        of(|c| c.purged),
        of(|c| c.items),
    ];
    batch.add("add to job_delta", ADD, Rows::Exactly(counts.len()), columns);
}

/// Adds what has gathered in `job_delta` to the balances.
pub(super) fn fold(batch: &mut Batch<'_>) {
    batch.add("fold job_delta", FOLD, Rows::Any, Vec::new());
}

/// Removes jobs; the fold came before it.
pub(super) fn delete(batch: &mut Batch<'_>, jobs: &[JobId]) {
    if jobs.is_empty() {
        return;
    }
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.0).collect();
    // A job that never had a task has no counts.
    batch.add("fold job_count", KEEP, Rows::Any, params![ids.clone()]);
    batch.add(
        "delete from job",
        "DELETE FROM job WHERE id = ANY ($1::uuid[])",
        Rows::Exactly(ids.len()),
        params![ids],
    );
}
