//! Tasks are accepted: all or nothing.

use super::draft::Draft;
use super::state::{JobState, State};
use super::{IdempotencyKey, JobRef, NewTask, Reply, Submit};
use crate::{
    Code, Counts, CrawlRules, Event, Job, JobId, JobKind, JobStatus, Place, Progress, Rejection, TaskBody,
    TaskId, Waiting,
};
use std::sync::Arc;

/// What a new job is to be. A crawl without rules has the default ones.
pub(super) struct NewJob {
    pub(super) name: String,
    pub(super) kind: JobKind,
    pub(super) weight: u32,
    pub(super) crawl: Option<CrawlRules>,
}

/// Tasks of one submission at most.
pub const MAX_BATCH: usize = 10_000;

impl State {
    pub(super) fn submit(&mut self, draft: &mut Draft, submit: Submit) -> Result<Reply, Rejection> {
        if let Some(replay) = draft.replay(submit.idempotency.as_ref()) {
            return replay;
        }
        if submit.tasks.is_empty() || submit.tasks.len() > MAX_BATCH {
            return Err(Rejection::new(
                Code::InvalidPayload,
                format!("tasks: between 1 and {MAX_BATCH} are needed"),
            ));
        }
        let pages = self.check_start_pages(draft, &submit)?;
        let job = self.job_for(draft, submit.job)?;
        self.take_start_pages(draft, job, pages);
        let mut tasks = Vec::with_capacity(submit.tasks.len());
        for task in submit.tasks {
            tasks.push(self.accept(draft, job, task, 0, submit.trace.as_ref()));
        }
        let reply = Reply::Submitted { job, tasks, created_at: draft.now };
        draft.remember(submit.idempotency, &reply);
        Ok(reply)
    }

    pub(super) fn accept(
        &mut self,
        draft: &mut Draft,
        job: JobId,
        new: NewTask,
        depth: u16,
        trace: Option<&Arc<str>>,
    ) -> TaskId {
        let now = draft.now;
        let id = TaskId(self.ids.next(now));
        let lane = crate::LaneKey { kind: new.kind, host: new.host };
        draft.event(
            job,
            Event::TaskCreated {
                task: id,
                url: new.url.clone(),
                priority: new.priority,
                kind: lane.kind.to_string(),
            },
        );
        let body = Arc::new(TaskBody {
            id,
            job,
            lane,
            url: new.url,
            priority: new.priority,
            max_attempts: new.max_attempts,
            timeout_ms: new.timeout_ms,
            options: new.options,
            depth,
            created_at: now,
            trace: trace.cloned(),
        });
        draft.new_task(Arc::clone(&body));
        let waiting = Waiting { body, progress: Progress::default() };
        self.count(draft, job, Counts { submitted: 1, ..Counts::default() });
        match new.not_before.filter(|at| *at > now) {
            Some(at) => self.make_delayed(draft, None, waiting, at),
            None => self.make_ready(draft, None, waiting),
        }
        id
    }

    /// Puts a task into `ready`. The place it leaves must have been counted off by the caller.
    pub(super) fn make_ready(&mut self, draft: &mut Draft, from: Option<super::PlaceName>, waiting: Waiting) {
        let body = Arc::clone(&waiting.body);
        *self.depth.entry(Arc::clone(&body.lane.kind)).or_default() += 1;
        self.count(draft, body.job, Counts { ready: 1, ..Counts::default() });
        let weight = self.weight(body.job);
        self.queue.insert(waiting.clone(), weight);
        draft.move_task(body.id, from, Some(Place::Ready(waiting)));
    }

    /// Puts a task into `delayed` until `at`.
    pub(super) fn make_delayed(
        &mut self,
        draft: &mut Draft,
        from: Option<super::PlaceName>,
        waiting: Waiting,
        at: crate::Timestamp,
    ) {
        self.count(draft, waiting.body.job, Counts { delayed: 1, ..Counts::default() });
        self.delayed.insert(waiting.clone(), at);
        draft.move_task(waiting.body.id, from, Some(Place::Delayed(waiting, at)));
    }

