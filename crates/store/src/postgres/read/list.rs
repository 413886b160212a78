//! Pages of tasks, newest first, by the shortest walk that the filter allows.
//!
//! Every walk yields ids in falling order along an index, so that no page is sorted but where two walks are merged.
//! Where a task is, is looked up beside the walk by joins: a subquery might be answered by reading its table as a
//! whole. Times are compared with the time inside the id.

use super::pending::{self, Waiting, waiting};
use super::task;
use crate::postgres::columns::{Result, get};
use crate::postgres::session::Session;
use crate::{TaskFilter, TaskPage, TaskStatus};
use tokio_postgres::types::{ToSql, Type};
use ukai_domain::{DoneStatus, TaskId, Timestamp};
use uuid::Uuid;

/// Totals are exact up to here.
const EXACT: u64 = 10_000;

pub(in crate::postgres) async fn page(session: &Session, filter: &TaskFilter) -> Result<TaskPage> {
    session.begin_reads().await?;
    let page = read(session, filter).await;
    session.batch("ROLLBACK").await?;
    page
}

async fn read(session: &Session, filter: &TaskFilter) -> Result<TaskPage> {
    let query = Query::new(filter, waiting(session, filter).await?);
    let offset = if filter.before.is_some() { 0 } else { filter.offset };
    let rows = session.rows_of(&query.page(filter.limit.into(), offset), &query.params(true)).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| get(row, 0)).collect::<Result<_>>()?;
    let items = task::by_ids(session, &ids, filter.with_result).await?;
    let rows = session.rows_of(&query.count(), &query.params(false)).await?;
    let counted: i64 = rows.first().map_or(Ok(0), |row| get(row, 0))?;
    let counted = u64::try_from(counted).unwrap_or(0);
    Ok(TaskPage { items, total: counted.min(EXACT), total_is_estimate: counted > EXACT })
}

struct Query {
    /// Statements that each yield ids, with the column to order by.
    walks: Vec<(String, &'static str)>,
    low: Uuid,
    high: Uuid,
    before: Uuid,
    /// $3: the worker, else the job; $4: the job beside a worker.
    others: Vec<Uuid>,
}

impl Query {
    fn new(filter: &TaskFilter, waiting: Waiting) -> Self {
        let high = filter.to.map_or(Uuid::max(), first_id_at);
        Self {
            walks: walks(filter, waiting),
            low: filter.from.map_or(Uuid::nil(), first_id_at),
            high,
            before: filter.before.map_or(high, |TaskId(id)| high.min(id)),
            others: filter.worker.map(|w| w.0).into_iter().chain(filter.job.map(|j| j.0)).collect(),
        }
    }

    fn page(&self, limit: u64, offset: u64) -> String {
        let most = limit.saturating_add(offset).min(i64::MAX.unsigned_abs());
        format!("SELECT id FROM ({}) every ORDER BY id DESC LIMIT {limit} OFFSET {offset}", self.merged(most))
    }

    fn count(&self) -> String {
        let most = EXACT + 1;
        format!("SELECT count(*) FROM (SELECT 1 FROM ({}) every LIMIT {most}) few", self.merged(most))
    }

    /// Each walk stops by itself after `most` ids.
    fn merged(&self, most: u64) -> String {
        let walk = |(sql, order): &(String, &str)| {
            let sql = sql.replace("{most}", &most.to_string());
            format!("({sql} ORDER BY {order} DESC LIMIT {most})")
        };
        self.walks.iter().map(walk).collect::<Vec<_>>().join(" UNION ")
    }

