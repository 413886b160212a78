//! Tasks that change their place: out of one table, into another, or changed where they are.
//!
//! Statements that change rows one by one look each row's place up first, behind a fence (`OFFSET 0`): a plain join
//! that was planned while its table was empty would go on to read the table as a whole when it no longer is.

use super::batch::{Batch, Param, params, run_number};
use super::{delayed, done, lease, ready, run, task};
use crate::postgres::failure::Failure;
use ukai_domain::scheduler::{Move, PlaceName};
use ukai_domain::{Place, Progress, TaskBody, TaskId};
use uuid::Uuid;

/// Applies all: first what leaves, then what stays, then what enters.
pub(super) fn apply<'c>(batch: &mut Batch<'c>, moves: &'c [Move]) -> Result<(), Failure> {
    check(moves)?;
    ready::leave(batch, moves);
    delayed::leave(batch, moves);
    lease::leave(batch, moves);
    done::leave(batch, moves);
    ready::stay(batch, moves)?;
    delayed::stay(batch, moves)?;
    lease::stay(batch, moves)?;
    done::stay(batch, moves)?;
    ready::enter(batch, moves)?;
    delayed::enter(batch, moves)?;
    lease::enter(batch, moves)?;
    done::enter(batch, moves)?;
    let purged: Vec<Uuid> = moves.iter().filter(|m| m.to.is_none()).map(|m| m.task.0).collect();
    run::purge(batch, &purged);
    task::purge(batch, purged);
    Ok(())
}

fn check(moves: &[Move]) -> Result<(), Failure> {
    for m in moves {
        match (&m.from, &m.to) {
            (_, Some(to)) if to.body().id != m.task => {
                return Err(Failure::Refused(format!("move of {}: the row is of {}", m.task, to.body().id)));
            }
            (_, Some(_)) | (Some(PlaceName::Done), None) => {}
            (from, None) => {
                return Err(Failure::Refused(format!(
                    "move of {}: a purge from {from:?}, not from Done",
                    m.task
                )));
            }
        }
    }
    Ok(())
}

/// The tasks that `place` loses.
pub(super) fn leaving(moves: &[Move], place: PlaceName) -> Vec<Uuid> {
    moves
        .iter()
        .filter(|m| m.from == Some(place) && m.to.as_ref().map(Place::name) != Some(place))
        .map(|m| m.task.0)
        .collect()
}

/// The rows that come into `place` from elsewhere.
pub(super) fn entering(moves: &[Move], place: PlaceName) -> impl Iterator<Item = &Place> {
    moves.iter().filter(move |m| m.from != Some(place)).filter_map(move |m| to(m, place))
}

/// The rows that replace those in `place`.
pub(super) fn staying(moves: &[Move], place: PlaceName) -> impl Iterator<Item = &Place> {
    moves.iter().filter(move |m| m.from == Some(place)).filter_map(move |m| to(m, place))
}

fn to(m: &Move, place: PlaceName) -> Option<&Place> {
    m.to.as_ref().filter(|to| to.name() == place)
}

/// The order of a window: the smaller, the sooner.
pub(super) fn rank(body: &TaskBody) -> i16 {
    100 - i16::from(body.priority)
}

/// Histories as columns: run, attempts, losses, parse errors, the worker to avoid.
#[derive(Default)]
pub(super) struct Histories {
    run: Vec<i32>,
    attempts: Vec<i16>,
    losses: Vec<i16>,
    parse_errors: Vec<i16>,
    avoid: Vec<Option<Uuid>>,
}

impl Histories {
    pub(super) fn push(&mut self, of: TaskId, p: &Progress) -> Result<(), Failure> {
        self.run.push(run_number(p.run).map_err(|_| Failure::Refused(format!("too many runs of {of}")))?);
        self.attempts.push(p.attempts.into());
        self.losses.push(p.losses.into());
        self.parse_errors.push(p.parse_errors.into());
        self.avoid.push(p.avoid.map(|worker| worker.0));
        Ok(())
    }

    pub(super) fn into_params<'c>(self) -> Vec<Param<'c>> {
        params![self.run, self.attempts, self.losses, self.parse_errors, self.avoid]
    }
}
