//! Replies that are remembered for a repeat of their command.

use super::batch::{Batch, Rows, params};
use ukai_domain::scheduler::IdempotencyRow;

/// A row that is younger than a day is never overwritten: the step did not see it, and would answer twice.
const REMEMBER: &str = "INSERT INTO idempotency AS old (principal, route, key, body_hash, reply, at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    ON CONFLICT (principal, route, key) DO UPDATE
        SET body_hash = excluded.body_hash, reply = excluded.reply, at = excluded.at
        WHERE old.at <= excluded.at - 86400000";

pub(super) fn remember<'c>(batch: &mut Batch<'c>, rows: &'c [IdempotencyRow]) {
    if rows.is_empty() {
        return;
    }
    let columns = params![
        rows.iter().map(|r| r.key.principal.as_str()).collect::<Vec<_>>(),
        rows.iter().map(|r| r.key.route.as_str()).collect::<Vec<_>>(),
        rows.iter().map(|r| r.key.key.as_str()).collect::<Vec<_>>(),
        rows.iter().map(|r| r.key.body_hash.as_str()).collect::<Vec<_>>(),
        rows.iter().map(|r| r.reply.as_str()).collect::<Vec<_>>(),
        rows.iter().map(|r| r.at.0).collect::<Vec<_>>(),
    ];
    batch.add("insert into idempotency", REMEMBER, Rows::Exactly(rows.len()), columns);
}
