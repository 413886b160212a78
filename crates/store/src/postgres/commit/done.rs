//! Rows of `task_done`.

use super::batch::{Batch, Missing, Param, Rows, json, params};
use super::moves::{Histories, entering, leaving, staying};
use crate::postgres::failure::Failure;
use ukai_domain::Place;
use ukai_domain::scheduler::{Move, PlaceName};
use uuid::Uuid;

pub(super) const LEAVE: &str = "DELETE FROM task_done WHERE id = ANY ($1::uuid[])";

/// Put back and ended again in one step.
pub(super) const STAY: &str =
    "UPDATE task_done p SET status = n.status, finished_at = n.finished_at, error = n.error,
        run = n.run, attempts = n.attempts, losses = n.losses, parse_errors = n.parse_errors, avoid = n.avoid
    FROM (SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::text[]),
        unnest($5::integer[]), unnest($6::smallint[]), unnest($7::smallint[]), unnest($8::smallint[]),
        unnest($9::uuid[]))
        n (id, status, finished_at, error, run, attempts, losses, parse_errors, avoid)
    CROSS JOIN LATERAL (SELECT q.ctid AS place FROM task_done q WHERE q.id = n.id OFFSET 0) q
    WHERE p.ctid = q.place";

const ENTER: &str =
    "INSERT INTO task_done (id, status, finished_at, error, run, attempts, losses, parse_errors, avoid)
    SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::text[]),
        unnest($5::integer[]), unnest($6::smallint[]), unnest($7::smallint[]), unnest($8::smallint[]),
        unnest($9::uuid[])";

const MISSING: Missing = Missing {
    sql: "SELECT n.id FROM unnest($1::uuid[]) n (id)
        WHERE NOT EXISTS (SELECT 1 FROM task_done p WHERE p.id = n.id) LIMIT 1",
    params: 1,
};

/// Put back by an operator, or purged.
pub(super) fn leave(batch: &mut Batch<'_>, moves: &[Move]) {
    let ids = leaving(moves, PlaceName::Done);
    if !ids.is_empty() {
        batch.add("delete from task_done", LEAVE, Rows::Found(ids.len(), MISSING), params![ids]);
    }
}

pub(super) fn enter<'c>(batch: &mut Batch<'c>, moves: &'c [Move]) -> Result<(), Failure> {
    let (rows, params) = columns(entering(moves, PlaceName::Done))?;
    if rows > 0 {
        batch.add("insert into task_done", ENTER, Rows::Exactly(rows), params);
    }
    Ok(())
}

pub(super) fn stay<'c>(batch: &mut Batch<'c>, moves: &'c [Move]) -> Result<(), Failure> {
    let (rows, params) = columns(staying(moves, PlaceName::Done))?;
    if rows > 0 {
        batch.add("update task_done", STAY, Rows::Found(rows, MISSING), params);
    }
    Ok(())
}

fn columns<'c>(places: impl Iterator<Item = &'c Place>) -> Result<(usize, Vec<Param<'c>>), Failure> {
    let (mut ids, mut statuses): (Vec<Uuid>, Vec<&str>) = Default::default();
    let (mut finished, mut errors): (Vec<i64>, Vec<Option<String>>) = Default::default();
    let mut histories = Histories::default();
    for place in places {
        let Place::Done(done) = place else { continue };
        ids.push(done.body.id.0);
        statuses.push(done.status.as_str());
        finished.push(done.finished_at.0);
        errors.push(done.error.as_ref().map(json).transpose()?);
        histories.push(done.body.id, &done.progress)?;
    }
    let rows = ids.len();
    let mut params = params![ids, statuses, finished, errors];
    params.extend(histories.into_params());
    Ok((rows, params))
}
