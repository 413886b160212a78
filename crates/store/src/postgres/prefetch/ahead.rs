//! How many ready tasks come before one, for the page that says why it waits.
//!
//! Exact to 10,000, in time that doesn't grow with the queue: jobs are visited one by one, and where there are more
//! than [`JOBS`] of them the count is what was found so far, a lower bound.

use crate::postgres::columns::{Result, get};
use crate::postgres::session::Session;
use ukai_domain::TaskId;

/// The count stops here.
const CAP: i64 = 10_000;
/// Jobs with rows of the task's own priority that are visited.
const JOBS: i32 = 5_000;

pub(super) const HIGHER: &str =
    "SELECT count(*) FROM (SELECT 1 FROM task_ready WHERE kind = $1 AND rank < $2 LIMIT $3) few";

/// The jobs are found while their rows are counted: the last limit ends both.
pub(super) const OLDER: &str = "WITH RECURSIVE step (job, n) AS (
        (SELECT job, 1 FROM task_ready WHERE kind = $1 AND rank = $2 ORDER BY job LIMIT 1)
        UNION ALL
        SELECT n.job, s.n + 1 FROM step s CROSS JOIN LATERAL (SELECT job FROM task_ready
            WHERE kind = $1 AND rank = $2 AND job > s.job ORDER BY job LIMIT 1) n WHERE s.n < $5
    ) SELECT count(*) FROM (SELECT 1 FROM step s CROSS JOIN LATERAL (SELECT 1 FROM task_ready
        WHERE kind = $1 AND rank = $2 AND job = s.job AND id < $3 LIMIT $4) older LIMIT $4) few";

/// `None` for a task that doesn't exist.
pub(super) async fn count(session: &Session, id: TaskId) -> Result<Option<u64>> {
    let own = "SELECT kind, (100 - priority)::smallint FROM task WHERE id = $1";
    let Some(own) = session.row(own, &[&id.0]).await? else { return Ok(None) };
    let (kind, rank): (&str, i16) = (get(&own, 0)?, get(&own, 1)?);
    let higher = counted(session.row(HIGHER, &[&kind, &rank, &CAP]).await?)?;
    if higher >= CAP {
        return Ok(u64::try_from(CAP).ok());
    }
    let left = CAP - higher;
    let older = counted(session.row(OLDER, &[&kind, &rank, &id.0, &left, &JOBS]).await?)?;
    Ok(u64::try_from(higher + older).ok())
}

fn counted(row: Option<tokio_postgres::Row>) -> Result<i64> {
    row.map_or(Ok(0), |row| get(&row, 0))
}
