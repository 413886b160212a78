//! Hand-outs: the next task to the least recently used worker that may have it.

use super::draft::Draft;
use super::queue::{BandKey, Next};
use super::state::State;
use super::{PlaceName, WindowKey};
use crate::{Counts, Event, JobId, JobStatus, Lease, Place, SessionId, TaskId};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Beyond the worker's longest pause, before `task:started` must have come.
const START_SLACK: Duration = Duration::from_secs(15);

impl State {
    /// Hands out while there is both a task and a slot. What waits for a reading goes on in the next step.
    pub(super) fn dispatch(&mut self, draft: &mut Draft) {
        self.cut_short = false;
        if self.free.is_empty() {
            return;
        }
        for lane in self.queue.parked() {
            if self.find_slot(&lane.kind, &lane.host, None, draft.now).is_some() {
                self.queue.unpark(&lane);
            }
        }
        let mut done_kinds = BTreeSet::new();
        for _ in 0..self.settings.max_handouts {
            let Some(band) = self.best_band(&mut done_kinds) else { return };
            match self.queue.next(&band) {
                Next::Nothing => return,
                // Order is exact: nothing of the kind overtakes what is still to be read.
                Next::Unread => {
                    done_kinds.insert(Arc::clone(&band.1));
                }
                Next::Task(key, task) => {
                    let avoid = self.avoided(&key, task);
                    match self.find_slot(&key.lane.kind, &key.lane.host, avoid, draft.now) {
                        Some(session) => self.hand_out(draft, &key, task, session),
                        None => self.queue.park(&key.lane),
                    }
                }
            }
        }
        self.cut_short = true;
    }

    /// The highest priority that has a task and a slot for its kind; among equals the kind that waits longest.
    fn best_band(&self, done_kinds: &mut BTreeSet<Arc<str>>) -> Option<BandKey> {
        if self.free.is_empty() {
            return None;
        }
        let mut best: Option<(&BandKey, TaskId)> = None;
        for (key, head) in self.queue.active_bands() {
            if best.is_some_and(|(chosen, _)| chosen.0 < key.0) {
                break;
            }
            if done_kinds.contains(&key.1) {
                continue;
            }
            if !self.has_free_slot_for(&key.1) {
                done_kinds.insert(Arc::clone(&key.1));
                continue;
            }
            if best.is_none_or(|(_, oldest)| head < oldest) {
                best = Some((key, head));
            }
        }
        best.map(|(key, _)| key.clone())
    }

    fn avoided(&self, key: &WindowKey, task: TaskId) -> Option<crate::WorkerId> {
        self.queue.head_of(key).filter(|w| w.body.id == task).and_then(|w| w.progress.avoid)
    }

    fn hand_out(&mut self, draft: &mut Draft, key: &WindowKey, task: TaskId, session: SessionId) {
        let Some(waiting) = self.queue.take(key, task, draft.now) else { return };
        self.lane_changed(&key.lane, draft.now);
        *self.depth.entry(Arc::clone(&key.lane.kind)).or_default() -= 1;
        let Some(open) = self.sessions.get_mut(&session) else { return };
        let worker = open.worker;
        let gateway = open.gateway;
        self.free.remove(&(open.used, session));
        self.uses += 1;
        open.used = self.uses;
        let mut progress = waiting.progress;
        progress.run = progress.run.next();
        open.occupy(task, progress.run);
        self.settle_session(session);
        let pause = self
            .workers
            .get(&worker)
            .and_then(|w| w.row.config.rate_limit)
            .map_or(self.settings.default_max_delay, |r| Duration::from_millis(u64::from(r.max_delay_ms)));
        let job = waiting.body.job;
        let lease = Lease {
            body: waiting.body,
            progress,
            worker,
            session,
            assigned_at: draft.now,
            started_at: None,
            deadline: draft.now + pause + START_SLACK,
        };
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.leases.insert(task);
        }
        self.deadlines.insert((lease.deadline, task));
        self.unconfirmed.insert(task, progress.run);
        self.leases.insert(task, lease.clone());
        self.count(draft, job, Counts { ready: -1, leased: 1, ..Counts::default() });
        self.job_begins(draft, job);
        let attempt = progress.attempts + 1;
        draft.event(job, Event::TaskAssigned { task, run: progress.run, worker, attempt });
        draft.move_task(task, Some(PlaceName::Ready), Some(Place::Leased(lease)));
        self.push_assigned(draft, task, gateway, session);
    }

    fn job_begins(&mut self, draft: &mut Draft, id: JobId) {
        let Some(state) = self.jobs.get_mut(&id) else { return };
        if state.job.started_at.is_some() && state.job.status != JobStatus::Pending {
            return;
        }
        state.job.started_at.get_or_insert(draft.now);
        state.job.status = JobStatus::Running;
        let job = state.job.clone();
        draft.event(id, Event::JobChanged { status: JobStatus::Running, error: None });
        draft.job(job);
    }
}
