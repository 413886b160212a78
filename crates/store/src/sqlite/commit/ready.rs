//! Rows of `task_ready`, found by their whole key: the body has it.

use super::Group;
use super::moves::{avoid, enters, leaves, rank, stays};
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use ukai_domain::Place;
use ukai_domain::scheduler::{Move, PlaceName};

/// By the whole key.
pub(super) const LEAVE: &str =
    "DELETE FROM task_ready WHERE kind = ?1 AND rank = ?2 AND job = ?3 AND id = ?4";

/// The same.
pub(super) const STAY: &str =
    "UPDATE task_ready SET run = ?6, attempts = ?7, losses = ?8, parse_errors = ?9, avoid = ?10
     WHERE kind = ?1 AND rank = ?2 AND job = ?3 AND id = ?4 AND host = ?5";

pub(super) fn leave(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut delete = Group::new(conn, "delete from task_ready", LEAVE)?;
    for body in
        moves.iter().filter(|m| leaves(m, PlaceName::Ready)).filter_map(|m| m.to.as_ref().map(Place::body))
    {
        let key = params![&*body.lane.kind, rank(body), body.job.as_bytes(), body.id.as_bytes()];
        delete.one(key, body.id)?;
    }
    Ok(())
}

pub(super) fn enter(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut insert = Group::new(
        conn,
        "insert into task_ready",
        "INSERT INTO task_ready (kind, rank, job, id, host, run, attempts, losses, parse_errors, avoid)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    write(&mut insert, moves.iter().filter_map(|m| enters(m, PlaceName::Ready)))
}

pub(super) fn stay(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut update = Group::new(conn, "update task_ready", STAY)?;
    write(&mut update, moves.iter().filter_map(|m| stays(m, PlaceName::Ready)))
}

fn write<'m>(statement: &mut Group<'_>, places: impl Iterator<Item = &'m Place>) -> Result<(), Failure> {
    for place in places {
        let Place::Ready(waiting) = place else { continue };
        let (body, p) = (&waiting.body, &waiting.progress);
        let row = params![
            &*body.lane.kind,
            rank(body),
            body.job.as_bytes(),
            body.id.as_bytes(),
            &*body.lane.host,
            p.run.0,
            p.attempts,
            p.losses,
            p.parse_errors,
            avoid(p),
        ];
        statement.one(row, body.id)?;
    }
    Ok(())
}
