//! Registered workers.

use super::batch::{Batch, Rows, json, params};
use crate::postgres::failure::Failure;
use ukai_domain::{WorkerId, WorkerRow};
use uuid::Uuid;

const PUT: &str = "INSERT INTO worker (id, name, token_hash, token_prefix, blocked, blocked_reason, capabilities,
        capacity, config, network, stats, last_heartbeat_at, connected_at, created_at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[],
        $8::bigint[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[])
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, token_hash = excluded.token_hash,
        token_prefix = excluded.token_prefix, blocked = excluded.blocked, blocked_reason = excluded.blocked_reason,
        capabilities = excluded.capabilities, capacity = excluded.capacity, config = excluded.config,
        network = excluded.network, stats = excluded.stats, last_heartbeat_at = excluded.last_heartbeat_at,
        connected_at = excluded.connected_at, created_at = excluded.created_at";

pub(super) fn put<'c>(batch: &mut Batch<'c>, workers: &'c [WorkerRow]) -> Result<(), Failure> {
    if workers.is_empty() {
        return Ok(());
    }
    let of = |column: fn(&WorkerRow) -> Result<String, Failure>| {
        workers.iter().map(column).collect::<Result<Vec<String>, _>>()
    };
    let columns = params![
        workers.iter().map(|w| w.id.0).collect::<Vec<Uuid>>(),
        workers.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(),
        workers.iter().map(|w| w.token_hash.as_deref()).collect::<Vec<_>>(),
        workers.iter().map(|w| w.token_prefix.as_deref()).collect::<Vec<_>>(),
        workers.iter().map(|w| w.blocked).collect::<Vec<_>>(),
        workers.iter().map(|w| w.blocked_reason.as_deref()).collect::<Vec<_>>(),
        of(|w| json(&w.capabilities))?,
        workers.iter().map(|w| i64::from(w.capacity)).collect::<Vec<_>>(),
        of(|w| json(&w.config))?,
        of(|w| json(&w.network))?,
        of(|w| json(&w.stats))?,
        workers.iter().map(|w| w.last_heartbeat_at.map(|t| t.0)).collect::<Vec<_>>(),
        workers.iter().map(|w| w.connected_at.map(|t| t.0)).collect::<Vec<_>>(),
        workers.iter().map(|w| w.created_at.0).collect::<Vec<_>>(),
    ];
    batch.add("put into worker", PUT, Rows::Exactly(workers.len()), columns);
    Ok(())
}

pub(super) fn delete(batch: &mut Batch<'_>, workers: &[WorkerId]) {
    if !workers.is_empty() {
        let ids: Vec<Uuid> = workers.iter().map(|worker| worker.0).collect();
        let sql = "DELETE FROM worker WHERE id = ANY ($1::uuid[])";
        batch.add("delete from worker", sql, Rows::Exactly(ids.len()), params![ids]);
    }
}
