//! A worker's word on a task: accepted once, a repeat is a duplicate, an old run is stale.

use super::draft::Draft;
use super::ending::End;
use super::state::State;
use super::{PlaceName, Refusal, Reply, Report, Word};
use crate::{Event, Lease, Outcome, Place, Run, SessionId, TaskId, WorkerId};
use std::time::Duration;

impl State {
    pub(super) fn report(&mut self, draft: &mut Draft, report: Report) -> Reply {
        let Some(worker) = self.hear(report.session, draft) else {
            return Reply::Refused(Refusal::UnknownSession);
        };
        let Some(run) = self.held_run(report.task, report.run, worker) else {
            self.release_late(&report, worker);
            return judge_late(draft, &report, worker);
        };
        match report.word {
            Word::Started => self.started(draft, report.task, run),
            Word::Completed(result) => {
                self.reported_end(draft, report.session, report.task, End::Completed(result))
            }
            Word::Failed { error, metrics } => {
                self.reported_end(draft, report.session, report.task, End::Failed(error, metrics))
            }
        }
    }

    /// The worker of a session that is known and current, which thereby gave a sign of life.
    pub(super) fn hear(&mut self, session: SessionId, draft: &Draft) -> Option<WorkerId> {
        let known = self.sessions.get_mut(&session).filter(|s| s.away_until.is_none())?;
        known.last_heard = known.last_heard.max(draft.now);
        Some(known.worker)
    }

    /// The run that the worker holds of the task, if the report can mean it.
    fn held_run(&self, task: TaskId, run: Option<Run>, worker: WorkerId) -> Option<Run> {
        let lease = self.leases.get(&task)?;
        let same = lease.worker == worker && run.is_none_or(|run| run == lease.progress.run);
        same.then_some(lease.progress.run)
    }

    fn started(&mut self, draft: &mut Draft, task: TaskId, run: Run) -> Reply {
        let task_timeout = self.settings.task_timeout;
        let slack = self.settings.deadline_slack;
        let Some(lease) = self.leases.get_mut(&task) else { return Reply::Refused(Refusal::Stale) };
        self.unconfirmed.remove(&task);
        if lease.started_at.is_some() {
            return Reply::Accepted { duplicate: true };
        }
        let limit = lease.body.timeout_ms.map_or(task_timeout, |ms| Duration::from_millis(u64::from(ms)));
        self.deadlines.remove(&(lease.deadline, task));
        lease.started_at = Some(draft.now);
        lease.deadline = draft.now + limit + slack;
        self.deadlines.insert((lease.deadline, task));
        let lease: Lease = lease.clone();
        draft.event(lease.body.job, Event::TaskStarted { task, run, worker: lease.worker });
        draft.move_task(task, Some(PlaceName::Leased), Some(Place::Leased(lease)));
        Reply::Accepted { duplicate: false }
    }

    fn reported_end(&mut self, draft: &mut Draft, session: SessionId, task: TaskId, end: End) -> Reply {
        if self.end_run(draft, task, end).is_none() {
            return Reply::Refused(Refusal::Stale);
        }
        self.free_slot(session, task);
        if let Some(worker) =
            self.sessions.get(&session).map(|s| s.worker).and_then(|w| self.workers.get_mut(&w))
        {
            worker.stuck = false;
            worker.last_error = None;
        }
        Reply::Accepted { duplicate: false }
    }

    /// A late end still tells that the worker is through with that run.
    fn release_late(&mut self, report: &Report, worker: WorkerId) {
        let through = !matches!(report.word, Word::Started);
        let Some(session) = self.workers.get(&worker).and_then(|w| w.session) else { return };
        let Some(slot) = self.sessions.get(&session).and_then(|s| s.slots.get(&report.task)) else { return };
        if through && slot.over_since.is_some() && report.run.is_none_or(|run| run == slot.run) {
            self.free_slot(session, report.task);
        }
    }
}

/// A report of a run that is not live: was it accepted before, is it old, or was it never this worker's?
fn judge_late(draft: &Draft, report: &Report, worker: WorkerId) -> Reply {
    let mut held = false;
    let mut last = None;
    for ended in draft.ended_runs(report.task).filter(|ended| ended.worker == worker) {
        held = true;
        if report.run.is_none_or(|run| run == ended.run) {
            last = Some(ended.outcome);
        }
    }
    let repeated = match (&report.word, last) {
        (Word::Completed(_), Some(Outcome::Completed)) | (Word::Failed { .. }, Some(Outcome::Failed)) => true,
        // A start that was overtaken by its own end changes nothing and is no error of the worker.
        (Word::Started, Some(Outcome::Completed | Outcome::Failed)) => true,
        _ => false,
    };
    if repeated {
        Reply::Accepted { duplicate: true }
    } else if held {
        Reply::Refused(Refusal::Stale)
    } else {
        Reply::Refused(Refusal::NotAssigned)
    }
}
