//! What a new leader reads into its memory.

use super::columns::{BODY_WIDTH, body, body_columns, progress_columns};
use super::failure::Failure;
use super::place::{lease, lease_columns};
use super::read::{job, worker};
use super::{columns, leader, prefetch};
use rusqlite::{Connection, Error, OptionalExtension, Result, params};
use std::sync::Arc;
use ukai_domain::scheduler::{DelayedNeed, HostPolicy, LaneRow, RangeKey, Snapshot};
use ukai_domain::{JobId, LaneKey, Lease, TaskId, Timestamp};
use uuid::Uuid;

/// All from one state. At most `delayed` timers.
pub(super) fn load(conn: &mut Connection, epoch: u64, delayed: usize) -> Result<Snapshot, Failure> {
    let tx = conn.transaction()?;
    leader::fence(&tx, epoch)?;
    let (last_event, last_now) = last_commit(&tx)?;
    let workers = worker::all(&tx)?;
    let last_worker = workers.iter().map(|w| w.id.0);
    let last_id = last_ids(&tx)?
        .into_iter()
        .chain(last_worker)
        // Derived ids (of implicit jobs, of workers by name) lie anywhere: only dealt ones rise.
        .filter(|id| id.get_version_num() == 7)
        .max()
        .unwrap_or_default();
    Ok(Snapshot {
        epoch,
        last_event,
        last_now,
        last_id,
        jobs: job::open(&tx)?,
        total: job::total(&tx)?,
        leases: leases(&tx)?,
        ranges: ranges(&tx)?,
        depth: depth(&tx)?,
        delayed: Some(prefetch::delayed(
            &tx,
            &DelayedNeed { after: (Timestamp(i64::MIN), TaskId::NIL), limit: delayed },
        )?),
        workers,
        lanes: lanes(&tx)?,
        hosts: hosts(&tx)?,
    })
}

/// The last event's number, and the largest time that any commit had.
fn last_commit(conn: &Connection) -> Result<(u64, Timestamp)> {
    let newest = conn
        .prepare_cached("SELECT last_event, now FROM commit_log ORDER BY epoch DESC, n DESC LIMIT 1")?
        .query_row([], |row| Ok((columns::unsigned(row, 0)?, columns::time(row, 1)?)))
        .optional()?;
    Ok(newest.unwrap_or_default())
}

fn last_ids(conn: &Connection) -> Result<Vec<Uuid>> {
    let mut ids = Vec::new();
    for sql in [
        "SELECT id FROM task ORDER BY id DESC LIMIT 1",
        "SELECT id FROM job WHERE NOT implicit ORDER BY id DESC LIMIT 1",
    ] {
        ids.extend(conn.prepare_cached(sql)?.query_row([], |row| columns::uuid(row, 0)).optional()?);
    }
    Ok(ids)
}

fn leases(conn: &Connection) -> Result<Vec<Lease>> {
    conn.prepare_cached(concat!(
        "SELECT ",
        body_columns!(),
        ", ",
        progress_columns!(),
        ", ",
        lease_columns!(),
        " FROM task_lease p CROSS JOIN task t ON t.id = p.id"
    ))?
    .query_map([], |row| lease(row, BODY_WIDTH, Arc::new(body(row, 0)?)))?
    .collect()
}

fn kinds(conn: &Connection) -> Result<Vec<Arc<str>>> {
    let mut next =
        conn.prepare_cached("SELECT kind FROM task_ready WHERE kind > ?1 ORDER BY kind LIMIT 1")?;
    let mut kinds: Vec<Arc<str>> = Vec::new();
    loop {
        let after = kinds.last().map_or("", |kind| kind);
        match next.query_row([after], |row| columns::arc(row, 0)).optional()? {
            Some(kind) => kinds.push(kind),
            None => return Ok(kinds),
        }
    }
}

/// From job to job without reading what lies between.
fn ranges(conn: &Connection) -> Result<Vec<RangeKey>> {
    let mut next = conn.prepare_cached(RANGES)?;
    let mut ranges: Vec<RangeKey> = Vec::new();
    for kind in kinds(conn)? {
        let (mut rank, mut job) = (i64::MIN, Uuid::nil());
        while let Some(found) = next
            .query_row(params![&*kind, rank, job.as_bytes()], |row| Ok((row.get(0)?, columns::uuid(row, 1)?)))
            .optional()?
        {
            (rank, job) = found;
            let priority = u8::try_from(100 - rank).map_err(|_| Error::IntegralValueOutOfRange(0, rank))?;
            ranges.push(RangeKey { kind: Arc::clone(&kind), priority, job: JobId(job) });
        }
    }
    Ok(ranges)
}

/// The first job after (rank, job). SQLite seeks to the first row that is equal in what is compared and walks on from
/// there: so the id is compared too, with what is above all ids.
pub(super) const RANGES: &str = "SELECT rank, job FROM task_ready
     WHERE kind = ?1 AND (rank, job, id) > (?2, ?3, x'ffffffffffffffffffffffffffffffff')
     ORDER BY rank, job, id LIMIT 1";

fn depth(conn: &Connection) -> Result<Vec<(Arc<str>, i64)>> {
    let mut count = conn.prepare_cached("SELECT count(*) FROM task_ready WHERE kind = ?1")?;
    let depth = |kind: Arc<str>| count.query_row([&*kind], |row| Ok((Arc::clone(&kind), row.get(0)?)));
    kinds(conn)?.into_iter().map(depth).collect()
}

fn lanes(conn: &Connection) -> Result<Vec<LaneRow>> {
    conn.prepare_cached("SELECT kind, host, cool_until, cool_level, last_handout FROM lane_state")?
        .query_map([], |row| {
            Ok(LaneRow {
                key: LaneKey { kind: columns::arc(row, 0)?, host: columns::arc(row, 1)? },
                cool_until: columns::time(row, 2)?,
                cool_level: row.get(3)?,
                last_handout: columns::time(row, 4)?,
            })
        })?
        .collect()
}

fn hosts(conn: &Connection) -> Result<Vec<HostPolicy>> {
    conn.prepare_cached("SELECT host, min_interval_ms, max_concurrency FROM host")?
        .query_map([], |row| {
            Ok(HostPolicy {
                host: columns::arc(row, 0)?,
                min_interval_ms: row.get(1)?,
                max_concurrency: row.get(2)?,
            })
        })?
        .collect()
}
