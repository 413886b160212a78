//! The next rows of jobs, of single windows and of the timers.

use crate::postgres::columns::{
    BODY_WIDTH, PROGRESS_WIDTH, Result, arc, body_columns, body_in_lane, get, progress, progress_columns,
    time,
};
use crate::postgres::place::{ordinal, waiting};
use crate::postgres::session::Session;
use std::sync::Arc;
use ukai_domain::scheduler::{DelayedNeed, DelayedRows, RangeNeed, RangeRows, WindowNeed, WindowRows};
use ukai_domain::{LaneKey, TaskId, Waiting};
use uuid::Uuid;

/// What a job has next is one range of the primary key.
pub(super) const RANGES: &str = concat!(
    "SELECT n.i, ",
    body_columns!(),
    ", ",
    progress_columns!(),
    " FROM unnest($1::text[], $2::smallint[], $3::uuid[], $4::uuid[], $5::bigint[])
        WITH ORDINALITY n (kind, rank, job, after, most, i)
      CROSS JOIN LATERAL (SELECT * FROM task_ready r
        WHERE r.kind = n.kind AND r.rank = n.rank AND r.job = n.job AND r.id > n.after
        ORDER BY r.id LIMIT n.most) p
      JOIN task t ON t.id = p.id"
);

/// A window is what its job's range has of one host. Only windows behind a closed lane are read, so rows of other
/// hosts that lie between are looked at in vain now and then, a bounded number each time; an index of its own would cost
/// every task. The last row that is looked at comes whatever its host, without a body.
pub(super) const WINDOWS: &str = concat!(
    "SELECT n.i, ",
    body_columns!(),
    ", ",
    progress_columns!(),
    ", p.id, p.host = n.host, p.place = n.looks
      FROM unnest($1::text[], $2::smallint[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::bigint[])
        WITH ORDINALITY n (kind, rank, job, after, most, host, looks, i)
      CROSS JOIN LATERAL (SELECT * FROM (SELECT *, row_number() OVER (ORDER BY r.id) AS place FROM task_ready r
          WHERE r.kind = n.kind AND r.rank = n.rank AND r.job = n.job AND r.id > n.after
          ORDER BY r.id LIMIT n.looks) looked
        WHERE looked.host = n.host OR looked.place = n.looks ORDER BY looked.id LIMIT n.most) p
      LEFT JOIN task t ON t.id = p.id AND p.host = n.host"
);

/// In the order of the times, then of the ids.
pub(super) const DELAYED: &str = concat!(
    "SELECT ",
    body_columns!(),
    ", ",
    progress_columns!(),
    ", p.at FROM task_delayed p JOIN task t ON t.id = p.id
      WHERE (p.at, p.id) > ($1, $2) ORDER BY p.at, p.id LIMIT $3"
);

pub(super) async fn ranges(session: &Session, needs: &[RangeNeed]) -> Result<Vec<RangeRows>> {
    let kinds: Vec<&str> = needs.iter().map(|n| &*n.key.kind).collect();
    let ranks: Vec<i16> = needs.iter().map(|n| 100 - i16::from(n.key.priority)).collect();
    let jobs: Vec<Uuid> = needs.iter().map(|n| n.key.job.0).collect();
    let after: Vec<Uuid> = needs.iter().map(|n| n.after.0).collect();
    let most: Vec<i64> = needs.iter().map(|n| one_more(n.limit)).collect();
    let mut found: Vec<RangeRows> =
        needs.iter().map(|n| RangeRows { key: n.key.clone(), rows: Vec::new(), more: false }).collect();
    for row in session.rows(RANGES, &[&kinds, &ranks, &jobs, &after, &most]).await? {
        let Some(range) = found.get_mut(ordinal(&row, 0)?) else { continue };
        let lane = LaneKey { kind: Arc::clone(&range.key.kind), host: arc(&row, 4)? };
        let body = Arc::new(body_in_lane(&row, 1, lane)?);
        range.rows.push(Waiting { body, progress: progress(&row, 1 + BODY_WIDTH)? });
    }
    for (range, need) in found.iter_mut().zip(needs) {
        range.more = in_order(&mut range.rows, need.limit);
    }
    Ok(found)
}

pub(super) async fn windows(session: &Session, needs: &[WindowNeed]) -> Result<Vec<WindowRows>> {
    let kinds: Vec<&str> = needs.iter().map(|n| &*n.key.lane.kind).collect();
    let ranks: Vec<i16> = needs.iter().map(|n| 100 - i16::from(n.key.priority)).collect();
    let jobs: Vec<Uuid> = needs.iter().map(|n| n.key.job.0).collect();
    let after: Vec<Uuid> = needs.iter().map(|n| n.after.0).collect();
    let most: Vec<i64> = needs.iter().map(|n| one_more(n.limit)).collect();
    let hosts: Vec<&str> = needs.iter().map(|n| &*n.key.lane.host).collect();
    let looks: Vec<i64> = needs.iter().map(|n| i64::try_from(n.looks).unwrap_or(i64::MAX).max(1)).collect();
    let mut found: Vec<WindowRows> =
        needs.iter().map(|n| WindowRows { key: n.key.clone(), rows: Vec::new(), rest: None }).collect();
    for row in session.rows(WINDOWS, &[&kinds, &ranks, &jobs, &after, &most, &hosts, &looks]).await? {
        let Some(window) = found.get_mut(ordinal(&row, 0)?) else { continue };
        let end = 1 + BODY_WIDTH + PROGRESS_WIDTH;
        if get(&row, end + 1)? {
            let body = Arc::new(body_in_lane(&row, 1, window.key.lane.clone())?);
            window.rows.push(Waiting { body, progress: progress(&row, 1 + BODY_WIDTH)? });
        }
        if get(&row, end + 2)? {
            window.rest = Some(TaskId(get(&row, end)?));
        }
    }
    for (window, need) in found.iter_mut().zip(needs) {
        if in_order(&mut window.rows, need.limit) {
            window.rest = Some(window.rows.last().map_or(need.after, |last| last.body.id));
        }
    }
    Ok(found)
}

pub(in crate::postgres) async fn delayed(session: &Session, need: &DelayedNeed) -> Result<DelayedRows> {
    let (at, id) = need.after;
    let mut rows = session
        .rows(DELAYED, &[&at.0, &id.0, &one_more(need.limit)])
        .await?
        .iter()
        .map(|row| Ok((waiting(row, 0)?, time(row, BODY_WIDTH + PROGRESS_WIDTH)?)))
        .collect::<Result<Vec<_>>>()?;
    let more = rows.len() > need.limit;
    rows.truncate(need.limit);
    Ok(DelayedRows { rows, more })
}

/// A join keeps no order: the rows of a need come in the order of ids by this. Whether there is one too many.
fn in_order(rows: &mut Vec<Waiting>, limit: usize) -> bool {
    rows.sort_unstable_by_key(|row| row.body.id);
    let more = rows.len() > limit;
    rows.truncate(limit);
    more
}

/// One row more than asked for says whether there are more.
fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}
