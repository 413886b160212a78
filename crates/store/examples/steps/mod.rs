//! A steady stream of commits as a leader makes them: tasks are submitted, handed out, started and completed with a
//! result of a full product record.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use ukai_domain::scheduler::{Commit, CommitId, Move, Needs, PlaceName, RangeKey, RangeNeed};
use ukai_domain::{
    Counts, Done, DoneStatus, Event, EventRow, Job, JobId, JobKind, JobStatus, LaneKey, Lease, Outcome,
    Place, Progress, Run, RunResult, RunRow, SessionId, TaskBody, TaskId, Timestamp, Waiting, WorkerId,
};
use uuid::Uuid;

const WORKERS: u128 = 200;

/// Where a task waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// For the next step, on one of 50 hosts.
    Queued,
    /// Nowhere: it is handed out by the step that accepts it, as on an idle system.
    Direct,
    /// Until all are there, on one of 1,000 hosts.
    Deep,
}

/// The stream.
pub(crate) struct Bench {
    epoch: u64,
    shape: Shape,
    pub(crate) n: u64,
    ids: u64,
    now: i64,
    last_event: u64,
    submitted: usize,
    pub(crate) completed: usize,
    job: JobId,
    ready: VecDeque<Arc<TaskBody>>,
    assigned: VecDeque<Lease>,
    running: VecDeque<Lease>,
}

impl Bench {
    pub(crate) fn new(epoch: u64, shape: Shape) -> Self {
        Self {
            epoch,
            shape,
            n: 0,
            ids: 0,
            now: 1_800_000_000_000,
            last_event: 0,
            submitted: 0,
            completed: 0,
            job: JobId(Uuid::from_u128(1)),
            ready: VecDeque::new(),
            assigned: VecDeque::new(),
            running: VecDeque::new(),
        }
    }

    /// A steady stream: `batch` tasks a commit arrive, are handed out, start and complete.
    pub(crate) fn step(&mut self, batch: usize, tasks: usize) -> Commit {
        self.n += 1;
        self.now += 20;
        let now = Timestamp(self.now);
        let mut commit = Commit { id: CommitId { epoch: self.epoch, n: self.n }, now, ..Commit::default() };
        let mut events = Vec::new();
        let mut delta = Counts::default();
        if self.n == 1 {
            commit.jobs.push(job(self.job, now));
        }
        for _ in 0..batch.min(self.running.len()) {
            let lease = self.running.pop_front().unwrap();
            self.complete(&mut commit, &mut events, &mut delta, lease);
        }
        for _ in 0..batch.min(self.assigned.len()) {
            let mut lease = self.assigned.pop_front().unwrap();
            lease.started_at = Some(now);
            lease.deadline = now + Duration::from_secs(65);
            let (task, run, worker) = (lease.body.id, lease.progress.run, lease.worker);
            events.push(Event::TaskStarted { task, run, worker });
            commit.moves.push(to(task, Some(PlaceName::Leased), Place::Leased(lease.clone())));
            self.running.push_back(lease);
        }
        let filling = self.shape == Shape::Deep && self.submitted < tasks;
        for n in 0..if filling { 0 } else { batch.min(self.ready.len()) } {
            let body = self.ready.pop_front().unwrap();
            delta.ready -= 1;
            self.assign(&mut commit, &mut events, body, n, Some(PlaceName::Ready));
            delta.leased += 1;
        }
        for n in 0..batch.min(tasks - self.submitted) {
            let body = self.body(now);
            self.submitted += 1;
            delta.submitted += 1;
            let kind = body.lane.kind.to_string();
            events.push(Event::TaskCreated { task: body.id, url: body.url.clone(), priority: 50, kind });
            commit.tasks.push(Arc::clone(&body));
            if self.shape == Shape::Direct {
                self.assign(&mut commit, &mut events, body, n, None);
                delta.leased += 1;
            } else {
                let waiting = Waiting { body: Arc::clone(&body), progress: Progress::default() };
                commit.moves.push(to(body.id, None, Place::Ready(waiting)));
                delta.ready += 1;
                self.ready.push_back(body);
            }
        }
        commit.counts.push((self.job, delta));
        if !events.is_empty() {
            let row = EventRow { first: self.last_event + 1, job: self.job, at: now, events };
            self.last_event = row.last();
            commit.events.push(row);
        }
        commit.last_event = self.last_event;
        commit
    }

