//! Operators cancel, retry and purge single tasks.

use super::draft::Draft;
use super::ending::{End, cancelled};
use super::state::State;
use super::{IdempotencyKey, PlaceName, PushMessage, Reply, WindowKey};
use crate::{Code, Counts, DoneStatus, Event, Place, Rejection, TaskId, Waiting};
use std::sync::Arc;

impl State {
    pub(super) fn cancel_task(&mut self, draft: &mut Draft, task: TaskId) -> Result<Reply, Rejection> {
        match self.place_of(draft, task)? {
            Place::Leased(_) => self.cancel_lease(draft, task, "cancelled by an operator"),
            Place::Ready(waiting) => {
                self.leave_ready(draft, &waiting);
                self.finish_task(draft, PlaceName::Ready, cancelled(waiting, draft.now));
            }
            Place::Delayed(waiting, at) => {
                self.leave_delayed(draft, &waiting, at);
                self.finish_task(draft, PlaceName::Delayed, cancelled(waiting, draft.now));
            }
            Place::Done(done) => {
                let message = format!("task {task} has already {}", done.status.as_str());
                return Err(Rejection::new(Code::Conflict, message));
            }
        }
        Ok(Reply::Task(task))
    }

    /// Ends a live lease and tells its worker; the slot stays occupied until the worker is through.
    pub(super) fn cancel_lease(&mut self, draft: &mut Draft, task: TaskId, reason: &str) {
        let Some(lease) = self.end_run(draft, task, End::Cancelled) else { return };
        if let Some(session) = self.sessions.get(&lease.session) {
            let message = PushMessage::Cancelled { task, run: lease.progress.run, reason: reason.to_owned() };
            draft.push(session.gateway, lease.session, message);
        }
        self.outlive_slot(lease.session, task, lease.progress.run, draft.now);
    }

    pub(super) fn retry_task(
        &mut self,
        draft: &mut Draft,
        task: TaskId,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Reply, Rejection> {
        if let Some(replay) = draft.replay(idempotency.as_ref()) {
            return replay;
        }
        let done = match self.place_of(draft, task)? {
            Place::Done(done) if done.status != DoneStatus::Completed => done,
            _ => {
                let message = format!("task {task} is neither failed nor cancelled");
                return Err(Rejection::new(Code::Conflict, message));
            }
        };
        let job = done.body.job;
        self.reopen_for_retry(draft, job)?;
        let mut delta = Counts::default();
        match done.status {
            DoneStatus::Failed => delta.failed = -1,
            DoneStatus::Cancelled => delta.cancelled = -1,
            DoneStatus::Completed => {}
        }
        self.count(draft, job, delta);
        draft.event(job, Event::TaskRequeued { task });
        let progress = crate::Progress { run: done.progress.run, ..crate::Progress::default() };
        self.make_ready(draft, Some(PlaceName::Done), Waiting { body: done.body, progress });
        let reply = Reply::Task(task);
        draft.remember(idempotency, &reply);
        Ok(reply)
    }

    /// Unlike a submission, a retry also wakes a cancelled job, once its sweep is through.
    fn reopen_for_retry(&mut self, draft: &mut Draft, id: crate::JobId) -> Result<(), Rejection> {
        if self.sweeping.contains(&id) {
            return Err(Rejection::new(Code::Conflict, format!("job {id} is being cancelled")));
        }
        let Some(state) = self.find_job(draft, id) else {
            return Err(Rejection::new(Code::JobNotFound, format!("there is no job {id}")));
        };
        if state.job.status.is_terminal() {
            state.job.status = crate::JobStatus::Running;
            state.job.completed_at = None;
            state.job.error = None;
            let job = state.job.clone();
            draft.event(id, Event::JobChanged { status: job.status, error: None });
            draft.job(job);
            self.queue.hold(id, false);
        }
        Ok(())
    }

    pub(super) fn purge_task(&mut self, draft: &mut Draft, task: TaskId) -> Result<Reply, Rejection> {
        let place = self.place_of(draft, task)?;
        // An end of this very step isn't durable yet: this purge came before it.
        let Some(done) = place.into_done().filter(|_| draft.moved(task).is_none()) else {
            return Err(Rejection::new(
                Code::Conflict,
                format!("task {task} has not ended: cancel it first"),
            ));
        };
        // Its job's counts must be in memory to be right.
        let _known = self.find_job(draft, done.body.job).is_some();
        self.purge(draft, &done);
        Ok(Reply::Task(task))
    }

    /// Removes an ended task.
    pub(super) fn purge(&mut self, draft: &mut Draft, done: &crate::Done) {
        let mut delta = Counts { purged: 1, ..Counts::default() };
        match done.status {
            DoneStatus::Completed => delta.completed = -1,
            DoneStatus::Failed => delta.failed = -1,
            DoneStatus::Cancelled => delta.cancelled = -1,
        }
        self.count(draft, done.body.job, delta);
        draft.event(done.body.job, Event::TaskPurged { task: done.body.id, status: done.status });
        draft.move_task(done.body.id, Some(PlaceName::Done), None);
    }

    /// Where a task is: what this step did counts before memory, and memory before what was read.
    pub(super) fn place_of(&self, draft: &Draft, task: TaskId) -> Result<Place, Rejection> {
        let found = match draft.moved(task) {
            Some(moved) => moved.cloned(),
            None => self
                .leases
                .get(&task)
                .map(|lease| Place::Leased(lease.clone()))
                .or_else(|| draft.prefetched.tasks.get(&task).map(|cold| cold.place.clone())),
        };
        found.ok_or_else(|| Rejection::new(Code::TaskNotFound, format!("there is no task {task}")))
    }

    /// Takes a task out of the waiting ones without charging its job.
    pub(super) fn leave_ready(&mut self, draft: &mut Draft, waiting: &Waiting) {
        let body = &waiting.body;
        let key = WindowKey { lane: body.lane.clone(), priority: body.priority, job: body.job };
        self.queue.remove(&key, body.id);
        *self.depth.entry(Arc::clone(&body.lane.kind)).or_default() -= 1;
        self.count(draft, body.job, Counts { ready: -1, ..Counts::default() });
    }

    /// Takes a task out of the delayed ones.
    pub(super) fn leave_delayed(&mut self, draft: &mut Draft, waiting: &Waiting, at: crate::Timestamp) {
        self.delayed.rows.remove(&(at, waiting.body.id));
        self.count(draft, waiting.body.job, Counts { delayed: -1, ..Counts::default() });
    }
}