    /// Of the page only ids below the cursor; of the total all.
    fn params(&self, page: bool) -> Vec<(&(dyn ToSql + Sync), Type)> {
        let high = if page { &self.before } else { &self.high };
        let all = [&self.low, high].into_iter().chain(&self.others);
        all.map(|id| (id as &(dyn ToSql + Sync), Type::UUID)).collect()
    }
}

/// The smallest id that a task of that time can have.
fn first_id_at(at: Timestamp) -> Uuid {
    let millis = u128::try_from(at.0).unwrap_or(0).min((1 << 48) - 1);
    Uuid::from_u128(millis << 80)
}

fn walks(filter: &TaskFilter, waiting: Waiting) -> Vec<(String, &'static str)> {
    let range = |id: &str| format!("{id} >= $1 AND {id} < $2");
    let wanted = Wanted::of(&filter.status);
    if filter.worker.is_some() {
        let of_job = |id: &str| match filter.job {
            Some(_) => format!(" JOIN task t ON t.id = {id} AND t.job = $4"),
            None => String::new(),
        };
        // Of the task's runs the last one counts, and it does only where no other worker holds the task now.
        let ended = format!(
            "SELECT DISTINCT u.task AS id FROM run u LEFT JOIN task_lease l ON l.id = u.task{}{}
             WHERE u.worker = $3 AND {} AND (l.id IS NULL OR l.worker = $3)
             AND $3 = (SELECT n.worker FROM run n WHERE n.task = u.task ORDER BY n.run DESC LIMIT 1){}",
            wanted.done("u.task"),
            of_job("u.task"),
            range("u.task"),
            wanted.condition()
        );
        let leased = format!(
            "SELECT l.id FROM task_lease l{}{} WHERE l.worker = $3 AND {}{}",
            wanted.done("l.id"),
            of_job("l.id"),
            range("l.id"),
            wanted.condition()
        );
        return vec![(leased, "l.id"), (ended, "u.task")];
    }
    if waiting == Waiting::Ranges {
        return pending::walks(filter.job.is_some());
    }
    let (done, open): (Vec<_>, Vec<_>) = filter.status.iter().partition(|s| matches!(s, TaskStatus::Done(_)));
    if !open.is_empty() && done.is_empty() && !open.contains(&&TaskStatus::Pending) {
        let of_job = if filter.job.is_some() { " JOIN task t ON t.id = l.id AND t.job = $3" } else { "" };
        let condition = wanted.condition().replace("d.status", "NULL");
        let leased = format!("SELECT l.id FROM task_lease l{of_job} WHERE {}{condition}", range("l.id"));
        return vec![(leased, "l.id")];
    }
    if filter.job.is_some() {
        return vec![(wanted.of_tasks(&format!("t.job = $3 AND {}", range("t.id"))), "t.id")];
    }
    if waiting == Waiting::Few {
        return ["task_ready", "task_delayed"]
            .map(|table| (format!("SELECT id FROM {table} WHERE {}", range("id")), "id"))
            .to_vec();
    }
    if open.is_empty() && !done.is_empty() {
        if done.contains(&&TaskStatus::Done(DoneStatus::Completed)) {
            let words = done.iter().map(|s| format!("'{}'", s.as_str())).collect::<Vec<_>>().join(", ");
            let sql =
                format!("SELECT d.id FROM task_done d WHERE {} AND d.status IN ({words})", range("d.id"));
            return vec![(sql, "d.id")];
        }
        return done
            .iter()
            .map(|status| {
                // Literals, so that the partial index is seen to fit.
                let status = status.as_str();
                (
                    format!("SELECT d.id FROM task_done d WHERE d.status = '{status}' AND {}", range("d.id")),
                    "d.id",
                )
            })
            .collect();
    }
    vec![(wanted.of_tasks(&range("t.id")), "t.id")]
}

/// The condition on a task's place, over `task_lease l` and `task_done d`; none where all are asked for.
struct Wanted(Vec<&'static str>);

impl Wanted {
    fn of(statuses: &[TaskStatus]) -> Self {
        if statuses.is_empty() || TaskStatus::ALL.iter().all(|s| statuses.contains(s)) {
            return Self(Vec::new());
        }
        let condition = |status: &TaskStatus| match status {
            TaskStatus::Pending => "(l.id IS NULL AND d.status IS NULL)",
            TaskStatus::Assigned => "(l.id IS NOT NULL AND l.started_at IS NULL)",
            TaskStatus::Running => "l.started_at IS NOT NULL",
            TaskStatus::Done(DoneStatus::Completed) => "d.status = 'completed'",
            TaskStatus::Done(DoneStatus::Failed) => "d.status = 'failed'",
            TaskStatus::Done(DoneStatus::Cancelled) => "d.status = 'cancelled'",
        };
        Self(statuses.iter().map(condition).collect())
    }

    fn condition(&self) -> String {
        if self.0.is_empty() { String::new() } else { format!(" AND ({})", self.0.join(" OR ")) }
    }

    /// The join that the condition needs beside a lease.
    fn done(&self, id: &str) -> String {
        if self.0.is_empty() { String::new() } else { format!(" LEFT JOIN task_done d ON d.id = {id}") }
    }

    fn of_tasks(&self, which: &str) -> String {
        let lease = if self.0.is_empty() { "" } else { " LEFT JOIN task_lease l ON l.id = t.id" };
        format!("SELECT t.id FROM task t{lease}{} WHERE {which}{}", self.done("t.id"), self.condition())
    }
}

/// The statement of a filter's ids, for its plan, where more wait than are sorted.
#[cfg(test)]
pub(in crate::postgres) fn statement(filter: &TaskFilter) -> String {
    Query::new(filter, Waiting::Mixed).page(50, 0)
}

/// The statements of a filter's ids and of its total, as they are made for it.
#[cfg(test)]
pub(in crate::postgres) async fn statements(session: &Session, filter: &TaskFilter) -> Result<[String; 2]> {
    let query = Query::new(filter, waiting(session, filter).await?);
    Ok([query.page(50, 0), query.count()])
}
