//! The next rows of a job that is being swept.
//!
//! Ready rows need no index by job: there are at most 101 ranks of a kind, so the job's rows are found by stepping
//! from rank to rank and seeking the job in each. Ended ones come by `task_job`. Each slice begins behind the last row
//! of the one before: what a sweep has taken out of an index stays in it, dead, while anybody holds an old snapshot.

use crate::postgres::columns::{
    BODY_WIDTH, PROGRESS_WIDTH, Result, body, body_columns, progress, progress_columns, time,
};
use crate::postgres::place::{done, waiting};
use crate::postgres::session::Session;
use std::sync::Arc;
use ukai_domain::Place;
use ukai_domain::scheduler::{SweepNeed, SweepPlace};

pub(super) const READY: &str = concat!(
    "WITH RECURSIVE grp (kind, rank, after) AS (
        VALUES ($3::text COLLATE \"C\", $4::smallint, $5::uuid)
        UNION ALL
        SELECT n.kind, n.rank, '00000000-0000-0000-0000-000000000000'::uuid FROM grp g CROSS JOIN LATERAL (SELECT kind, rank FROM task_ready
            WHERE (kind, rank) > (g.kind, g.rank) ORDER BY kind, rank LIMIT 1) n
    ) SELECT ",
    body_columns!(),
    ", ",
    progress_columns!(),
    " FROM grp g CROSS JOIN LATERAL (SELECT * FROM task_ready r
        WHERE r.kind = g.kind AND r.rank = g.rank AND r.job = $1 AND r.id > g.after
          ORDER BY r.id LIMIT $2) p
      JOIN task t ON t.id = p.id LIMIT $2"
);

pub(super) const DELAYED: &str = concat!(
    "SELECT ",
    body_columns!(),
    ", ",
    progress_columns!(),
    ", p.at FROM task_delayed p JOIN task t ON t.id = p.id WHERE p.job = $1 AND p.id > $3
      ORDER BY p.id LIMIT $2"
);

pub(super) const DONE: &str = concat!(
    "SELECT ",
    body_columns!(),
    ", ",
    progress_columns!(),
    ", p.status, p.finished_at, p.error FROM task t JOIN task_done p ON p.id = t.id
      WHERE t.job = $1 AND t.id > $3 ORDER BY t.id LIMIT $2"
);

/// First what is ready, then what is delayed, then what has ended, where that is asked for.
pub(super) async fn next(session: &Session, need: &SweepNeed) -> Result<Vec<Place>> {
    let job = need.job.0;
    let mut places = Vec::new();
    let left =
        |places: &Vec<Place>| i64::try_from(need.limit.saturating_sub(places.len())).unwrap_or(i64::MAX);
    let (ready, delayed, ended) = need.begins();
    if let Some((kind, rank, after)) = ready {
        let rank = i16::from(rank);
        for row in session.rows(READY, &[&job, &left(&places), &kind, &rank, &after.0]).await? {
            places.push(Place::Ready(waiting(&row, 0)?));
        }
        places.sort_unstable_by_key(SweepPlace::of);
    }
    if let Some(after) = delayed
        && left(&places) > 0
    {
        for row in session.rows(DELAYED, &[&job, &left(&places), &after.0]).await? {
            places.push(Place::Delayed(waiting(&row, 0)?, time(&row, BODY_WIDTH + PROGRESS_WIDTH)?));
        }
    }
    if need.ended_too && left(&places) > 0 {
        for row in session.rows(DONE, &[&job, &left(&places), &ended.0]).await? {
            let body = Arc::new(body(&row, 0)?);
            places.push(Place::Done(done(
                &row,
                BODY_WIDTH + PROGRESS_WIDTH,
                body,
                progress(&row, BODY_WIDTH)?,
            )?));
        }
    }
    Ok(places)
}
