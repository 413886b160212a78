//! What this worker holds: the runs that are under way and the reports that are not acknowledged. Both stand in
//! `inFlight` at every connect, so that the server re-runs neither.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use ukai_browser::Peephole;

use crate::outbox::{Outbox, Report};

/// The bound of `inFlight` on the wire.
const MOST_IN_FLIGHT: usize = 256;

/// A run under way.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) task_id: String,
    pub(crate) run: Option<u32>,
    pub(crate) cancel: CancellationToken,
    /// Whether `task:started` was said; before it the run waits for its pause.
    pub(crate) started: bool,
    /// Shows its page while that is open.
    pub(crate) peephole: Peephole,
}

/// Shared by the connection, the runs and the reporter.
#[derive(Debug)]
pub(crate) struct Holdings {
    running: Mutex<Vec<Held>>,
    outbox: Mutex<Outbox>,
    /// Poked when a report was added or the way to the server is open again.
    pub(crate) news: Notify,
}

impl Holdings {
    pub(crate) fn new(outbox: Outbox) -> Self {
        Self { running: Mutex::default(), outbox: Mutex::new(outbox), news: Notify::new() }
    }

    pub(crate) fn running(&self) -> MutexGuard<'_, Vec<Held>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a run on; `None` if it is held already, running or reported. An older run of the task is stopped.
    pub(crate) fn take_on(&self, task_id: &str, run: Option<u32>) -> Option<CancellationToken> {
        if self.outbox().waiting().any(|report| report.task_id == task_id && report.run == run) {
            self.news.notify_one();
            return None;
        }
        let mut running = self.running();
        if running.iter().any(|held| held.task_id == task_id && held.run >= run) {
            return None;
        }
        for older in running.iter().filter(|held| held.task_id == task_id) {
            older.cancel.cancel();
        }
        let cancel = CancellationToken::new();
        running.push(Held {
            task_id: task_id.to_owned(),
            run,
            cancel: cancel.clone(),
            started: false,
            peephole: Peephole::default(),
        });
        Some(cancel)
    }

    /// The page of a run is asked for now.
    pub(crate) fn started(&self, task_id: &str, run: Option<u32>) {
        for held in self.running().iter_mut().filter(|held| held.task_id == task_id && held.run == run) {
            held.started = true;
        }
    }

    /// What shows the page of a run.
    pub(crate) fn peephole(&self, task_id: &str, run: Option<u32>) -> Option<Peephole> {
        let running = self.running();
        let held = running.iter().find(|held| held.task_id == task_id && held.run == run);
        held.map(|held| held.peephole.clone())
    }

    /// A run is over: its report is kept first, so that there is no moment in which it is held nowhere. `false` where the
    /// run was stopped meanwhile: its report isn't wanted any more.
    pub(crate) fn reported(&self, report: Report) -> bool {
        let (task_id, run) = (report.task_id.clone(), report.run);
        if let Err(error) = self.outbox().add(report) {
            tracing::error!(task.id = task_id, run, %error, "a report can't be written to disk and waits in memory alone");
        }
        // Who stops a run looks for it here first, then among the reports.
        if self.dropped(&task_id, run) {
            self.outbox().done(&task_id, run);
            return false;
        }
        self.news.notify_one();
        true
    }

    /// A run is over without a report. Whether it was stopped.
    pub(crate) fn dropped(&self, task_id: &str, run: Option<u32>) -> bool {
        let mut running = self.running();
        let mut is_stopped = false;
        running.retain(|held| {
            let is_it = held.task_id == task_id && held.run == run;
            is_stopped |= is_it && held.cancel.is_cancelled();
            !is_it
        });
        is_stopped
    }

    pub(crate) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `[{taskId, run}]`; runs of a server without fences are left out.
    pub(crate) fn in_flight(&self) -> Vec<Value> {
        let mut held: Vec<_> = self.running().iter().map(|held| (held.task_id.clone(), held.run)).collect();
        // For a moment a run is both: its report is kept before it is let go.
        for report in self.outbox().waiting() {
            if !held.iter().any(|(task_id, run)| *task_id == report.task_id && *run == report.run) {
                held.push((report.task_id.clone(), report.run));
            }
        }
        held.into_iter()
            .filter_map(|(task_id, run)| run.map(|run| json!({ "taskId": task_id, "run": run })))
            .take(MOST_IN_FLIGHT)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::RawValue};

    use super::Holdings;
    use crate::outbox::{Outbox, Report};

    fn holdings() -> (tempfile::TempDir, Holdings) {
        let folder = tempfile::tempdir().unwrap();
        let (outbox, _) = Outbox::open(&folder.path().join("outbox")).unwrap();
        (folder, Holdings::new(outbox))
    }

    #[test]
    fn a_run_is_taken_on_once_and_a_newer_one_stops_it() {
        let (_folder, holdings) = holdings();
        let first = holdings.take_on("a", Some(1)).unwrap();
        assert!(holdings.take_on("a", Some(1)).is_none());
        let second = holdings.take_on("a", Some(2)).unwrap();
        assert!(first.is_cancelled() && !second.is_cancelled());
        assert!(holdings.take_on("a", Some(1)).is_none(), "an old hand-out that arrives late");
    }

    #[test]
    fn a_run_that_is_stopped_while_its_report_is_written_leaves_none() {
        let (_folder, holdings) = holdings();
        let cancel = holdings.take_on("a", Some(1)).unwrap();
        cancel.cancel();
        let payload = RawValue::from_string("{}".to_owned()).unwrap();
        let (event, task_id) = ("e".to_owned(), "a".to_owned());
        assert!(!holdings.reported(Report { event, task_id, run: Some(1), payload, trace: None }));
        assert!(holdings.running().is_empty());
        assert!(holdings.in_flight().is_empty());
    }

    #[test]
    fn a_reported_run_is_in_flight_until_it_is_acknowledged() {
        let (_folder, holdings) = holdings();
        holdings.take_on("a", Some(1)).unwrap();
        let payload = RawValue::from_string("{}".to_owned()).unwrap();
        let (event, task_id) = ("e".to_owned(), "a".to_owned());
        assert!(holdings.reported(Report { event, task_id, run: Some(1), payload, trace: None }));
        assert!(holdings.running().is_empty());
        assert_eq!(holdings.in_flight(), [json!({"taskId": "a", "run": 1})]);
        assert!(holdings.take_on("a", Some(1)).is_none(), "not fetched again");
        holdings.outbox().done("a", Some(1));
        assert!(holdings.in_flight().is_empty());
    }
}
