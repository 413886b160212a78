//! Rows of `task_delayed`.

use super::batch::{Batch, Missing, Param, Rows, params};
use super::moves::{Histories, entering, leaving, staying};
use crate::postgres::failure::Failure;
use ukai_domain::Place;
use ukai_domain::scheduler::{Move, PlaceName};
use uuid::Uuid;

pub(super) const LEAVE: &str = "DELETE FROM task_delayed WHERE id = ANY ($1::uuid[])";

pub(super) const STAY: &str =
    "UPDATE task_delayed p SET at = n.at, job = n.job, run = n.run, attempts = n.attempts,
        losses = n.losses, parse_errors = n.parse_errors, avoid = n.avoid
    FROM (SELECT unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::uuid[]), unnest($4::integer[]),
        unnest($5::smallint[]), unnest($6::smallint[]), unnest($7::smallint[]), unnest($8::uuid[]))
        n (id, at, job, run, attempts, losses, parse_errors, avoid)
    CROSS JOIN LATERAL (SELECT q.ctid AS place FROM task_delayed q WHERE q.id = n.id OFFSET 0) q
    WHERE p.ctid = q.place";

const ENTER: &str = "INSERT INTO task_delayed (id, at, job, run, attempts, losses, parse_errors, avoid)
    SELECT unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::uuid[]), unnest($4::integer[]),
        unnest($5::smallint[]), unnest($6::smallint[]), unnest($7::smallint[]), unnest($8::uuid[])";

const MISSING: Missing = Missing {
    sql: "SELECT n.id FROM unnest($1::uuid[]) n (id)
        WHERE NOT EXISTS (SELECT 1 FROM task_delayed p WHERE p.id = n.id) LIMIT 1",
    params: 1,
};

pub(super) fn leave(batch: &mut Batch<'_>, moves: &[Move]) {
    let ids = leaving(moves, PlaceName::Delayed);
    if !ids.is_empty() {
        batch.add("delete from task_delayed", LEAVE, Rows::Found(ids.len(), MISSING), params![ids]);
    }
}

pub(super) fn enter<'c>(batch: &mut Batch<'c>, moves: &'c [Move]) -> Result<(), Failure> {
    let (rows, params) = columns(entering(moves, PlaceName::Delayed))?;
    if rows > 0 {
        batch.add("insert into task_delayed", ENTER, Rows::Exactly(rows), params);
    }
    Ok(())
}

pub(super) fn stay<'c>(batch: &mut Batch<'c>, moves: &'c [Move]) -> Result<(), Failure> {
    let (rows, params) = columns(staying(moves, PlaceName::Delayed))?;
    if rows > 0 {
        batch.add("update task_delayed", STAY, Rows::Found(rows, MISSING), params);
    }
    Ok(())
}

fn columns<'c>(places: impl Iterator<Item = &'c Place>) -> Result<(usize, Vec<Param<'c>>), Failure> {
    let (mut ids, mut times, mut jobs): (Vec<Uuid>, Vec<i64>, Vec<Uuid>) = Default::default();
    let mut histories = Histories::default();
    for place in places {
        let Place::Delayed(waiting, at) = place else { continue };
        ids.push(waiting.body.id.0);
        times.push(at.0);
        jobs.push(waiting.body.job.0);
        histories.push(waiting.body.id, &waiting.progress)?;
    }
    let rows = ids.len();
    let mut params = params![ids, times, jobs];
    params.extend(histories.into_params());
    Ok((rows, params))
}
