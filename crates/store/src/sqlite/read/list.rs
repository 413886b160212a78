//! Pages of tasks, newest first, by the shortest walk that the filter allows.
//!
//! Every walk yields ids in falling order, so that no page is sorted; the rows of the page are then read one by
//! one, by key. Times are compared with the time inside the id.

use super::task::{Depth, by_id};
use crate::{TaskFilter, TaskPage, TaskStatus};
use rusqlite::{Connection, Result, ToSql};
use ukai_domain::{DoneStatus, TaskId, Timestamp};
use uuid::Uuid;

/// Totals are exact up to here.
const EXACT: u64 = 10_000;
/// Up to so many waiting tasks are collected and sorted; of more, the newest tasks are walked until a page is full.
const FEW: i64 = 20_000;

pub(in crate::sqlite) fn page(conn: &Connection, filter: &TaskFilter) -> Result<TaskPage> {
    let query = Query::new(filter, few_waiting(conn, filter)?);
    let depth = if filter.with_result { Depth::Result } else { Depth::Row };
    let offset = if filter.before.is_some() { 0 } else { filter.offset };
    let page = format!("{} ORDER BY 1 DESC LIMIT {} OFFSET {offset}", query.sql(), filter.limit);
    let mut items = Vec::new();
    {
        let mut statement = conn.prepare_cached(&page)?;
        let mut rows = statement.query(&*query.params(true))?;
        while let Some(row) = rows.next()? {
            let id = TaskId(Uuid::from_bytes(row.get(0)?));
            items.extend(by_id(conn, id, depth)?);
        }
    }
    let count = format!("SELECT count(*) FROM (SELECT 1 FROM ({}) LIMIT {})", query.sql(), EXACT + 1);
    let counted: i64 = conn.prepare_cached(&count)?.query_row(&*query.params(false), |row| row.get(0))?;
    let counted = u64::try_from(counted).unwrap_or(0);
    Ok(TaskPage { items, total: counted.min(EXACT), total_is_estimate: counted > EXACT })
}

/// Whether only waiting tasks are asked for and few enough are there to sort them.
fn few_waiting(conn: &Connection, filter: &TaskFilter) -> Result<bool> {
    if filter.status != [TaskStatus::Pending] || filter.job.is_some() || filter.worker.is_some() {
        return Ok(false);
    }
    conn.prepare_cached(
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM task_ready LIMIT ?1))
              + (SELECT count(*) FROM (SELECT 1 FROM task_delayed LIMIT ?1)) <= ?1",
    )?
    .query_row([FEW], |row| row.get(0))
}

struct Query {
    /// Statements that each yield ids in falling order.
    walks: Vec<String>,
    low: [u8; 16],
    high: [u8; 16],
    before: [u8; 16],
    worker: Option<[u8; 16]>,
    job: Option<[u8; 16]>,
}

impl Query {
    fn new(filter: &TaskFilter, few_waiting: bool) -> Self {
        let high = filter.to.map_or([0xff; 16], first_id_at);
        Self {
            walks: walks(filter, few_waiting),
            low: filter.from.map_or([0; 16], first_id_at),
            high,
            before: filter.before.map_or(high, |id| high.min(*id.as_bytes())),
            worker: filter.worker.map(|w| *w.as_bytes()),
            job: filter.job.map(|j| *j.as_bytes()),
        }
    }

    fn sql(&self) -> String {
        self.walks.join(" UNION ")
    }

