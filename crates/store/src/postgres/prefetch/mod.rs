//! The cold rows that the next step needs, all from one state.

mod ahead;
mod expansion;
mod next;
#[cfg(test)]
mod old_snapshot;
mod sweep;
mod task;

pub(super) use next::delayed;

use super::columns::{Result, get, time};
use super::read::job;
use super::session::Session;
use std::collections::BTreeMap;
use ukai_domain::scheduler::{IdempotencyKey, IdempotencyRow, Needs, Prefetched};

pub(super) async fn prefetch(session: &Session, needs: &Needs) -> Result<Prefetched> {
    if statements(needs) <= 1 {
        return read(session, needs, async { Ok(()) }).await;
    }
    let found = read(session, needs, session.begin_reads()).await;
    session.batch("ROLLBACK").await?;
    found
}

/// How many reads it takes: one alone needs no transaction to see one state.
fn statements(needs: &Needs) -> usize {
    let groups = [
        needs.tasks.is_empty(),
        needs.jobs.is_empty(),
        needs.idempotency.is_empty(),
        needs.ranges.is_empty(),
        needs.windows.is_empty(),
        needs.delayed.is_none(),
        needs.expansion.is_none(),
        needs.urls.is_empty(),
    ];
    // Tasks take two, sweeps up to three, a count of what is ahead two each.
    groups.iter().filter(|none| !**none).count()
        + usize::from(!needs.tasks.is_empty())
        + 3 * needs.sweeps.len()
        + 2 * needs.ahead.len()
}

/// All reads that don't depend on each other are sent behind `begin` before the first answer is waited for.
async fn read(
    session: &Session,
    needs: &Needs,
    begin: impl Future<Output = Result<()>>,
) -> Result<Prefetched> {
    let (begun, tasks, jobs, idempotency, ranges, windows, delayed, expansion, urls) = tokio::join!(
        biased;
        begin,
        unless(needs.tasks.is_empty(), || task::cold(session, &needs.tasks)),
        unless(needs.jobs.is_empty(), || job::by_ids(session, &needs.jobs)),
        unless(needs.idempotency.is_empty(), || remembered(session, &needs.idempotency)),
        unless(needs.ranges.is_empty(), || next::ranges(session, &needs.ranges)),
        unless(needs.windows.is_empty(), || next::windows(session, &needs.windows)),
        async {
            let Some(need) = &needs.delayed else { return Ok(None) };
            delayed(session, need).await.map(Some)
        },
        async {
            let Some(need) = &needs.expansion else { return Ok(None) };
            expansion::next(session, need).await.map(|links| Some((need.job, links)))
        },
        unless(needs.urls.is_empty(), || expansion::known(session, &needs.urls)),
    );
    begun?;
    let mut found = Prefetched {
        tasks: tasks?,
        jobs: jobs?,
        idempotency: idempotency?,
        ranges: ranges?,
        windows: windows?,
        delayed: delayed?,
        expansion: expansion?,
        urls: urls?,
        ..Prefetched::default()
    };
    for need in &needs.sweeps {
        found.sweeps.push((need.job, sweep::next(session, need).await?));
    }
    for &id in &needs.ahead {
        if let Some(count) = ahead::count(session, id).await? {
            found.ahead.insert(id, count);
        }
    }
    Ok(found)
}

/// What `reading` gives, or nothing.
async fn unless<T: Default, F: Future<Output = Result<T>>>(
    none: bool,
    reading: impl FnOnce() -> F,
) -> Result<T> {
    if none { Ok(T::default()) } else { reading().await }
}

const REMEMBERED: &str = "SELECT n.i, p.body_hash, p.reply, p.at
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY n (principal, route, key, i)
    JOIN idempotency p ON p.principal = n.principal AND p.route = n.route AND p.key = n.key";

/// The replies under the keys, whatever bodies they were for, in the order of the keys.
async fn remembered(session: &Session, keys: &[IdempotencyKey]) -> Result<Vec<IdempotencyRow>> {
    let column = |of: fn(&IdempotencyKey) -> &str| keys.iter().map(of).collect::<Vec<&str>>();
    let (principals, routes, names) = (column(|k| &k.principal), column(|k| &k.route), column(|k| &k.key));
    let mut found = BTreeMap::new();
    for row in session.rows(REMEMBERED, &[&principals, &routes, &names]).await? {
        let i = super::place::ordinal(&row, 0)?;
        let Some(key) = keys.get(i) else { continue };
        let key = IdempotencyKey { body_hash: get(&row, 1)?, ..key.clone() };
        found.insert(i, IdempotencyRow { key, reply: get(&row, 2)?, at: time(&row, 3)? });
    }
    Ok(found.into_values().collect())
}

/// What a step or a sweep reads, with its plan asserted at a million rows.
#[cfg(test)]
pub(super) fn hot() -> Vec<&'static str> {
    let sweep = [sweep::READY, sweep::DELAYED, sweep::DONE];
    let ahead = [ahead::HIGHER, ahead::OLDER];
    let links = [expansion::NEXT, expansion::HAS];
    let next = [next::RANGES, next::WINDOWS, next::DELAYED, task::COLD, task::RUNS, REMEMBERED];
    next.into_iter().chain(sweep).chain(ahead).chain(links).collect()
}
