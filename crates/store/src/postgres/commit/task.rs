//! Bodies of new tasks, and of purged ones. New ids rise, so that each is appended behind the last.

use super::batch::{Batch, Rows, params};
use std::sync::Arc;
use ukai_domain::TaskBody;
use uuid::Uuid;

const INSERT: &str =
    "INSERT INTO task (id, job, kind, host, url, priority, max_attempts, timeout_ms, options,
        created_at, depth, trace)
    SELECT unnest($1::uuid[]), unnest($2::uuid[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]),
        unnest($6::smallint[]), unnest($7::smallint[]), unnest($8::bigint[]), unnest($9::text[]),
        unnest($10::bigint[]), unnest($11::integer[]), unnest($12::text[])";

pub(super) const PURGE: &str = "DELETE FROM task WHERE id = ANY ($1::uuid[])";

pub(super) const PURGE_ARTIFACTS: &str = "DELETE FROM artifact WHERE task = ANY ($1::uuid[])";

pub(super) fn insert<'c>(batch: &mut Batch<'c>, tasks: &'c [Arc<TaskBody>]) {
    if tasks.is_empty() {
        return;
    }
    let of = |column: fn(&TaskBody) -> &str| tasks.iter().map(|t| column(t)).collect::<Vec<&str>>();
    let columns = params![
        tasks.iter().map(|t| t.id.0).collect::<Vec<Uuid>>(),
        tasks.iter().map(|t| t.job.0).collect::<Vec<Uuid>>(),
        of(|t| &t.lane.kind),
        of(|t| &t.lane.host),
        of(|t| &t.url),
        tasks.iter().map(|t| i16::from(t.priority)).collect::<Vec<_>>(),
        tasks.iter().map(|t| i16::from(t.max_attempts)).collect::<Vec<_>>(),
        tasks.iter().map(|t| t.timeout_ms.map(i64::from)).collect::<Vec<_>>(),
        tasks.iter().map(|t| t.options.as_deref()).collect::<Vec<_>>(),
        tasks.iter().map(|t| t.created_at.0).collect::<Vec<_>>(),
        tasks.iter().map(|t| i32::from(t.depth)).collect::<Vec<_>>(),
        tasks.iter().map(|t| t.trace.as_deref()).collect::<Vec<_>>(),
    ];
    batch.add("insert into task", INSERT, Rows::Exactly(tasks.len()), columns);
}

/// Ended tasks that are removed, then their artifacts: one that is being written holds its task, so it is there once the
/// task can go.
pub(super) fn purge(batch: &mut Batch<'_>, ids: Vec<Uuid>) {
    if !ids.is_empty() {
        batch.add("delete from task", PURGE, Rows::Exactly(ids.len()), params![ids.clone()]);
        batch.add("delete from artifact", PURGE_ARTIFACTS, Rows::Any, params![ids]);
    }
}
