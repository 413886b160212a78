//! API keys.

use crate::postgres::columns::{Result, get, optional_time, time, word};
use crate::postgres::session::Session;
use crate::{ApiKeyRow, KeyRole};

pub(in crate::postgres) async fn by_prefix(session: &Session, prefix: &str) -> Result<Option<ApiKeyRow>> {
    let sql = "SELECT id, name, role, prefix, hash, created_at, revoked_at FROM api_key WHERE prefix = $1
        ORDER BY revoked_at IS NOT NULL, id LIMIT 1";
    let Some(row) = session.row(sql, &[&prefix]).await? else { return Ok(None) };
    Ok(Some(ApiKeyRow {
        id: get(&row, 0)?,
        name: get(&row, 1)?,
        role: word(&row, 2, KeyRole::parse)?,
        prefix: get(&row, 3)?,
        hash: get(&row, 4)?,
        created_at: time(&row, 5)?,
        revoked_at: optional_time(&row, 6)?,
    }))
}

/// The one write outside commits: keys are no business of the scheduler.
pub(in crate::postgres) async fn put(session: &Session, key: &ApiKeyRow) -> Result<()> {
    let sql = "INSERT INTO api_key (id, name, role, prefix, hash, created_at, revoked_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, role = excluded.role, prefix = excluded.prefix,
            hash = excluded.hash, created_at = excluded.created_at, revoked_at = excluded.revoked_at";
    let revoked_at = key.revoked_at.map(|t| t.0);
    let row: crate::postgres::session::Params<'_> =
        &[&key.id, &key.name, &key.role.as_str(), &key.prefix, &key.hash, &key.created_at.0, &revoked_at];
    session.execute(sql, row).await?;
    Ok(())
}
