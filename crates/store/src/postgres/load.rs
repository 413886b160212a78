//! What a new leader reads into its memory.

use super::columns::{
    BODY_WIDTH, PROGRESS_WIDTH, Result, arc, body, body_columns, get, number, progress, progress_columns,
    small, time, unsigned,
};
use super::failure::Failure;
use super::place::lease;
use super::read::{job, worker};
use super::session::Session;
use super::{leader, prefetch};
use std::sync::Arc;
use ukai_domain::scheduler::{DelayedNeed, HostPolicy, LaneRow, RangeKey, Snapshot};
use ukai_domain::{JobId, LaneKey, Lease, TaskId, Timestamp};
use uuid::Uuid;

/// All from one state. At most `delayed` timers. `limit_ms` is the server's limit on each statement.
pub(super) async fn load(session: &Session, epoch: u64, delayed: usize, limit_ms: u128) -> Result<Snapshot> {
    session.begin_reads().await?;
    session.batch(&format!("SET LOCAL statement_timeout = {limit_ms}")).await?;
    let result = read(session, epoch, delayed).await;
    session.batch("ROLLBACK").await?;
    result
}

async fn read(session: &Session, epoch: u64, delayed: usize) -> Result<Snapshot> {
    if leader::current(session).await?.is_none_or(|leader| leader.epoch != epoch) {
        return Err(Failure::Deposed);
    }
    let (last_event, last_now) = last_commit(session).await?;
    let workers = worker::all(session).await?;
    let last_worker = workers.iter().map(|w| w.id.0);
    let last_id = last_ids(session)
        .await?
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
        jobs: job::open(session).await?,
        total: job::total(session).await?,
        leases: leases(session).await?,
        ranges: ranges(session).await?,
        depth: depth(session).await?,
        delayed: Some(
            prefetch::delayed(
                session,
                &DelayedNeed { after: (Timestamp(i64::MIN), TaskId::NIL), limit: delayed },
            )
            .await?,
        ),
        workers,
        lanes: lanes(session).await?,
        hosts: hosts(session).await?,
    })
}

/// The last event's number, and the largest time that any commit had.
async fn last_commit(session: &Session) -> Result<(u64, Timestamp)> {
    let sql = "SELECT last_event, now FROM commit_log ORDER BY epoch DESC, n DESC LIMIT 1";
    let newest =
        session.row(sql, &[]).await?.map(|row| Ok::<_, Failure>((unsigned(&row, 0)?, time(&row, 1)?)));
    Ok(newest.transpose()?.unwrap_or_default())
}

async fn last_ids(session: &Session) -> Result<Vec<Uuid>> {
    let sql = "(SELECT id FROM task ORDER BY id DESC LIMIT 1)
        UNION ALL (SELECT id FROM job WHERE NOT implicit ORDER BY id DESC LIMIT 1)";
    session.rows(sql, &[]).await?.iter().map(|row| get(row, 0)).collect()
}

const LEASES: &str = concat!(
    "SELECT ",
    body_columns!(),
    ", ",
    progress_columns!(),
    ", p.worker, p.session, p.assigned_at, p.started_at, p.deadline FROM task_lease p JOIN task t ON t.id = p.id"
);

async fn leases(session: &Session) -> Result<Vec<Lease>> {
    let rows = session.rows(LEASES, &[]).await?;
    let read =
        |row| lease(row, BODY_WIDTH + PROGRESS_WIDTH, Arc::new(body(row, 0)?), progress(row, BODY_WIDTH)?);
    rows.iter().map(read).collect()
}

/// From job to job without reading what lies between.
pub(super) const RANGES: &str = "WITH RECURSIVE range (kind, rank, job) AS (
        (SELECT kind, rank, job FROM task_ready ORDER BY kind, rank, job LIMIT 1)
        UNION ALL
        SELECT n.kind, n.rank, n.job FROM range p CROSS JOIN LATERAL (
            SELECT kind, rank, job FROM task_ready
            WHERE (kind, rank, job) > (p.kind, p.rank, p.job) ORDER BY kind, rank, job LIMIT 1) n
    ) SELECT kind, rank, job FROM range";

async fn ranges(session: &Session) -> Result<Vec<RangeKey>> {
    let range = |row| {
        let priority = 100 - small(row, 1)?;
        Ok(RangeKey { kind: arc(row, 0)?, priority, job: JobId(get(row, 2)?) })
    };
    session.rows(RANGES, &[]).await?.iter().map(range).collect()
}

/// Reads every ready row: the one place where a walk along an index would be the longer way.
async fn depth(session: &Session) -> Result<Vec<(Arc<str>, i64)>> {
    session.batch("SET LOCAL enable_seqscan = on; SET LOCAL enable_hashagg = on").await?;
    let rows = session.rows("SELECT kind, count(*) FROM task_ready GROUP BY kind", &[]).await?;
    session.batch("SET LOCAL enable_seqscan = off; SET LOCAL enable_hashagg = off").await?;
    rows.iter().map(|row| Ok((arc(row, 0)?, get(row, 1)?))).collect()
}

async fn lanes(session: &Session) -> Result<Vec<LaneRow>> {
    let lane = |row| {
        Ok(LaneRow {
            key: LaneKey { kind: arc(row, 0)?, host: arc(row, 1)? },
            cool_until: time(row, 2)?,
            cool_level: small(row, 3)?,
            last_handout: time(row, 4)?,
        })
    };
    let sql = "SELECT kind, host, cool_until, cool_level, last_handout FROM lane_state";
    session.rows(sql, &[]).await?.iter().map(lane).collect()
}

async fn hosts(session: &Session) -> Result<Vec<HostPolicy>> {
    let host = |row| {
        Ok(HostPolicy {
            host: arc(row, 0)?,
            min_interval_ms: number(row, 1)?,
            max_concurrency: number(row, 2)?,
        })
    };
    let sql = "SELECT host, min_interval_ms, max_concurrency FROM host";
    session.rows(sql, &[]).await?.iter().map(host).collect()
}
