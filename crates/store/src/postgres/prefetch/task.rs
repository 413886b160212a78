//! Single tasks by id: what a late report, a cancel or a retry names.

use crate::postgres::columns::{Result, body_columns, get, run, word};
use crate::postgres::place::{place_columns, placed, places_joined};
use crate::postgres::session::Session;
use std::collections::BTreeMap;
use tokio_postgres::types::ToSql;
use ukai_domain::scheduler::{ColdTask, EndedRun};
use ukai_domain::{Outcome, TaskId, WorkerId};
use uuid::Uuid;

pub(super) const COLD: &str = concat!(
    "SELECT ",
    body_columns!(),
    ", ",
    place_columns!(),
    " FROM task t",
    places_joined!(),
    "WHERE t.id = ANY ($1::uuid[])"
);

pub(super) const RUNS: &str =
    "SELECT task, run, worker, outcome FROM run WHERE task = ANY ($1::uuid[]) ORDER BY task, run";

pub(super) async fn cold(session: &Session, ids: &[TaskId]) -> Result<BTreeMap<TaskId, ColdTask>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let mut found = BTreeMap::new();
    let params: [&(dyn ToSql + Sync); 1] = [&ids];
    let (cold, runs) = tokio::join!(biased; session.rows(COLD, &params), session.rows(RUNS, &params));
    for row in cold? {
        let place = placed(&row, 0)?;
        found.insert(place.body().id, ColdTask { place, runs: Vec::new() });
    }
    for row in runs? {
        if let Some(task) = found.get_mut(&TaskId(get(&row, 0)?)) {
            let outcome = word(&row, 3, Outcome::parse)?;
            task.runs.push(EndedRun { run: run(&row, 1)?, worker: WorkerId(get(&row, 2)?), outcome });
        }
    }
    Ok(found)
}
