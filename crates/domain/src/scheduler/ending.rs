//! A run ends: what becomes of its task, its worker, its lane and its job.

use super::PlaceName;
use super::draft::Draft;
use super::state::{State, Timer};
use crate::{
    Counts, Done, DoneStatus, ErrorType, Event, JobId, JobStatus, Lease, Outcome, Place, RunError, RunResult,
    RunRow, TaskId, Verdict, Waiting, judge,
};
use rand::RngExt;
use std::sync::Arc;
use std::time::Duration;

/// After `PARSE_ERROR` its worker leaves the host to others for this long.
const PARSE_ERROR_WISH: Duration = Duration::from_secs(2);

/// How a run ended, with what it left.
#[derive(Debug)]
pub(super) enum End {
    /// The worker reported a result.
    Completed(RunResult),
    /// The worker reported an error.
    Failed(RunError, Option<String>),
    /// The deadline passed.
    TimedOut,
    /// The worker vanished.
    Lost,
    /// An operator cancelled.
    Cancelled,
    /// Given back unfinished.
    HandedBack,
}

impl End {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Completed(_) => Outcome::Completed,
            Self::Failed(..) => Outcome::Failed,
            Self::TimedOut => Outcome::TimedOut,
            Self::Lost => Outcome::Lost,
            Self::Cancelled => Outcome::Cancelled,
            Self::HandedBack => Outcome::HandedBack,
        }
    }
}

impl State {
    /// Ends the live lease of a task. The caller settles the worker's slot.
    pub(super) fn end_run(&mut self, draft: &mut Draft, task: TaskId, end: End) -> Option<Lease> {
        let lease = self.take_lease(draft, task)?;
        let outcome = end.outcome();
        let (error, metrics, result) = match end {
            End::Completed(result) => (None, None, Some(result)),
            End::Failed(error, metrics) => (Some(error), metrics, None),
            End::TimedOut => (Some(judged(ErrorType::Timeout, "the deadline passed")), None, None),
            End::Lost => (Some(judged(ErrorType::Network, "the worker vanished")), None, None),
            End::Cancelled | End::HandedBack => (None, None, None),
        };
        let items = result.as_ref().map_or(0, |r| r.items);
        if let Some(result) = &result {
            self.keep_links(draft, &lease.body, result.extra.as_deref());
        }
        draft.run_ended(RunRow {
            task,
            run: lease.progress.run,
            attempt: lease.progress.attempts + 1,
            worker: lease.worker,
            assigned_at: lease.assigned_at,
            started_at: lease.started_at,
            ended_at: draft.now,
            outcome,
            error: error.clone(),
            result,
            metrics,
        });
        match outcome {
            Outcome::Completed => self.complete(draft, &lease, items),
            Outcome::Cancelled => self.finish_task(
                draft,
                PlaceName::Leased,
                Done {
                    body: Arc::clone(&lease.body),
                    progress: lease.progress,
                    status: DoneStatus::Cancelled,
                    finished_at: draft.now,
                    error: None,
                },
            ),
            Outcome::Failed | Outcome::TimedOut | Outcome::Lost | Outcome::HandedBack => {
                self.retry_or_give_up(draft, &lease, outcome, error);
            }
        }
        Some(lease)
    }

    /// Takes a lease out of memory and counts it off.
    fn take_lease(&mut self, draft: &mut Draft, task: TaskId) -> Option<Lease> {
        let lease = self.leases.remove(&task)?;
        self.deadlines.remove(&(lease.deadline, task));
        self.unconfirmed.remove(&task);
        if let Some(worker) = self.workers.get_mut(&lease.worker) {
            worker.leases.remove(&task);
        }
        self.queue.run_ended(&lease.body.lane, draft.now);
        self.lane_changed(&lease.body.lane, draft.now);
        self.count(draft, lease.body.job, Counts { leased: -1, ..Counts::default() });
        Some(lease)
    }

    fn complete(&mut self, draft: &mut Draft, lease: &Lease, items: u32) {
        let host = &lease.body.lane.host;
        if let Some(worker) = self.workers.get_mut(&lease.worker) {
            worker.cooling.remove(host);
        }
        if let Some(row) = self.queue.warm(&lease.body.lane) {
            draft.lane(row);
        }
        draft.event(
            lease.body.job,
            Event::TaskCompleted {
                task: lease.body.id,
                run: lease.progress.run,
                worker: lease.worker,
                items,
            },
        );
        self.count(draft, lease.body.job, Counts { items: i64::from(items), ..Counts::default() });
        let done = Done {
            body: Arc::clone(&lease.body),
            progress: lease.progress,
            status: DoneStatus::Completed,
            finished_at: draft.now,
            error: None,
        };
        self.finish_task(draft, PlaceName::Leased, done);
    }

