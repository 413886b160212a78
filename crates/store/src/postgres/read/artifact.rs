//! Rows of artifacts: written beside the commits, because no rule of the queue reads them.

use crate::ArtifactRow;
use crate::postgres::columns::{Result, get, number, run, time, unsigned};
use crate::postgres::failure::Failure;
use crate::postgres::session::Session;
use tokio_postgres::Row;
use ukai_domain::{ArtifactId, TaskId, Timestamp, WorkerId};

macro_rules! columns {
    () => {
        "id, task, run, worker, kind, name, content_type, size, sha256, width, height, thumbnail, created_at"
    };
}

pub(in crate::postgres) async fn by_id(session: &Session, id: ArtifactId) -> Result<Option<ArtifactRow>> {
    let sql = concat!("SELECT ", columns!(), " FROM artifact WHERE id = $1");
    session.row(sql, &[&id.0]).await?.map(|row| artifact(&row)).transpose()
}

pub(in crate::postgres) async fn of_task(session: &Session, task: TaskId) -> Result<Vec<ArtifactRow>> {
    let sql = concat!("SELECT ", columns!(), " FROM artifact WHERE task = $1 ORDER BY created_at, id");
    session.rows(sql, &[&task.0]).await?.iter().map(artifact).collect()
}

/// Those of `hashes` that a row names.
pub(in crate::postgres) async fn named(session: &Session, hashes: &[String]) -> Result<Vec<String>> {
    let sql = "SELECT n.hash FROM unnest($1::text[]) n (hash)
        WHERE EXISTS (SELECT 1 FROM artifact WHERE sha256 = n.hash)
            OR EXISTS (SELECT 1 FROM artifact WHERE thumbnail = n.hash)";
    let mut named: Vec<String> =
        session.rows(sql, &[&hashes]).await?.iter().map(|row| get(row, 0)).collect::<Result<_>>()?;
    let place = |hash: &String| hashes.iter().position(|h| h == hash);
    named.sort_by_key(place);
    Ok(named)
}

/// Whether the task is there. A row that is there already stays as it is. The task's row is held until this has ended:
/// the commit that purges it waits, and finds the artifact.
pub(in crate::postgres) async fn put(session: &Session, row: &ArtifactRow) -> Result<bool> {
    let sql = concat!(
        "WITH held AS (SELECT id FROM task WHERE id = $2 FOR KEY SHARE) INSERT INTO artifact (",
        columns!(),
        ") SELECT $1, held.id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 FROM held ON CONFLICT (id) DO NOTHING"
    );
    let run = i32::try_from(row.run.0)
        .map_err(|_| Failure::Refused(format!("run number {} is too large", row.run)))?;
    let size = i64::try_from(row.size).unwrap_or(i64::MAX);
    let (width, height) = (row.width.map(i64::from), row.height.map(i64::from));
    let written = session
        .execute(
            sql,
            &[
                &row.id.0,
                &row.task.0,
                &run,
                &row.worker.0,
                &row.kind,
                &row.name,
                &row.content_type,
                &size,
                &row.sha256,
                &width,
                &height,
                &row.thumbnail,
                &row.created_at.0,
            ],
        )
        .await?;
    Ok(written > 0 || session.row("SELECT 1 FROM artifact WHERE id = $1", &[&row.id.0]).await?.is_some())
}

/// Deletes rows older than `before`; how many.
pub(in crate::postgres) async fn delete(session: &Session, before: Timestamp, limit: u32) -> Result<u64> {
    let sql = "DELETE FROM artifact WHERE id IN
        (SELECT id FROM artifact WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
    session.execute(sql, &[&before.0, &i64::from(limit)]).await
}

fn artifact(row: &Row) -> Result<ArtifactRow> {
    let pixels = |at| get::<Option<i64>>(row, at)?.map(|_| number(row, at)).transpose();
    Ok(ArtifactRow {
        id: ArtifactId(get(row, 0)?),
        task: TaskId(get(row, 1)?),
        run: run(row, 2)?,
        worker: WorkerId(get(row, 3)?),
        kind: get(row, 4)?,
        name: get(row, 5)?,
        content_type: get(row, 6)?,
        size: unsigned(row, 7)?,
        sha256: get(row, 8)?,
        width: pixels(9)?,
        height: pixels(10)?,
        thumbnail: get(row, 11)?,
        created_at: time(row, 12)?,
    })
}
