//! Registered workers.

use super::Group;
use super::group::json;
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use ukai_domain::{WorkerId, WorkerRow};

pub(super) fn put(conn: &Connection, workers: &[WorkerRow]) -> Result<(), Failure> {
    let mut upsert = Group::new(
        conn,
        "put into worker",
        "INSERT INTO worker (id, name, token_hash, token_prefix, blocked, blocked_reason, capabilities, capacity, config,
         network, stats, last_heartbeat_at, connected_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT (id) DO UPDATE SET name = ?2, token_hash = ?3, token_prefix = ?4, blocked = ?5,
         blocked_reason = ?6, capabilities = ?7, capacity = ?8, config = ?9, network = ?10, stats = ?11,
         last_heartbeat_at = ?12, connected_at = ?13, created_at = ?14",
    )?;
    for worker in workers {
        let row = params![
            worker.id.as_bytes(),
            worker.name,
            worker.token_hash,
            worker.token_prefix,
            worker.blocked,
            worker.blocked_reason,
            json(&worker.capabilities)?,
            worker.capacity,
            json(&worker.config)?,
            json(&worker.network)?,
            json(&worker.stats)?,
            worker.last_heartbeat_at.map(|t| t.0),
            worker.connected_at.map(|t| t.0),
            worker.created_at.0,
        ];
        upsert.one(row, worker.id)?;
    }
    Ok(())
}

pub(super) fn delete(conn: &Connection, workers: &[WorkerId]) -> Result<(), Failure> {
    let mut delete = Group::new(conn, "delete from worker", "DELETE FROM worker WHERE id = ?1")?;
    for worker in workers {
        delete.one([worker.as_bytes()], worker)?;
    }
    Ok(())
}
