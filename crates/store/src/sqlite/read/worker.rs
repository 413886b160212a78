//! Registered workers, and the look-up of a token.

use crate::WorkerToken;
use crate::sqlite::columns::{json, optional_time, time, uuid};
use rusqlite::{Connection, OptionalExtension, Result, Row};
use ukai_domain::{WorkerId, WorkerRow};

pub(in crate::sqlite) fn all(conn: &Connection) -> Result<Vec<WorkerRow>> {
    conn.prepare_cached(
        "SELECT id, name, token_hash, token_prefix, blocked, blocked_reason, capabilities, capacity, config, network,
         stats, last_heartbeat_at, connected_at, created_at FROM worker ORDER BY id",
    )?
    .query_map([], worker)?
    .collect()
}

pub(in crate::sqlite) fn by_token(conn: &Connection, prefix: &str) -> Result<Option<WorkerToken>> {
    conn.prepare_cached(
        "SELECT id, token_hash FROM worker WHERE token_prefix = ?1 AND token_hash IS NOT NULL ORDER BY id LIMIT 1",
    )?
    .query_row([prefix], |row| Ok(WorkerToken { worker: WorkerId(uuid(row, 0)?), hash: row.get(1)? }))
    .optional()
}

/// Those of `workers` that have no row.
pub(in crate::sqlite) fn gone(conn: &Connection, workers: Vec<WorkerId>) -> Result<Vec<WorkerId>> {
    let mut there = conn.prepare_cached("SELECT 1 FROM worker WHERE id = ?1")?;
    let mut gone = Vec::new();
    for worker in workers {
        if !there.exists([worker.as_bytes()])? {
            gone.push(worker);
        }
    }
    Ok(gone)
}

fn worker(row: &Row<'_>) -> Result<WorkerRow> {
    Ok(WorkerRow {
        id: WorkerId(uuid(row, 0)?),
        name: row.get(1)?,
        token_hash: row.get(2)?,
        token_prefix: row.get(3)?,
        blocked: row.get(4)?,
        blocked_reason: row.get(5)?,
        capabilities: json(row, 6)?,
        capacity: row.get(7)?,
        config: json(row, 8)?,
        network: json(row, 9)?,
        stats: json(row, 10)?,
        last_heartbeat_at: optional_time(row, 11)?,
        connected_at: optional_time(row, 12)?,
        created_at: time(row, 13)?,
    })
}
