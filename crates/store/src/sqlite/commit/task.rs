//! Bodies of new tasks, and of purged ones. New ids rise, so that each is appended behind the last.

use super::Group;
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use std::sync::Arc;
use ukai_domain::TaskBody;
use ukai_domain::scheduler::Move;

pub(super) fn insert(conn: &Connection, tasks: &[Arc<TaskBody>]) -> Result<(), Failure> {
    let mut insert = Group::new(
        conn,
        "insert into task",
        "INSERT INTO task (id, job, kind, host, url, priority, max_attempts, timeout_ms, options, created_at, depth,
             trace)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    for task in tasks {
        let row = params![
            task.id.as_bytes(),
            task.job.as_bytes(),
            &*task.lane.kind,
            &*task.lane.host,
            task.url,
            task.priority,
            task.max_attempts,
            task.timeout_ms,
            task.options,
            task.created_at.0,
            task.depth,
            task.trace.as_deref(),
        ];
        insert.one(row, task.id)?;
    }
    Ok(())
}

/// Ended tasks that are removed, with the rows of their artifacts; their runs go before them.
pub(super) fn purge(conn: &Connection, moves: &[Move]) -> Result<(), Failure> {
    let mut delete = Group::new(conn, "delete from task", "DELETE FROM task WHERE id = ?1")?;
    let mut artifacts = Group::new(conn, "delete from artifact", "DELETE FROM artifact WHERE task = ?1")?;
    for m in moves.iter().filter(|m| m.to.is_none()) {
        artifacts.any([m.task.as_bytes()], m.task)?;
        delete.one([m.task.as_bytes()], m.task)?;
    }
    Ok(())
}
