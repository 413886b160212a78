//! What can happen to a task, one verb a function, and a random mix of them.

use super::World;
use super::world::waiting_place;
use std::sync::Arc;
use std::time::Duration;
use ukai_domain::scheduler::{IdempotencyKey, IdempotencyRow, PlaceName};
use ukai_domain::{
    Done, DoneStatus, ErrorType, Event, JobId, JobStatus, LaneKey, Lease, Outcome, Place, RunError,
    RunResult, RunRow, SessionId, TaskId, Timestamp, Waiting, WorkerId,
};

const HOSTS: [&str; 5] = ["a.example", "b.example", "shop.example", "xn--bcher-kva.example", "z.example"];

impl World {
    /// Out of ready (or delayed), to `worker`.
    pub(crate) fn hand_out(&mut self, task: TaskId, worker: WorkerId) {
        let place = self.places[&task].clone();
        let mut progress = place.progress();
        progress.run = progress.run.next();
        let body = Arc::clone(place.body());
        let event = Event::TaskAssigned { task, run: progress.run, worker, attempt: progress.attempts + 1 };
        self.note(body.job, event);
        let now = self.now;
        let deadline = now + Duration::from_secs(30);
        let session = Self::session();
        let lease = Lease { body, progress, worker, session, assigned_at: now, started_at: None, deadline };
        self.place(task, Some(Place::Leased(lease)));
    }

    pub(crate) fn start(&mut self, task: TaskId) {
        let mut lease = self.lease(task);
        lease.started_at = Some(self.now);
        lease.deadline = self.now + Duration::from_secs(65);
        lease.session = SessionId(uuid::Uuid::from_u128(u128::from(self.now.0.unsigned_abs())));
        let event = Event::TaskStarted { task, run: lease.progress.run, worker: lease.worker };
        self.note(lease.body.job, event);
        self.place(task, Some(Place::Leased(lease)));
    }

