//! Rows of artifacts: written beside the commits, because no rule of the queue reads them.

use crate::ArtifactRow;
use crate::sqlite::columns::{time, unsigned, uuid};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use ukai_domain::{ArtifactId, Run, TaskId, Timestamp, WorkerId};

macro_rules! columns {
    () => {
        "id, task, run, worker, kind, name, content_type, size, sha256, width, height, thumbnail, created_at"
    };
}

pub(in crate::sqlite) fn by_id(conn: &Connection, id: ArtifactId) -> Result<Option<ArtifactRow>> {
    conn.prepare_cached(concat!("SELECT ", columns!(), " FROM artifact WHERE id = ?1"))?
        .query_row([id.as_bytes()], artifact)
        .optional()
}

pub(in crate::sqlite) fn of_task(conn: &Connection, task: TaskId) -> Result<Vec<ArtifactRow>> {
    conn.prepare_cached(concat!(
        "SELECT ",
        columns!(),
        " FROM artifact WHERE task = ?1 ORDER BY created_at, id"
    ))?
    .query_map([task.as_bytes()], artifact)?
    .collect()
}

/// Those of `hashes` that a row names.
pub(in crate::sqlite) fn named(conn: &Connection, hashes: Vec<String>) -> Result<Vec<String>> {
    let mut find = conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM artifact WHERE sha256 = ?1)
             OR EXISTS (SELECT 1 FROM artifact WHERE thumbnail = ?1)",
    )?;
    let mut named = Vec::new();
    for hash in hashes {
        if find.query_row([&hash], |row| row.get(0))? {
            named.push(hash);
        }
    }
    Ok(named)
}

/// Whether the task is there. A row that is there already stays as it is.
pub(in crate::sqlite) fn put(conn: &Connection, row: &ArtifactRow) -> Result<bool> {
    let written = conn
        .prepare_cached(concat!(
            "INSERT INTO artifact (",
            columns!(),
            ") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13
               WHERE EXISTS (SELECT 1 FROM task WHERE id = ?2) ON CONFLICT (id) DO NOTHING"
        ))?
        .execute(params![
            row.id.as_bytes(),
            row.task.as_bytes(),
            row.run.0,
            row.worker.as_bytes(),
            row.kind,
            row.name,
            row.content_type,
            i64::try_from(row.size).unwrap_or(i64::MAX),
            row.sha256,
            row.width,
            row.height,
            row.thumbnail,
            row.created_at.0,
        ])?;
    if written > 0 {
        return Ok(true);
    }
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM artifact WHERE id = ?1)")?
        .query_row([row.id.as_bytes()], |row| row.get(0))
}

/// Deletes rows older than `before`; how many.
pub(in crate::sqlite) fn delete(conn: &Connection, before: Timestamp, limit: u32) -> Result<u64> {
    let deleted = conn
        .prepare_cached(
            "DELETE FROM artifact WHERE id IN
             (SELECT id FROM artifact WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)",
        )?
        .execute(params![before.0, limit])?;
    Ok(deleted as u64)
}

fn artifact(row: &Row<'_>) -> Result<ArtifactRow> {
    Ok(ArtifactRow {
        id: ArtifactId(uuid(row, 0)?),
        task: TaskId(uuid(row, 1)?),
        run: Run(row.get(2)?),
        worker: WorkerId(uuid(row, 3)?),
        kind: row.get(4)?,
        name: row.get(5)?,
        content_type: row.get(6)?,
        size: unsigned(row, 7)?,
        sha256: row.get(8)?,
        width: row.get(9)?,
        height: row.get(10)?,
        thumbnail: row.get(11)?,
        created_at: time(row, 12)?,
    })
}
