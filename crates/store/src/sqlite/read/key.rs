//! API keys.

use crate::sqlite::columns::{optional_time, time, uuid, word};
use crate::{ApiKeyRow, KeyRole};
use rusqlite::{Connection, OptionalExtension, Result, params};

pub(in crate::sqlite) fn by_prefix(conn: &Connection, prefix: &str) -> Result<Option<ApiKeyRow>> {
    conn.prepare_cached(
        "SELECT id, name, role, prefix, hash, created_at, revoked_at FROM api_key WHERE prefix = ?1
         ORDER BY revoked_at IS NOT NULL, id LIMIT 1",
    )?
    .query_row([prefix], |row| {
        Ok(ApiKeyRow {
            id: uuid(row, 0)?,
            name: row.get(1)?,
            role: word(row, 2, KeyRole::parse)?,
            prefix: row.get(3)?,
            hash: row.get(4)?,
            created_at: time(row, 5)?,
            revoked_at: optional_time(row, 6)?,
        })
    })
    .optional()
}

/// The one write outside commits: keys are no business of the scheduler.
pub(in crate::sqlite) fn put(conn: &Connection, key: &ApiKeyRow) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO api_key (id, name, role, prefix, hash, created_at, revoked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET name = ?2, role = ?3, prefix = ?4, hash = ?5, created_at = ?6, revoked_at = ?7",
    )?
    .execute(params![
        key.id.as_bytes(),
        key.name,
        key.role.as_str(),
        key.prefix,
        key.hash,
        key.created_at.0,
        key.revoked_at.map(|t| t.0),
    ])?;
    Ok(())
}
