//! Rows of `task_done`.

use super::Group;
use super::group::json;
use super::moves::{avoid, enters, leaves, stays};
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use ukai_domain::Place;
use ukai_domain::scheduler::{Move, PlaceName};

pub(super) const LEAVE: &str = "DELETE FROM task_done WHERE id = ?1";

/// Put back by an operator, or purged.
pub(super) fn leave(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut delete = Group::new(conn, "delete from task_done", LEAVE)?;
    for m in moves.iter().filter(|m| leaves(m, PlaceName::Done)) {
        delete.one([m.task.as_bytes()], m.task)?;
    }
    Ok(())
}

pub(super) fn enter(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut insert = Group::new(
        conn,
        "insert into task_done",
        "INSERT INTO task_done (id, run, attempts, losses, parse_errors, avoid, status, finished_at, error)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    write(&mut insert, moves.iter().filter_map(|m| enters(m, PlaceName::Done)))
}

/// Put back and ended again in one step.
pub(super) fn stay(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut update = Group::new(
        conn,
        "update task_done",
        "UPDATE task_done SET run = ?2, attempts = ?3, losses = ?4, parse_errors = ?5, avoid = ?6, status = ?7,
         finished_at = ?8, error = ?9 WHERE id = ?1",
    )?;
    write(&mut update, moves.iter().filter_map(|m| stays(m, PlaceName::Done)))
}

fn write<'m>(statement: &mut Group<'_>, places: impl Iterator<Item = &'m Place>) -> Result<(), Failure> {
    for place in places {
        let Place::Done(done) = place else { continue };
        let p = &done.progress;
        let error = done.error.as_ref().map(json).transpose()?;
        let row = params![
            done.body.id.as_bytes(),
            p.run.0,
            p.attempts,
            p.losses,
            p.parse_errors,
            avoid(p),
            done.status.as_str(),
            done.finished_at.0,
            error,
        ];
        statement.one(row, done.body.id)?;
    }
    Ok(())
}