    fn assign(
        &mut self,
        commit: &mut Commit,
        events: &mut Vec<Event>,
        body: Arc<TaskBody>,
        n: usize,
        from: Option<PlaceName>,
    ) {
        let now = Timestamp(self.now);
        let worker = WorkerId(Uuid::from_u128((n as u128 % WORKERS) << 64 | 7));
        let progress = Progress { run: Run(1), ..Progress::default() };
        let lease = Lease {
            body,
            progress,
            worker,
            session: SessionId(Uuid::from_u128(n as u128)),
            assigned_at: now,
            started_at: None,
            deadline: now + Duration::from_secs(30),
        };
        events.push(Event::TaskAssigned { task: lease.body.id, run: Run(1), worker, attempt: 1 });
        commit.moves.push(to(lease.body.id, from, Place::Leased(lease.clone())));
        self.assigned.push_back(lease);
    }

    fn complete(&mut self, commit: &mut Commit, events: &mut Vec<Event>, delta: &mut Counts, lease: Lease) {
        let now = Timestamp(self.now);
        let (task, worker) = (lease.body.id, lease.worker);
        events.push(Event::TaskCompleted { task, run: Run(1), worker, items: 1 });
        commit.runs.push(RunRow {
            task,
            run: Run(1),
            attempt: 1,
            worker,
            assigned_at: lease.assigned_at,
            started_at: lease.started_at,
            ended_at: now,
            outcome: Outcome::Completed,
            error: None,
            result: Some(RunResult {
                result: format!("{{\"title\":\"{}\",\"url\":\"{}\"}}", "Kettle ".repeat(60), lease.body.url),
                metrics: Some("{\"totalTime\":812,\"navigationTime\":401,\"extractionTime\":55}".to_owned()),
                extra: None,
                items: 1,
            }),
            metrics: None,
        });
        delta.leased -= 1;
        delta.completed += 1;
        delta.items += 1;
        self.completed += 1;
        let done = Done {
            body: lease.body,
            progress: lease.progress,
            status: DoneStatus::Completed,
            finished_at: now,
            error: None,
        };
        commit.moves.push(to(task, Some(PlaceName::Leased), Place::Done(done)));
    }

    fn body(&mut self, now: Timestamp) -> Arc<TaskBody> {
        self.ids += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.ids.to_be_bytes());
        let id = TaskId(uuid::Builder::from_unix_timestamp_millis(now.0.unsigned_abs(), &random).into_uuid());
        let hosts = if self.shape == Shape::Deep { 1_000 } else { 50 };
        let host: Arc<str> = Arc::from(format!("shop{}.example", self.ids % hosts));
        Arc::new(TaskBody {
            id,
            job: self.job,
            url: format!("https://{host}/product/{}", self.ids),
            lane: LaneKey { kind: Arc::from("scrape"), host },
            priority: 50,
            max_attempts: 3,
            timeout_ms: None,
            options: None,
            depth: 0,
            created_at: now,
            trace: None,
        })
    }

    /// What a leader's refill reads: of the job as much as it hands out.
    pub(crate) fn needs(&self, batch: usize) -> Needs {
        let range = |body: &Arc<TaskBody>| RangeNeed {
            key: RangeKey { kind: Arc::clone(&body.lane.kind), priority: body.priority, job: body.job },
            after: body.id,
            limit: batch,
        };
        Needs { ranges: self.ready.iter().take(1).map(range).collect(), ..Needs::default() }
    }
}

fn to(task: TaskId, from: Option<PlaceName>, place: Place) -> Move {
    Move { task, from, to: Some(place) }
}

fn job(id: JobId, now: Timestamp) -> Job {
    Job {
        id,
        name: "bench".to_owned(),
        kind: JobKind::Scrape,
        status: JobStatus::Running,
        weight: 1,
        implicit: false,
        deleting: false,
        created_at: now,
        started_at: Some(now),
        completed_at: None,
        error: None,
        crawl: None,
    }
}