    fn job_for(&mut self, draft: &mut Draft, job: JobRef) -> Result<JobId, Rejection> {
        match job {
            JobRef::Existing(id) => self.reopen(draft, id),
            JobRef::New { name, kind, weight, crawl } => {
                Ok(self.make_job(draft, None, NewJob { name, kind, weight, crawl }, false))
            }
            JobRef::Implicit { id, name } => {
                if self.sweeping.contains(&id) || draft.deletes(id) {
                    return Err(Rejection::new(Code::Conflict, "this key's loose tasks are being cancelled"));
                }
                match self.find_job(draft, id).map(|state| state.job.status) {
                    None => {
                        let new = NewJob { name, kind: JobKind::Scrape, weight: 1, crawl: None };
                        self.make_job(draft, Some(id), new, true);
                    }
                    // The loose tasks of before were cancelled; the job itself never ends.
                    Some(status) if status.is_terminal() => self.set_job(draft, id, JobStatus::Pending),
                    Some(_) => {}
                }
                Ok(id)
            }
        }
    }

    /// An ended job takes tasks again; a cancelled one doesn't.
    pub(super) fn reopen(&mut self, draft: &mut Draft, id: JobId) -> Result<JobId, Rejection> {
        let Some(state) = self.find_job(draft, id) else {
            return Err(Rejection::new(Code::JobNotFound, format!("there is no job {id}")));
        };
        if state.job.status == JobStatus::Cancelled || state.job.deleting {
            return Err(Rejection::new(Code::Conflict, format!("job {id} was cancelled")));
        }
        if state.job.status.is_terminal() {
            state.job.status = JobStatus::Running;
            state.job.completed_at = None;
            state.job.error = None;
            let job = state.job.clone();
            draft.event(id, Event::JobChanged { status: job.status, error: None });
            draft.job(job);
        }
        Ok(id)
    }

    pub(super) fn create_job(
        &mut self,
        draft: &mut Draft,
        new: NewJob,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Reply, Rejection> {
        if let Some(replay) = draft.replay(idempotency.as_ref()) {
            return replay;
        }
        let id = self.make_job(draft, None, new, false);
        let reply = self.job_reply(id)?;
        draft.remember(idempotency, &reply);
        Ok(reply)
    }

    pub(super) fn job_reply(&self, id: JobId) -> Result<Reply, Rejection> {
        self.jobs
            .get(&id)
            .map(|state| Reply::Job(Box::new(state.job.clone()), state.counts))
            .ok_or_else(|| Rejection::new(Code::JobNotFound, format!("there is no job {id}")))
    }

    fn make_job(&mut self, draft: &mut Draft, id: Option<JobId>, new: NewJob, implicit: bool) -> JobId {
        let NewJob { name, kind, weight, crawl } = new;
        let crawl = (kind == JobKind::Crawl)
            .then(|| Box::new(crate::Crawl { rules: crawl.unwrap_or_default(), ..crate::Crawl::default() }));
        let id = id.unwrap_or_else(|| JobId(self.ids.next(draft.now)));
        let job = Job {
            id,
            name,
            kind,
            status: JobStatus::Pending,
            weight: weight.clamp(1, 1000),
            implicit,
            deleting: false,
            created_at: draft.now,
            started_at: None,
            completed_at: None,
            error: None,
            crawl,
        };
        draft.event(id, Event::JobCreated { name: job.name.clone(), kind: kind.as_str().to_owned() });
        draft.job(job.clone());
        self.jobs.insert(id, JobState { job, counts: Counts::default() });
        id
    }

    /// A job from memory, else from what was read.
    pub(super) fn find_job(&mut self, draft: &Draft, id: JobId) -> Option<&mut JobState> {
        use std::collections::btree_map::Entry;
        match self.jobs.entry(id) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(empty) => {
                let (job, counts) = draft.prefetched.jobs.get(&id)?;
                Some(empty.insert(JobState { job: job.clone(), counts: *counts }))
            }
        }
    }
}
