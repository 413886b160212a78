//! Rows of `task_ready`, found by their whole key: the body has it.

use super::batch::{Batch, Missing, Param, Rows, params};
use super::moves::{Histories, entering, rank, staying};
use crate::postgres::failure::Failure;
use ukai_domain::scheduler::{Move, PlaceName};
use ukai_domain::{Place, TaskBody};
use uuid::Uuid;

/// By the whole key.
pub(super) const LEAVE: &str = "DELETE FROM task_ready p
    USING (SELECT unnest($1::text[]), unnest($2::smallint[]), unnest($3::uuid[]), unnest($4::uuid[]))
        n (kind, rank, job, id)
    CROSS JOIN LATERAL (SELECT q.ctid AS place FROM task_ready q
        WHERE q.kind = n.kind AND q.rank = n.rank AND q.job = n.job AND q.id = n.id OFFSET 0) q
    WHERE p.ctid = q.place";

/// The same.
pub(super) const STAY: &str = "UPDATE task_ready p
    SET run = n.run, attempts = n.attempts, losses = n.losses, parse_errors = n.parse_errors, avoid = n.avoid
    FROM (SELECT unnest($1::text[]), unnest($2::smallint[]), unnest($3::uuid[]), unnest($4::uuid[]),
        unnest($5::text[]), unnest($6::integer[]), unnest($7::smallint[]), unnest($8::smallint[]),
        unnest($9::smallint[]), unnest($10::uuid[]))
        n (kind, rank, job, id, host, run, attempts, losses, parse_errors, avoid)
    CROSS JOIN LATERAL (SELECT q.ctid AS place FROM task_ready q
        WHERE q.kind = n.kind AND q.rank = n.rank AND q.job = n.job AND q.id = n.id AND q.host = n.host OFFSET 0) q
    WHERE p.ctid = q.place";

const ENTER: &str =
    "INSERT INTO task_ready (kind, rank, job, id, host, run, attempts, losses, parse_errors, avoid)
    SELECT unnest($1::text[]), unnest($2::smallint[]), unnest($3::uuid[]), unnest($4::uuid[]),
        unnest($5::text[]), unnest($6::integer[]), unnest($7::smallint[]), unnest($8::smallint[]),
        unnest($9::smallint[]), unnest($10::uuid[])";

const MISSING: Missing = Missing {
    sql: "SELECT n.id FROM unnest($1::text[], $2::smallint[], $3::uuid[], $4::uuid[]) n (kind, rank, job, id)
        WHERE NOT EXISTS (SELECT 1 FROM task_ready p
            WHERE p.kind = n.kind AND p.rank = n.rank AND p.job = n.job AND p.id = n.id) LIMIT 1",
    params: 4,
};

pub(super) fn leave<'c>(batch: &mut Batch<'c>, moves: &'c [Move]) {
    let mut keys = Keys::default();
    for m in moves.iter().filter(|m| m.from == Some(PlaceName::Ready)) {
        if let Some(to) = m.to.as_ref().filter(|to| to.name() != PlaceName::Ready) {
            keys.push(to.body());
        }
    }
    if !keys.id.is_empty() {
        let rows = Rows::Found(keys.id.len(), MISSING);
        batch.add("delete from task_ready", LEAVE, rows, keys.into_params());
    }
}

pub(super) fn enter<'c>(batch: &mut Batch<'c>, moves: &'c [Move]) -> Result<(), Failure> {
    let (rows, params) = columns(entering(moves, PlaceName::Ready))?;
    if rows > 0 {
        batch.add("insert into task_ready", ENTER, Rows::Exactly(rows), params);
    }
    Ok(())
}

pub(super) fn stay<'c>(batch: &mut Batch<'c>, moves: &'c [Move]) -> Result<(), Failure> {
    let (rows, params) = columns(staying(moves, PlaceName::Ready))?;
    if rows > 0 {
        batch.add("update task_ready", STAY, Rows::Found(rows, MISSING), params);
    }
    Ok(())
}

#[derive(Default)]
struct Keys<'c> {
    kind: Vec<&'c str>,
    rank: Vec<i16>,
    job: Vec<Uuid>,
    id: Vec<Uuid>,
}

impl<'c> Keys<'c> {
    fn push(&mut self, body: &'c TaskBody) {
        self.kind.push(&body.lane.kind);
        self.rank.push(rank(body));
        self.job.push(body.job.0);
        self.id.push(body.id.0);
    }

    fn into_params(self) -> Vec<Param<'c>> {
        params![self.kind, self.rank, self.job, self.id]
    }
}

fn columns<'c>(places: impl Iterator<Item = &'c Place>) -> Result<(usize, Vec<Param<'c>>), Failure> {
    let (mut keys, mut hosts, mut histories) = (Keys::default(), Vec::<&str>::new(), Histories::default());
    for place in places {
        let Place::Ready(waiting) = place else { continue };
        keys.push(&waiting.body);
        hosts.push(&waiting.body.lane.host);
        histories.push(waiting.body.id, &waiting.progress)?;
    }
    let rows = hosts.len();
    let mut params = keys.into_params();
    params.extend(params![hosts]);
    params.extend(histories.into_params());
    Ok((rows, params))
}
