//! How waiting tasks alone are listed, newest first, without a walk over all those that have ended.
//!
//! A job's waiting tasks are one range for each (kind, rank), in the order of ids; so many of the newest as are asked for
//! are taken from each.

use crate::postgres::columns::{Result, get};
use crate::postgres::session::Session;
use crate::{TaskFilter, TaskStatus};

/// Up to so many waiting tasks are collected and sorted.
const FEW: i64 = 20_000;
/// Of more, the newest of so many ranges are merged.
const MOST_RANGES: i64 = 100;

/// What feeds a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Other tasks are asked for too, or those that wait have too many ranges: the newest tasks are walked.
    Mixed,
    /// All that wait.
    Few,
    /// The newest of each range.
    Ranges,
}

pub(super) async fn waiting(session: &Session, filter: &TaskFilter) -> Result<Waiting> {
    if filter.status != [TaskStatus::Pending] || filter.worker.is_some() {
        return Ok(Waiting::Mixed);
    }
    if filter.job.is_some() {
        return Ok(Waiting::Ranges);
    }
    let few = "SELECT (SELECT count(*) FROM (SELECT 1 FROM task_ready LIMIT $1) r)
        + (SELECT count(*) FROM (SELECT 1 FROM task_delayed LIMIT $1) d) <= $1";
    if session.row(few, &[&FEW]).await?.map_or(Ok(false), |row| get(&row, 0))? {
        return Ok(Waiting::Few);
    }
    let ranges = session.row(COUNT, &[&MOST_RANGES]).await?.map_or(Ok(false), |row| get(&row, 0))?;
    Ok(if ranges { Waiting::Ranges } else { Waiting::Mixed })
}

/// Every (kind, rank, job) that has ready rows, each found by a seek.
macro_rules! ranges {
    () => {
        "WITH RECURSIVE grp (kind, rank, job) AS (
            (SELECT kind, rank, job FROM task_ready ORDER BY kind, rank, job LIMIT 1)
            UNION ALL
            SELECT n.kind, n.rank, n.job FROM grp g CROSS JOIN LATERAL (SELECT kind, rank, job FROM task_ready
                WHERE (kind, rank, job) > (g.kind, g.rank, g.job) ORDER BY kind, rank, job LIMIT 1) n
        )"
    };
}

const COUNT: &str =
    concat!(ranges!(), " SELECT count(*) <= $1 FROM (SELECT 1 FROM grp LIMIT $1::bigint + 1) few");

/// Every (kind, rank) that has ready rows, with the job $3.
const OF_JOB: &str = "WITH RECURSIVE grp (kind, rank, job) AS (
        (SELECT kind, rank, $3::uuid FROM task_ready ORDER BY kind, rank LIMIT 1)
        UNION ALL
        SELECT n.kind, n.rank, g.job FROM grp g CROSS JOIN LATERAL (SELECT kind, rank FROM task_ready
            WHERE (kind, rank) > (g.kind, g.rank) ORDER BY kind, rank LIMIT 1) n
    )";

/// Walks over the ranges and over what is delayed, in a range of ids. `{most}` is how many ids are wanted.
pub(super) fn walks(of_job: bool) -> Vec<(String, &'static str)> {
    let (grp, delayed) = if of_job { (OF_JOB, "job = $3 AND ") } else { (ranges!(), "") };
    let ready = format!(
        "{grp} SELECT p.id FROM grp g CROSS JOIN LATERAL (SELECT r.id FROM task_ready r
            WHERE r.kind = g.kind AND r.rank = g.rank AND r.job = g.job AND r.id >= $1 AND r.id < $2
            ORDER BY r.id DESC LIMIT {{most}}) p"
    );
    let delayed = format!("SELECT id FROM task_delayed WHERE {delayed}id >= $1 AND id < $2");
    vec![(ready, "p.id"), (delayed, "id")]
}
