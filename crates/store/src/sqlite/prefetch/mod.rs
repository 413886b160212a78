//! The cold rows that the next step needs, all from one state.

mod ahead;
mod expansion;
mod next;
mod sweep;
mod task;

pub(super) use next::delayed;
pub(super) use task::body_by_id;

use super::columns;
use super::read::job;
use rusqlite::{Connection, Result, params};
use ukai_domain::scheduler::{IdempotencyKey, IdempotencyRow, Needs, Prefetched};

pub(super) fn prefetch(conn: &mut Connection, needs: &Needs) -> Result<Prefetched> {
    let tx = conn.transaction()?;
    let mut found = Prefetched::default();
    for &id in &needs.tasks {
        if let Some(cold) = task::cold(&tx, id)? {
            found.tasks.insert(id, cold);
        }
    }
    for &id in &needs.jobs {
        if let Some(row) = job::by_id(&tx, id)? {
            found.jobs.insert(id, row);
        }
    }
    for key in &needs.idempotency {
        found.idempotency.extend(remembered(&tx, key)?);
    }
    for need in &needs.ranges {
        found.ranges.push(next::range(&tx, need)?);
    }
    for need in &needs.windows {
        found.windows.push(next::window(&tx, need)?);
    }
    if let Some(need) = &needs.delayed {
        found.delayed = Some(delayed(&tx, need)?);
    }
    for need in &needs.sweeps {
        found.sweeps.push((need.job, sweep::next(&tx, need)?));
    }
    if let Some(need) = &needs.expansion {
        found.expansion = Some((need.job, expansion::next(&tx, need)?));
    }
    found.urls.extend(expansion::known(&tx, &needs.urls)?);
    for &id in &needs.ahead {
        if let Some(count) = ahead::count(&tx, id)? {
            found.ahead.insert(id, count);
        }
    }
    Ok(found)
}

/// The reply under the key, whatever body it was for.
fn remembered(conn: &Connection, key: &IdempotencyKey) -> Result<Option<IdempotencyRow>> {
    use rusqlite::OptionalExtension;
    conn.prepare_cached(
        "SELECT body_hash, reply, at FROM idempotency WHERE principal = ?1 AND route = ?2 AND key = ?3",
    )?
    .query_row(params![key.principal, key.route, key.key], |row| {
        Ok(IdempotencyRow {
            key: IdempotencyKey { body_hash: row.get(0)?, ..key.clone() },
            reply: row.get(1)?,
            at: columns::time(row, 2)?,
        })
    })
    .optional()
}

/// What a step or a sweep reads, with its plan asserted at a million rows.
#[cfg(test)]
pub(super) fn statements() -> Vec<&'static str> {
    let sweep = [sweep::GROUPS, sweep::READY, sweep::DELAYED, sweep::DONE];
    let ahead = [ahead::HIGHER, ahead::NEXT_JOB, ahead::OLDER];
    let links = [expansion::NEXT, expansion::HAS];
    let next = [next::RANGE, next::WINDOW, next::DELAYED];
    next.into_iter().chain(sweep).chain(ahead).chain(links).collect()
}
