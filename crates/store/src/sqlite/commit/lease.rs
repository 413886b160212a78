//! Rows of `task_lease`: few and hot.

use super::Group;
use super::moves::{avoid, enters, leaves, stays};
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use ukai_domain::Place;
use ukai_domain::scheduler::{Move, PlaceName};

pub(super) const LEAVE: &str = "DELETE FROM task_lease WHERE id = ?1";

pub(super) const STAY: &str =
    "UPDATE task_lease SET run = ?2, attempts = ?3, losses = ?4, parse_errors = ?5, avoid = ?6, worker = ?7,
     session = ?8, assigned_at = ?9, started_at = ?10, deadline = ?11 WHERE id = ?1";

pub(super) fn leave(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut delete = Group::new(conn, "delete from task_lease", LEAVE)?;
    for m in moves.iter().filter(|m| leaves(m, PlaceName::Leased)) {
        delete.one([m.task.as_bytes()], m.task)?;
    }
    Ok(())
}

pub(super) fn enter(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut insert = Group::new(
        conn,
        "insert into task_lease",
        "INSERT INTO task_lease (id, run, attempts, losses, parse_errors, avoid, worker, session, assigned_at,
         started_at, deadline) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    write(&mut insert, moves.iter().filter_map(|m| enters(m, PlaceName::Leased)))
}

/// A start, a new session, a longer deadline; inside one step also another run on another worker.
pub(super) fn stay(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut update = Group::new(conn, "update task_lease", STAY)?;
    write(&mut update, moves.iter().filter_map(|m| stays(m, PlaceName::Leased)))
}

fn write<'m>(statement: &mut Group<'_>, places: impl Iterator<Item = &'m Place>) -> Result<(), Failure> {
    for place in places {
        let Place::Leased(lease) = place else { continue };
        let p = &lease.progress;
        let row = params![
            lease.body.id.as_bytes(),
            p.run.0,
            p.attempts,
            p.losses,
            p.parse_errors,
            avoid(p),
            lease.worker.as_bytes(),
            lease.session.as_bytes(),
            lease.assigned_at.0,
            lease.started_at.map(|t| t.0),
            lease.deadline.0,
        ];
        statement.one(row, lease.body.id)?;
    }
    Ok(())
}
