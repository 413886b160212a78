//! Tasks that change their place: out of one table, into another, or changed where they are.

use super::{delayed, done, lease, ready, run, task};
use crate::sqlite::failure::Failure;
use rusqlite::Connection;
use ukai_domain::scheduler::{Move, PlaceName};
use ukai_domain::{Place, Progress, TaskBody};

/// Applies all: first what leaves, then what stays, then what enters.
pub(super) fn apply(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    if moves.is_empty() {
        return Ok(());
    }
    check(moves)?;
    ready::leave(conn, moves)?;
    delayed::leave(conn, moves)?;
    lease::leave(conn, moves)?;
    done::leave(conn, moves)?;
    fail::fail_point!("store-moved-out");
    ready::stay(conn, moves)?;
    delayed::stay(conn, moves)?;
    lease::stay(conn, moves)?;
    done::stay(conn, moves)?;
    ready::enter(conn, moves)?;
    delayed::enter(conn, moves)?;
    lease::enter(conn, moves)?;
    done::enter(conn, moves)?;
    run::purge(conn, moves)?;
    task::purge(conn, moves)
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

/// Whether the move takes the task out of `place`.
pub(super) fn leaves(m: &Move, place: PlaceName) -> bool {
    m.from == Some(place) && m.to.as_ref().map(Place::name) != Some(place)
}

/// The row that the move puts into `place`, where it was elsewhere before.
pub(super) fn enters(m: &Move, place: PlaceName) -> Option<&Place> {
    m.to.as_ref().filter(|to| to.name() == place && m.from != Some(place))
}

/// The row that replaces the one in `place`.
pub(super) fn stays(m: &Move, place: PlaceName) -> Option<&Place> {
    m.to.as_ref().filter(|to| to.name() == place && m.from == Some(place))
}

/// The order of a window: the smaller, the sooner.
pub(super) fn rank(body: &TaskBody) -> i64 {
    100 - i64::from(body.priority)
}

/// The worker to avoid, as bytes.
pub(super) fn avoid(progress: &Progress) -> Option<&[u8; 16]> {
    progress.avoid.as_ref().map(ukai_domain::WorkerId::as_bytes)
}
