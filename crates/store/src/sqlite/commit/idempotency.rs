//! Replies that are remembered for a repeat of their command.

use super::Group;
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use ukai_domain::scheduler::IdempotencyRow;

/// A row that is younger than a day is never overwritten: the step did not see it, and would answer twice.
pub(super) fn remember(conn: &Connection, rows: &[IdempotencyRow]) -> Result<(), Failure> {
    let mut insert = Group::new(
        conn,
        "insert into idempotency",
        "INSERT INTO idempotency (principal, route, key, body_hash, reply, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (principal, route, key) DO UPDATE SET body_hash = ?4, reply = ?5, at = ?6
         WHERE at <= ?6 - 86400000",
    )?;
    for row in rows {
        let key = &row.key;
        let values = params![key.principal, key.route, key.key, key.body_hash, row.reply, row.at.0];
        insert.one(values, format_args!("{} {}", key.route, key.key))?;
    }
    Ok(())
}
