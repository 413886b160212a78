//! Operators pause, resume, cancel and delete jobs. Large ones are ended in slices behind an intent.

use super::draft::Draft;
use super::ending::cancelled;
use super::state::State;
use super::{IdempotencyKey, JobAction, PlaceName, Reply, SweepPlace};
use crate::{Code, Event, JobId, JobStatus, Place, Rejection, TaskId};

impl State {
    pub(super) fn control_job(
        &mut self,
        draft: &mut Draft,
        id: JobId,
        action: JobAction,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Reply, Rejection> {
        if let Some(replay) = draft.replay(idempotency.as_ref()) {
            return replay;
        }
        let Some(state) = self.find_job(draft, id) else {
            return Err(Rejection::new(Code::JobNotFound, format!("there is no job {id}")));
        };
        let (status, counts, was_deleting) = (state.job.status, state.counts, state.job.deleting);
        let conflict = |what: &str| {
            Err(Rejection::new(
                Code::Conflict,
                format!("job {id} is {} and can't be {what}", status.as_str()),
            ))
        };
        match action {
            JobAction::Pause if status.is_terminal() => return conflict("paused"),
            JobAction::Pause => self.set_job(draft, id, JobStatus::Paused),
            JobAction::Resume if status != JobStatus::Paused => return conflict("resumed"),
            JobAction::Resume => {
                let begun = self.jobs.get(&id).is_some_and(|s| s.job.started_at.is_some());
                self.set_job(draft, id, if begun { JobStatus::Running } else { JobStatus::Pending });
            }
            JobAction::Cancel if status.is_terminal() => return conflict("cancelled"),
            JobAction::Cancel => self.cancel_job(draft, id, false),
            JobAction::Delete if was_deleting => {}
            JobAction::Delete => self.cancel_job(draft, id, true),
        }
        let reply = match self.job_reply(id) {
            Ok(reply) => reply,
            Err(_gone) => Reply::Job(Box::new(self.deleted_job(draft, id)?), counts),
        };
        draft.remember(idempotency, &reply);
        Ok(reply)
    }

    fn deleted_job(&self, draft: &Draft, id: JobId) -> Result<crate::Job, Rejection> {
        let known = draft.prefetched.jobs.get(&id).map(|(job, _)| job.clone());
        known.ok_or_else(|| Rejection::new(Code::JobNotFound, format!("there is no job {id}")))
    }

    pub(super) fn set_job(&mut self, draft: &mut Draft, id: JobId, status: JobStatus) {
        let Some(state) = self.jobs.get_mut(&id) else { return };
        if state.job.status == status {
            return;
        }
        state.job.status = status;
        state.job.completed_at = status.is_terminal().then_some(draft.now);
        let job = state.job.clone();
        draft.event(id, Event::JobChanged { status, error: None });
        draft.job(job);
        self.queue.hold(id, status == JobStatus::Paused || status == JobStatus::Cancelled);
        self.list_expanding(id);
    }

    /// Nothing of the job is handed out any more, its running runs end at once; the rest is swept in slices.
    fn cancel_job(&mut self, draft: &mut Draft, id: JobId, delete: bool) {
        self.sweeping.insert(id);
        if self.jobs.get(&id).is_some_and(|s| !s.job.status.is_terminal()) {
            self.set_job(draft, id, JobStatus::Cancelled);
        }
        if delete && let Some(state) = self.jobs.get_mut(&id) {
            state.job.deleting = true;
            let job = state.job.clone();
            draft.job(job);
        }
        self.queue.hold(id, true);
        self.queue.drop_job(id);
        self.delayed.rows.retain(|_, waiting| waiting.body.job != id);
        self.drop_links(draft, id);
        let running: Vec<TaskId> =
            self.leases.values().filter(|lease| lease.body.job == id).map(|lease| lease.body.id).collect();
        for task in running {
            self.cancel_lease(draft, task, "its job was cancelled");
        }
        draft.touched_jobs.insert(id);
    }

    /// One slice of a sweep: rows that were read for the job. An empty slice from the first row on ends the sweep.
    pub(super) fn sweep(&mut self, draft: &mut Draft, id: JobId, rows: Vec<Place>) {
        if !self.sweeping.contains(&id) {
            return;
        }
        let deleting = self.jobs.get(&id).is_some_and(|s| s.job.deleting);
        // What was moved behind it by others, or ended in this very sweep, is found once more from the first on.
        let mut found = self.swept.take().is_some_and(|(of, _)| of == id);
        self.swept = rows.last().and_then(SweepPlace::of).map(|place| (id, place));
        for place in rows {
            let task = place.body().id;
            // What this step has already moved is seen by the next slice.
            if draft.moved(task).is_some() {
                found = true;
                continue;
            }
            match place {
                Place::Ready(waiting) => {
                    self.leave_ready(draft, &waiting);
                    self.finish_task(draft, PlaceName::Ready, cancelled(waiting, draft.now));
                }
                Place::Delayed(waiting, at) => {
                    self.leave_delayed(draft, &waiting, at);
                    self.finish_task(draft, PlaceName::Delayed, cancelled(waiting, draft.now));
                }
                Place::Done(done) if deleting => self.purge(draft, &done),
                Place::Done(_) | Place::Leased(_) => continue,
            }
            found = true;
        }
        let open = self.jobs.get(&id).map_or(0, |s| s.counts.open());
        if found || open > 0 {
            return;
        }
        self.sweeping.remove(&id);
        self.queue.hold(id, false);
        if deleting {
            draft.event(id, Event::JobDeleted);
            draft.delete_job(id);
            self.jobs.remove(&id);
        } else {
            // Later inputs of this step may still name it.
            draft.touched_jobs.insert(id);
        }
    }
}
