//! Registered workers, and the look-up of a token.

use crate::WorkerToken;
use crate::postgres::columns::{Result, get, json, number, optional_time, time};
use crate::postgres::session::Session;
use tokio_postgres::Row;
use ukai_domain::{WorkerId, WorkerRow};

pub(in crate::postgres) async fn all(session: &Session) -> Result<Vec<WorkerRow>> {
    let sql =
        "SELECT id, name, token_hash, token_prefix, blocked, blocked_reason, capabilities, capacity, config,
        network, stats, last_heartbeat_at, connected_at, created_at FROM worker ORDER BY id";
    session.rows(sql, &[]).await?.iter().map(worker).collect()
}

pub(in crate::postgres) async fn by_token(session: &Session, prefix: &str) -> Result<Option<WorkerToken>> {
    let sql = "SELECT id, token_hash FROM worker WHERE token_prefix = $1 AND token_hash IS NOT NULL
        ORDER BY id LIMIT 1";
    let Some(row) = session.row(sql, &[&prefix]).await? else { return Ok(None) };
    Ok(Some(WorkerToken { worker: WorkerId(get(&row, 0)?), hash: get(&row, 1)? }))
}

/// Those of `workers` that have no row.
pub(in crate::postgres) async fn gone(session: &Session, workers: &[WorkerId]) -> Result<Vec<WorkerId>> {
    let sql = "SELECT n.id FROM unnest($1::uuid[]) n (id)
        WHERE NOT EXISTS (SELECT 1 FROM worker w WHERE w.id = n.id)";
    let workers: Vec<_> = workers.iter().map(|worker| worker.0).collect();
    session.rows(sql, &[&workers]).await?.iter().map(|row| get(row, 0).map(WorkerId)).collect()
}

fn worker(row: &Row) -> Result<WorkerRow> {
    Ok(WorkerRow {
        id: WorkerId(get(row, 0)?),
        name: get(row, 1)?,
        token_hash: get(row, 2)?,
        token_prefix: get(row, 3)?,
        blocked: get(row, 4)?,
        blocked_reason: get(row, 5)?,
        capabilities: json(row, 6)?,
        capacity: number(row, 7)?,
        config: json(row, 8)?,
        network: json(row, 9)?,
        stats: json(row, 10)?,
        last_heartbeat_at: optional_time(row, 11)?,
        connected_at: optional_time(row, 12)?,
        created_at: time(row, 13)?,
    })
}
