//! The proof at the end: one accepted result a task, and a balance that holds.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Value, json};
use ukai_domain::Counts;
use uuid::Uuid;

use super::phases::Stand;
use crate::exit::Failure;

/// The queue's balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Balance {
    submitted: i64,
    ready: i64,
    delayed: i64,
    leased: i64,
    completed: i64,
    failed: i64,
    cancelled: i64,
    purged: i64,
}

impl Balance {
    /// Tasks that haven't ended.
    pub(super) fn open(self) -> i64 {
        self.ready + self.delayed + self.leased
    }

    fn holds(self) -> bool {
        self.submitted == self.open() + self.completed + self.failed + self.cancelled + self.purged
    }
}

/// Reads `GET /api/queue`. Errors: a number is missing.
pub(super) fn balance(queue: &Value) -> Result<Balance, Failure> {
    let number = |name: &str| {
        queue["total"][name]
            .as_i64()
            .ok_or_else(|| Failure::failed(format!("GET /api/queue doesn't tell `{name}`")))
    };
    Ok(Balance {
        submitted: number("submitted")?,
        ready: number("ready")?,
        delayed: number("delayed")?,
        leased: number("leased")?,
        completed: number("completed")?,
        failed: number("failed")?,
        cancelled: number("cancelled")?,
        purged: number("purged")?,
    })
}

/// Fails unless each of `tasks` has exactly one accepted result and the store agrees.
pub(super) fn each_once(tasks: u32, accepted: &[Uuid], total: Counts) -> Result<(), Failure> {
    let distinct: HashSet<_> = accepted.iter().collect();
    let (wanted, all) = (usize::try_from(tasks).unwrap_or(usize::MAX), i64::from(tasks));
    if accepted.len() == wanted
        && distinct.len() == wanted
        && (total.submitted, total.completed) == (all, all)
    {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "the measurement is worthless: {} results of {} tasks, of {tasks}; the store has {total:?}",
        accepted.len(),
        distinct.len(),
    )))
}

/// Fails unless every measured task has exactly one accepted result and the balance agrees with what was accepted.
pub(super) async fn verify(stand: &mut Stand, folder: &Path) -> Result<Value, Failure> {
    let (accepted, totals) = stand.fleet.accepted(folder).await?;
    let distinct: HashSet<&str> = accepted.iter().map(String::as_str).collect();
    let balance = balance(&stand.up.client.get("api/queue").await?)?;
    let mut wrong = Vec::new();
    if distinct.len() != accepted.len() {
        wrong.push(format!("{} results were accepted twice", accepted.len() - distinct.len()));
    }
    let missing = stand.ids.iter().filter(|id| !distinct.contains(id.as_str())).count();
    if missing > 0 {
        wrong.push(format!("{missing} measured tasks have no accepted result"));
    }
    if totals.refused > 0 {
        wrong.push(format!("{} reports were refused", totals.refused));
    }
    if !balance.holds() || balance.open() != 0 {
        wrong.push(format!("the balance does not hold: {balance:?}"));
    }
    if balance.completed != i64::try_from(accepted.len()).unwrap_or(i64::MAX) {
        wrong.push(format!("{} tasks completed, {} results accepted", balance.completed, accepted.len()));
    }
    if wrong.is_empty() {
        return Ok(json!({
            "acceptedResults": accepted.len(),
            "duplicateAnswers": totals.duplicates,
            "measuredTasks": stand.ids.len(),
            "submitted": balance.submitted,
            "completed": balance.completed,
            "cancelled": balance.cancelled,
            "balanceHolds": true,
        }));
    }
    Err(Failure::failed(format!("the measurement is worthless: {}", wrong.join("; "))))
}