    pub(crate) fn complete(&mut self, task: TaskId) {
        let lease = self.lease(task);
        let result = RunResult {
            result: format!(r#"{{"title":"Kettle {task} – 1,7 l","price":"19,99 €"}}"#),
            metrics: Some(r#"{"totalTime":812}"#.to_owned()),
            extra: Some(r#"{"kind":"product","records":[{},{}]}"#.to_owned()),
            items: 2,
        };
        self.end(&lease, Outcome::Completed, None, Some(result));
        let event = Event::TaskCompleted { task, run: lease.progress.run, worker: lease.worker, items: 2 };
        self.note(lease.body.job, event);
        self.finish(lease.body, lease.progress, DoneStatus::Completed, None);
    }

    /// The run failed; the task waits again, or has ended where there is no next attempt.
    pub(crate) fn fail(&mut self, task: TaskId, retry_at: Option<Timestamp>) {
        let lease = self.lease(task);
        let error = RunError {
            kind: ErrorType::Network,
            message: "connection reset".to_owned(),
            details: task.as_bytes()[15].is_multiple_of(2).then(|| "at line 3".to_owned()),
        };
        self.end(&lease, Outcome::Failed, Some(error.clone()), None);
        let mut progress = lease.progress;
        progress.attempts += 1;
        progress.avoid = Some(lease.worker);
        if progress.attempts >= lease.body.max_attempts {
            self.finish(lease.body, progress, DoneStatus::Failed, Some(error));
        } else {
            let waiting = Waiting { body: lease.body, progress };
            self.place(task, Some(waiting_place(waiting, retry_at)));
        }
    }

    pub(crate) fn cancel(&mut self, task: TaskId) {
        let place = self.places[&task].clone();
        if let Place::Leased(lease) = &place {
            self.end(lease, Outcome::Cancelled, None, None);
        }
        let progress = place.progress();
        self.note(place.body().job, Event::TaskCancelled { task, run: progress.run });
        self.finish(Arc::clone(place.body()), progress, DoneStatus::Cancelled, None);
    }

    /// An operator puts an ended task back.
    pub(crate) fn retry(&mut self, task: TaskId) {
        let place = self.places[&task].clone();
        let mut progress = place.progress();
        (progress.attempts, progress.losses, progress.parse_errors) = (0, 0, 0);
        self.note(place.body().job, Event::TaskRequeued { task });
        self.place(task, Some(Place::Ready(Waiting { body: Arc::clone(place.body()), progress })));
    }

    pub(crate) fn purge(&mut self, task: TaskId) {
        let Place::Done(done) = self.places[&task].clone() else { panic!("{task} has not ended") };
        self.note(done.body.job, Event::TaskPurged { task, status: done.status });
        // What was counted as completed stays in the history as purged.
        self.place(task, None);
        self.runs.remove(&task);
    }

    fn lease(&self, task: TaskId) -> Lease {
        match &self.places[&task] {
            Place::Leased(lease) => lease.clone(),
            other => panic!("{task} is not leased: {other:?}"),
        }
    }

    fn end(&mut self, lease: &Lease, outcome: Outcome, error: Option<RunError>, result: Option<RunResult>) {
        let metrics = (outcome == Outcome::Failed).then(|| r#"{"totalTime":3}"#.to_owned());
        let ended_at = self.now;
        self.end_run(RunRow {
            task: lease.body.id,
            run: lease.progress.run,
            attempt: lease.progress.attempts + 1,
            worker: lease.worker,
            assigned_at: lease.assigned_at,
            started_at: lease.started_at,
            ended_at,
            outcome,
            error,
            result,
            metrics,
        });
    }

    fn finish(
        &mut self,
        body: Arc<ukai_domain::TaskBody>,
        progress: ukai_domain::Progress,
        status: DoneStatus,
        error: Option<RunError>,
    ) {
        let finished_at = self.now;
        self.place(body.id, Some(Place::Done(Done { body, progress, status, finished_at, error })));
    }

    /// The first commit of a random world: jobs, workers, a host.
    pub(crate) fn found(&mut self) {
        for n in 0..3 {
            self.job(&format!("job {n}"));
        }
        for n in 0..4 {
            self.worker(&format!("w{n}"));
        }
        self.host("a.example", 250);
    }

    /// `size` random things.
    pub(crate) fn random(&mut self, size: usize) {
        for _ in 0..size {
            self.random_thing();
        }
    }

    fn random_thing(&mut self) {
        use PlaceName::{Delayed, Done, Leased, Ready};
        let later = self.now + Duration::from_millis(self.dice(5_000) as u64);
        let roll = self.dice(24);
        let task = match roll {
            7..=10 => self.pick(Ready),
            11..=17 => self.pick(Leased),
            18 => self.pick(Delayed),
            19 => self.pick(Ready).or_else(|| self.pick(Leased)).or_else(|| self.pick(Delayed)),
            20..=21 => self.pick(Done),
            _ => None,
        };
        match (roll, task) {
            (0..=6, _) => {
                let job = self.any_job();
                let host = HOSTS[self.dice(HOSTS.len())];
                let priority = [0, 50, 50, 50, 99, 100][self.dice(6)];
                let delayed = (self.dice(5) == 0).then_some(later);
                self.submit(job, host, priority, delayed);
            }
            (7..=10, Some(task)) => {
                let worker = self.any_worker();
                self.hand_out(task, worker);
            }
            (11..=12, Some(task)) => self.start(task),
            (13..=15, Some(task)) => self.complete(task),
            (16, Some(task)) => self.fail(task, Some(later)),
            (17, Some(task)) => self.fail(task, None),
            (18, Some(task)) => {
                let Place::Delayed(waiting, _) = self.places[&task].clone() else { return };
                self.place(task, Some(Place::Ready(waiting)));
            }
            (19, Some(task)) => self.cancel(task),
            (20, Some(task)) => self.retry(task),
            (21, Some(task)) if self.untouched(task) => self.purge(task),
            (22, _) => {
                let key =
                    LaneKey { kind: Arc::from("scrape"), host: Arc::from(HOSTS[self.dice(HOSTS.len())]) };
                let level = u8::try_from(self.dice(6)).unwrap();
                self.lane(key, later, level);
            }
            (23, _) => self.rarer(),
            _ => {}
        }
    }

    fn rarer(&mut self) {
        match self.dice(7) {
            5..=6 => {
                let job = self.any_job();
                self.random_crawl(job);
            }
            0 => {
                let name = format!("job at {}", self.now.0);
                self.job(&name);
            }
            1 => {
                let id = self.any_job();
                let mut job = self.jobs[&id].clone();
                job.status = if self.dice(2) == 0 { JobStatus::Paused } else { JobStatus::Running };
                self.put_job(job);
            }
            2 => {
                let id = self.any_worker();
                let mut worker = self.workers[&id].clone();
                worker.blocked = !worker.blocked;
                worker.blocked_reason = worker.blocked.then(|| "captcha".to_owned());
                self.put_worker(worker);
                self.note(JobId::NIL, Event::WorkerReset { worker: id });
            }
            3 => {
                let key = IdempotencyKey {
                    principal: "key".to_owned(),
                    route: "POST /api/tasks".to_owned(),
                    key: format!("k{}-{}", self.now.0, self.replies.len()),
                    body_hash: "00ff".to_owned(),
                };
                let at = self.now;
                self.remember(IdempotencyRow { key, reply: r#"{"ok":true}"#.to_owned(), at });
            }
            _ => {
                let empty = self.jobs.keys().copied().find(|j| {
                    let open = self.expansions.keys().any(|(own, _)| own == j);
                    !open && !self.touches_crawl(*j) && self.places.values().all(|p| p.body().job != *j)
                });
                // New in this very commit: neither inserted nor deleted would be simpler, so it waits.
                if let Some(job) = empty.filter(|j| self.jobs.len() > 3 && self.jobs[j].created_at < self.now)
                {
                    self.delete_job(job);
                }
            }
        }
    }

    pub(crate) fn pick(&mut self, place: PlaceName) -> Option<TaskId> {
        let count = self.places.values().filter(|p| p.name() == place).count();
        let n = self.dice(count);
        self.places.iter().filter(|(_, p)| p.name() == place).map(|(id, _)| *id).nth(n)
    }

    fn any_job(&mut self) -> JobId {
        let n = self.dice(self.jobs.len());
        *self.jobs.keys().nth(n).expect("a job")
    }

    fn any_worker(&mut self) -> WorkerId {
        let n = self.dice(self.workers.len());
        *self.workers.keys().nth(n).expect("a worker")
    }
}
