//! The links that are to become tasks next, and which pages their crawls have.

use crate::postgres::columns::{Result, get, json, number, small};
use crate::postgres::session::Session;
use std::collections::BTreeSet;
use tokio_postgres::Row;
use ukai_domain::scheduler::ExpansionNeed;
use ukai_domain::{Expansion, JobId, TaskId, UrlHash};
use uuid::Uuid;

/// The rows of a job, oldest page first, as many as have the wanted number of links together; the first in any case. As
/// every row has a link, no more rows than that are looked at.
pub(super) const NEXT: &str = "SELECT task, depth, priority, max_attempts, timeout_ms, options, links
    FROM (SELECT *, sum(count) OVER (ORDER BY task) AS so_far, row_number() OVER (ORDER BY task) AS place
        FROM (SELECT * FROM expansion WHERE job = $1 AND task > $3 ORDER BY task LIMIT $2) next) counted
    WHERE so_far <= $2 OR place = 1 ORDER BY task";

/// By the whole key.
pub(super) const HAS: &str = "SELECT n.job, n.hash FROM unnest($1::uuid[], $2::uuid[]) n (job, hash)
    JOIN job_url u ON u.job = n.job AND u.hash = n.hash";

pub(super) async fn next(session: &Session, need: &ExpansionNeed) -> Result<Vec<Expansion>> {
    let links = i64::try_from(need.links).unwrap_or(i64::MAX).max(1);
    let rows = session.rows(NEXT, &[&need.job.0, &links, &need.after.0]).await?;
    rows.iter().map(|row| expansion(row, need.job)).collect()
}

fn expansion(row: &Row, job: JobId) -> Result<Expansion> {
    let wide =
        |value: i32| u16::try_from(value).map_err(|_| crate::postgres::columns::damaged(1, "too deep"));
    Ok(Expansion {
        job,
        task: TaskId(get(row, 0)?),
        depth: wide(get(row, 1)?)?,
        priority: small(row, 2)?,
        max_attempts: small(row, 3)?,
        timeout_ms: get::<Option<i64>>(row, 4)?.map(|_| number(row, 4)).transpose()?,
        options: get(row, 5)?,
        links: json(row, 6)?,
    })
}

/// Those that are there.
pub(super) async fn known(
    session: &Session,
    urls: &[(JobId, UrlHash)],
) -> Result<BTreeSet<(JobId, UrlHash)>> {
    let (jobs, hashes): (Vec<Uuid>, Vec<Uuid>) =
        urls.iter().map(|(job, hash)| (job.0, Uuid::from_bytes(hash.0))).unzip();
    let rows = session.rows(HAS, &[&jobs, &hashes]).await?;
    rows.iter().map(|row| Ok((JobId(get(row, 0)?), UrlHash(get::<Uuid>(row, 1)?.into_bytes())))).collect()
}