    fn retry_or_give_up(
        &mut self,
        draft: &mut Draft,
        lease: &Lease,
        outcome: Outcome,
        error: Option<RunError>,
    ) {
        let kind = error.as_ref().map(|e| e.kind);
        let mut progress = lease.progress;
        if outcome != Outcome::HandedBack {
            progress.attempts = progress.attempts.saturating_add(1);
            progress.avoid = Some(lease.worker);
        }
        if outcome == Outcome::Lost {
            progress.losses = progress.losses.saturating_add(1);
        }
        if outcome == Outcome::Failed && kind == Some(ErrorType::ParseError) {
            progress.parse_errors = progress.parse_errors.saturating_add(1);
        }
        let waiting = Waiting { body: Arc::clone(&lease.body), progress };
        if self.sweeping.contains(&lease.body.job) {
            return self.finish_task(draft, PlaceName::Leased, cancelled(waiting, draft.now));
        }
        if error.as_ref().is_some_and(RunError::is_final) {
            return self.give_up(draft, lease, waiting, error);
        }
        let verdict = judge(outcome, kind, progress, lease.body.max_attempts, self.random.random::<f64>());
        self.cool_down(draft, lease, outcome, kind);
        let retry_at = match verdict {
            Verdict::GiveUp => return self.give_up(draft, lease, waiting, error),
            Verdict::After(delay) => Some(draft.now + delay),
            Verdict::Now | Verdict::LaneCoolDown | Verdict::AnotherWorker => None,
        };
        draft.event(
            lease.body.job,
            Event::TaskRetried {
                task: lease.body.id,
                run: lease.progress.run,
                worker: lease.worker,
                outcome,
                error: kind,
                retry_at,
            },
        );
        match retry_at {
            Some(at) => self.make_delayed(draft, Some(PlaceName::Leased), waiting, at),
            None => self.make_ready(draft, Some(PlaceName::Leased), waiting),
        }
    }

    /// What the end of a run means for the lane and for this worker on this host.
    fn cool_down(&mut self, draft: &mut Draft, lease: &Lease, outcome: Outcome, kind: Option<ErrorType>) {
        if outcome != Outcome::Failed {
            return;
        }
        let lane = &lease.body.lane;
        let wish = match kind {
            Some(ErrorType::Throttled) => {
                let row = self.queue.cool(lane, draft.now);
                draft.lane(row);
                return self.lane_changed(lane, draft.now);
            }
            Some(ErrorType::Captcha | ErrorType::Blocked) => None,
            Some(ErrorType::ParseError) => Some(PARSE_ERROR_WISH),
            Some(ErrorType::Network | ErrorType::Timeout) | None => return,
        };
        if let Some(worker) = self.workers.get_mut(&lease.worker) {
            let until = worker.cool(&lane.host, draft.now, wish);
            self.timers.insert((until, Timer::HostCooled(lease.worker)));
        }
    }

    fn give_up(&mut self, draft: &mut Draft, lease: &Lease, waiting: Waiting, error: Option<RunError>) {
        let error = if waiting.progress.losses >= 3 {
            Some(judged(ErrorType::Network, "three workers were lost on this task"))
        } else {
            error
        };
        draft.event(
            lease.body.job,
            Event::TaskFailed {
                task: lease.body.id,
                run: lease.progress.run,
                worker: Some(lease.worker),
                error: error.as_ref().map(|e| e.kind),
                message: error.as_ref().map(|e| e.message.clone()).unwrap_or_default(),
            },
        );
        let done = Done {
            body: waiting.body,
            progress: waiting.progress,
            status: DoneStatus::Failed,
            finished_at: draft.now,
            error,
        };
        self.finish_task(draft, PlaceName::Leased, done);
    }

    /// Puts a task into `done`. The place it leaves must have been counted off.
    pub(super) fn finish_task(&mut self, draft: &mut Draft, from: PlaceName, done: Done) {
        let mut delta = Counts::default();
        match done.status {
            DoneStatus::Completed => delta.completed = 1,
            DoneStatus::Failed => delta.failed = 1,
            DoneStatus::Cancelled => {
                delta.cancelled = 1;
                draft.event(
                    done.body.job,
                    Event::TaskCancelled { task: done.body.id, run: done.progress.run },
                );
            }
        }
        self.count(draft, done.body.job, delta);
        draft.move_task(done.body.id, Some(from), Some(Place::Done(done)));
    }

    /// After all inputs: jobs whose last open task ended are through.
    pub(super) fn finish_jobs(&mut self, draft: &mut Draft) {
        let mut touched = std::mem::take(&mut draft.touched_jobs);
        // Ended jobs that were read for this step leave memory again.
        touched.extend(draft.prefetched.jobs.keys().copied());
        for id in touched {
            self.finish_job(draft, id);
        }
    }

    fn finish_job(&mut self, draft: &mut Draft, id: JobId) {
        let Some(state) = self.jobs.get_mut(&id) else { return };
        if state.counts.open() > 0 || state.job.open_expansions() > 0 || self.sweeping.contains(&id) {
            return;
        }
        if state.job.status.is_terminal() {
            self.jobs.remove(&id);
            return;
        }
        let ended = state.counts.completed + state.counts.failed + state.counts.cancelled;
        if state.job.implicit || ended == 0 {
            return;
        }
        let succeeded = state.counts.completed > 0;
        state.job.status = if succeeded { JobStatus::Completed } else { JobStatus::Failed };
        state.job.completed_at = Some(draft.now);
        state.job.error = (!succeeded).then(|| "no task of the job succeeded".to_owned());
        let job = state.job.clone();
        draft.event(id, Event::JobChanged { status: job.status, error: job.error.clone() });
        draft.job(job);
        self.jobs.remove(&id);
        // It may have been paused: should it take tasks again, they are handed out.
        self.queue.hold(id, false);
    }
}

/// A waiting task as it ends by an operator.
pub(super) fn cancelled(waiting: Waiting, now: crate::Timestamp) -> Done {
    Done {
        body: waiting.body,
        progress: waiting.progress,
        status: DoneStatus::Cancelled,
        finished_at: now,
        error: None,
    }
}

fn judged(kind: ErrorType, message: &str) -> RunError {
    RunError { kind, message: message.to_owned(), details: None }
}