    /// Of the page only ids below the cursor; of the total all.
    fn params(&self, page: bool) -> Vec<(&'static str, &dyn ToSql)> {
        let high: &dyn ToSql = if page { &self.before } else { &self.high };
        let mut params: Vec<(&'static str, &dyn ToSql)> = vec![(":low", &self.low), (":high", high)];
        if let Some(worker) = &self.worker {
            params.push((":worker", worker));
        }
        if let Some(job) = &self.job {
            params.push((":job", job));
        }
        params
    }
}

/// The smallest id that a task of that time can have.
fn first_id_at(at: Timestamp) -> [u8; 16] {
    let millis = u128::try_from(at.0).unwrap_or(0).min((1 << 48) - 1);
    (millis << 80).to_be_bytes()
}

fn walks(filter: &TaskFilter, few_waiting: bool) -> Vec<String> {
    let range = |id: &str| format!("{id} >= :low AND {id} < :high");
    let of_job = |id: &str| match filter.job {
        Some(_) => format!(" AND EXISTS (SELECT 1 FROM task j WHERE j.id = {id} AND j.job = :job)"),
        None => String::new(),
    };
    if filter.worker.is_some() {
        let state = |id: &str| format!("{}{}", of_job(id), statuses(&filter.status, id));
        // Of the task's runs the last one counts, and it does only where no other worker holds the task now.
        let ended = |walk: &str, id: &str| {
            format!(
                "{walk} AND {}
                 AND :worker = (SELECT n.worker FROM run n WHERE n.task = {id} ORDER BY n.run DESC LIMIT 1)
                 AND NOT EXISTS (SELECT 1 FROM task_lease o WHERE o.id = {id} AND o.worker <> :worker){}",
                range(id),
                state(id)
            )
        };
        return vec![
            format!(
                "SELECT l.id FROM task_lease l WHERE l.worker = :worker AND {}{}",
                range("l.id"),
                state("l.id")
            ),
            ended("SELECT w.task FROM run_worker w WHERE w.worker = :worker", "w.task"),
            // The runs that are not in the lists yet: few, and sorted when they are read.
            ended(
                "SELECT r.task FROM run r NOT INDEXED WHERE r.rowid > (SELECT through FROM run_worker_through)
                 AND r.worker = :worker",
                "r.task",
            ),
        ];
    }
    if filter.job.is_some() {
        return vec![format!(
            "SELECT t.id FROM task t WHERE t.job = :job AND {}{}",
            range("t.id"),
            statuses(&filter.status, "t.id")
        )];
    }
    if few_waiting {
        return ["task_ready", "task_delayed"]
            .map(|table| format!("SELECT id FROM {table} WHERE {}", range("id")))
            .to_vec();
    }
    let (done, open): (Vec<_>, Vec<_>) = filter.status.iter().partition(|s| matches!(s, TaskStatus::Done(_)));
    if !open.is_empty() && done.is_empty() && !open.contains(&&TaskStatus::Pending) {
        return vec![format!(
            "SELECT l.id FROM task_lease l WHERE {}{}",
            range("l.id"),
            statuses(&filter.status, "l.id")
        )];
    }
    if open.is_empty() && !done.is_empty() {
        let completed = done.contains(&&TaskStatus::Done(DoneStatus::Completed));
        if completed {
            return vec![format!(
                "SELECT d.id FROM task_done d WHERE {}{}",
                range("d.id"),
                statuses(&filter.status, "d.id")
            )];
        }
        return done
            .iter()
            .map(|status| {
                // Literals, so that the partial index is seen to fit.
                format!("SELECT id FROM task_done WHERE status = '{}' AND {}", status.as_str(), range("id"))
            })
            .collect();
    }
    vec![format!("SELECT t.id FROM task t WHERE {}{}", range("t.id"), statuses(&filter.status, "t.id"))]
}

/// The condition on a task's place; nothing where all are asked for.
fn statuses(wanted: &[TaskStatus], id: &str) -> String {
    if wanted.is_empty() || TaskStatus::ALL.iter().all(|s| wanted.contains(s)) {
        return String::new();
    }
    let place = |status: &TaskStatus| match status {
        TaskStatus::Pending => format!(
            "(NOT EXISTS (SELECT 1 FROM task_lease s WHERE s.id = {id})
             AND NOT EXISTS (SELECT 1 FROM task_done s WHERE s.id = {id}))"
        ),
        TaskStatus::Assigned => {
            format!("EXISTS (SELECT 1 FROM task_lease s WHERE s.id = {id} AND s.started_at IS NULL)")
        }
        TaskStatus::Running => {
            format!("EXISTS (SELECT 1 FROM task_lease s WHERE s.id = {id} AND s.started_at IS NOT NULL)")
        }
        TaskStatus::Done(done) => {
            format!("EXISTS (SELECT 1 FROM task_done s WHERE s.id = {id} AND s.status = '{}')", done.as_str())
        }
    };
    format!(" AND ({})", wanted.iter().map(place).collect::<Vec<_>>().join(" OR "))
}

/// The statement of a filter's ids, for its plan.
#[cfg(test)]
pub(in crate::sqlite) fn statement(filter: &TaskFilter) -> String {
    format!("{} ORDER BY 1 DESC LIMIT 50", Query::new(filter, false).sql())
}
