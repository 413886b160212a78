//! Rows of `task_lease`: few and hot.

use super::batch::{Batch, Missing, Param, Rows, params};
use super::moves::{Histories, entering, leaving, staying};
use crate::postgres::failure::Failure;
use ukai_domain::Place;
use ukai_domain::scheduler::{Move, PlaceName};
use uuid::Uuid;

pub(super) const LEAVE: &str = "DELETE FROM task_lease WHERE id = ANY ($1::uuid[])";

/// A start, a new session, a longer deadline; inside one step also another run on another worker.
pub(super) const STAY: &str = "UPDATE task_lease p SET worker = n.worker, session = n.session,
        assigned_at = n.assigned_at, started_at = n.started_at, deadline = n.deadline, run = n.run,
        attempts = n.attempts, losses = n.losses, parse_errors = n.parse_errors, avoid = n.avoid
    FROM (SELECT unnest($1::uuid[]), unnest($2::uuid[]), unnest($3::uuid[]), unnest($4::bigint[]),
        unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::integer[]), unnest($8::smallint[]),
        unnest($9::smallint[]), unnest($10::smallint[]), unnest($11::uuid[]))
        n (id, worker, session, assigned_at, started_at, deadline, run, attempts, losses, parse_errors, avoid)
    CROSS JOIN LATERAL (SELECT q.ctid AS place FROM task_lease q WHERE q.id = n.id OFFSET 0) q
    WHERE p.ctid = q.place";

const ENTER: &str = "INSERT INTO task_lease (id, worker, session, assigned_at, started_at, deadline,
        run, attempts, losses, parse_errors, avoid)
    SELECT unnest($1::uuid[]), unnest($2::uuid[]), unnest($3::uuid[]), unnest($4::bigint[]),
        unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::integer[]), unnest($8::smallint[]),
        unnest($9::smallint[]), unnest($10::smallint[]), unnest($11::uuid[])";

const MISSING: Missing = Missing {
    sql: "SELECT n.id FROM unnest($1::uuid[]) n (id)
        WHERE NOT EXISTS (SELECT 1 FROM task_lease p WHERE p.id = n.id) LIMIT 1",
    params: 1,
};

pub(super) fn leave(batch: &mut Batch<'_>, moves: &[Move]) {
    let ids = leaving(moves, PlaceName::Leased);
    if !ids.is_empty() {
        batch.add("delete from task_lease", LEAVE, Rows::Found(ids.len(), MISSING), params![ids]);
    }
}

pub(super) fn enter<'c>(batch: &mut Batch<'c>, moves: &'c [Move]) -> Result<(), Failure> {
    let (rows, params) = columns(entering(moves, PlaceName::Leased))?;
    if rows > 0 {
        batch.add("insert into task_lease", ENTER, Rows::Exactly(rows), params);
    }
    Ok(())
}

pub(super) fn stay<'c>(batch: &mut Batch<'c>, moves: &'c [Move]) -> Result<(), Failure> {
    let (rows, params) = columns(staying(moves, PlaceName::Leased))?;
    if rows > 0 {
        batch.add("update task_lease", STAY, Rows::Found(rows, MISSING), params);
    }
    Ok(())
}

fn columns<'c>(places: impl Iterator<Item = &'c Place>) -> Result<(usize, Vec<Param<'c>>), Failure> {
    let (mut ids, mut workers, mut sessions): (Vec<Uuid>, Vec<Uuid>, Vec<Uuid>) = Default::default();
    let (mut assigned, mut started, mut deadlines): (Vec<i64>, Vec<Option<i64>>, Vec<i64>) =
        Default::default();
    let mut histories = Histories::default();
    for place in places {
        let Place::Leased(lease) = place else { continue };
        ids.push(lease.body.id.0);
        workers.push(lease.worker.0);
        sessions.push(lease.session.0);
        assigned.push(lease.assigned_at.0);
        started.push(lease.started_at.map(|t| t.0));
        deadlines.push(lease.deadline.0);
        histories.push(lease.body.id, &lease.progress)?;
    }
    let rows = ids.len();
    let mut params = params![ids, workers, sessions, assigned, started, deadlines];
    params.extend(histories.into_params());
    Ok((rows, params))
}
