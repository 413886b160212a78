//! What a task costs the store, through its whole life: submitted, handed out, started, completed with a result of
//! a full product record. Prints CPU and wall time a task for several sizes of batches.
//!
//! `cargo run --release -p ukai-store --example commit_cost [tasks]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring tool: it stops where something is wrong"
)]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ukai_domain::scheduler::{Commit, CommitId, Move, Needs, PlaceName, RangeKey, RangeNeed};
use ukai_domain::{
    Counts, Done, DoneStatus, Event, EventRow, Job, JobId, JobKind, JobStatus, LaneKey, Lease, Outcome,
    Place, Progress, Run, RunResult, RunRow, SessionId, TaskBody, TaskId, Timestamp, Waiting, WorkerId,
};
use ukai_store::sqlite::SqliteStore;
use ukai_store::{Reads, Store};
use uuid::Uuid;

const WORKERS: u128 = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let tasks: usize = std::env::args().nth(1).map_or(50_000, |n| n.parse().unwrap());
    for shape in [Shape::Queued, Shape::Direct, Shape::Deep] {
        for batch in [30, 100, 500] {
            measure(tasks, batch, shape).await;
        }
    }
}

/// Where a task waits.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// For the next step, on one of 50 hosts.
    Queued,
    /// Nowhere: it is handed out by the step that accepts it, as on an idle system.
    Direct,
    /// Until all are there, on one of 1,000 hosts.
    Deep,
}

async fn measure(tasks: usize, batch: usize, shape: Shape) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let epoch = store.take_over("", Duration::from_secs(5)).await.unwrap().unwrap().epoch;
    let mut bench = Bench::new(epoch, shape);
    let mut refill = Duration::ZERO;
    let (wall, cpu) = (Instant::now(), cpu_time());
    let mut made = Duration::ZERO;
    while bench.completed < tasks {
        let begin = own_time();
        let commit = Arc::new(bench.step(batch, tasks));
        made += own_time() - begin;
        let needs = bench.needs(batch);
        store.commit(commit).await.unwrap();
        let begin = cpu_time();
        store.prefetch(needs).await.unwrap();
        refill += cpu_time() - begin;
    }
    let (wall, cpu) = (wall.elapsed(), cpu_time() - cpu - made);
    let each = |d: Duration| d.as_secs_f64() * 1e6 / tasks as f64;
    let total = store.total_counts().await.unwrap();
    assert_eq!(total.completed, i64::try_from(tasks).unwrap());
    drop(store);
    let size = std::fs::metadata(folder.path().join("ukai.db")).unwrap().len();
    println!(
        "batch {batch:>4} {shape:?}: {:>5.1} us CPU a task ({:.1} us of it to read it back), {:>6.1} us wall, {:>6.0} tasks/s, {} bytes a task, {} commits",
        each(cpu),
        each(refill),
        each(wall),
        tasks as f64 / wall.as_secs_f64(),
        size / tasks as u64,
        bench.n,
    );
}

struct Bench {
    epoch: u64,
    shape: Shape,
    n: u64,
    ids: u64,
    now: i64,
    last_event: u64,
    submitted: usize,
    completed: usize,
    job: JobId,
    ready: VecDeque<Arc<TaskBody>>,
    assigned: VecDeque<Lease>,
    running: VecDeque<Lease>,
}

impl Bench {
    fn new(epoch: u64, shape: Shape) -> Self {
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
    fn step(&mut self, batch: usize, tasks: usize) -> Commit {
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
        })
    }

    /// What a leader's refill reads: of the job as much as it hands out.
    fn needs(&self, batch: usize) -> Needs {
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

/// Time on a CPU of all threads of this process, from the kernel.
fn cpu_time() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    threads.map(|thread| on_cpu(&thread.unwrap().path())).sum()
}

/// The same of this thread alone.
fn own_time() -> Duration {
    on_cpu(std::path::Path::new("/proc/thread-self"))
}

fn on_cpu(of: &std::path::Path) -> Duration {
    let stat = std::fs::read_to_string(of.join("schedstat")).unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}
