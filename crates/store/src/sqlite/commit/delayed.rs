//! Rows of `task_delayed`.

use super::Group;
use super::moves::{avoid, enters, leaves, stays};
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use ukai_domain::Place;
use ukai_domain::scheduler::{Move, PlaceName};

pub(super) const LEAVE: &str = "DELETE FROM task_delayed WHERE id = ?1";

pub(super) fn leave(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut delete = Group::new(conn, "delete from task_delayed", LEAVE)?;
    for m in moves.iter().filter(|m| leaves(m, PlaceName::Delayed)) {
        delete.one([m.task.as_bytes()], m.task)?;
    }
    Ok(())
}

pub(super) fn enter(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut insert = Group::new(
        conn,
        "insert into task_delayed",
        "INSERT INTO task_delayed (id, at, job, run, attempts, losses, parse_errors, avoid)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    write(&mut insert, moves.iter().filter_map(|m| enters(m, PlaceName::Delayed)))
}

pub(super) fn stay(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut update = Group::new(
        conn,
        "update task_delayed",
        "UPDATE task_delayed SET at = ?2, job = ?3, run = ?4, attempts = ?5, losses = ?6, parse_errors = ?7,
         avoid = ?8 WHERE id = ?1",
    )?;
    write(&mut update, moves.iter().filter_map(|m| stays(m, PlaceName::Delayed)))
}

fn write<'m>(statement: &mut Group<'_>, places: impl Iterator<Item = &'m Place>) -> Result<(), Failure> {
    for place in places {
        let Place::Delayed(waiting, at) = place else { continue };
        let (body, p) = (&waiting.body, &waiting.progress);
        let row = params![
            body.id.as_bytes(),
            at.0,
            body.job.as_bytes(),
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
