//! A small scheduler without rules: it keeps in memory what the store must hold, and writes down what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use ukai_domain::scheduler::{Commit, CommitId, HostPolicy, IdempotencyRow, LaneRow, Move, PlaceName};
use ukai_domain::{
    Counts, DoneStatus, Event, EventRow, Expansion, Job, JobId, JobKind, JobStatus, LaneKey, Place, RunRow,
    SessionId, TaskBody, TaskId, Timestamp, UrlHash, Waiting, WorkerConfig, WorkerId, WorkerRow,
};
use uuid::Uuid;

/// Where some tasks stand in a trace.
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// When every world begins.
pub(crate) const START: i64 = 1_700_000_000_000;

/// What the store must hold, and the commit that is being written.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) epoch: u64,
    pub(crate) n: u64,
    pub(crate) now: Timestamp,
    pub(crate) last_event: u64,
    pub(crate) jobs: BTreeMap<JobId, Job>,
    pub(crate) counts: BTreeMap<JobId, Counts>,
    pub(crate) total: Counts,
    pub(crate) places: BTreeMap<TaskId, Place>,
    pub(crate) runs: BTreeMap<TaskId, Vec<RunRow>>,
    pub(crate) events: Vec<EventRow>,
    pub(crate) workers: BTreeMap<WorkerId, WorkerRow>,
    pub(crate) lanes: BTreeMap<LaneKey, LaneRow>,
    pub(crate) hosts: BTreeMap<Arc<str>, HostPolicy>,
    pub(crate) replies: Vec<IdempotencyRow>,
    pub(crate) expansions: BTreeMap<(JobId, TaskId), Expansion>,
    pub(crate) urls: BTreeSet<(JobId, UrlHash)>,
    pub(super) draft: Commit,
    before: BTreeMap<TaskId, Option<PlaceName>>,
    deltas: BTreeMap<JobId, Counts>,
    log: BTreeMap<JobId, Vec<Event>>,
    random: u64,
    ids: u64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            epoch: 1,
            n: 0,
            now: Timestamp(START),
            last_event: 0,
            jobs: BTreeMap::new(),
            counts: BTreeMap::new(),
            total: Counts::default(),
            places: BTreeMap::new(),
            runs: BTreeMap::new(),
            events: Vec::new(),
            workers: BTreeMap::new(),
            lanes: BTreeMap::new(),
            hosts: BTreeMap::new(),
            replies: Vec::new(),
            expansions: BTreeMap::new(),
            urls: BTreeSet::new(),
            draft: Commit::default(),
            before: BTreeMap::new(),
            deltas: BTreeMap::new(),
            log: BTreeMap::new(),
            random: seed,
            ids: 0,
        }
    }

    /// Below `bound`.
    pub(crate) fn dice(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound.max(1) as u64).unwrap()
    }

    /// A UUIDv7 of the world's time; ids rise with the number of calls.
    pub(crate) fn uuid(&mut self) -> Uuid {
        let millis = u64::try_from(self.now.0).unwrap();
        let mut random = [0; 10];
        self.ids += 1;
        random[2..].copy_from_slice(&self.ids.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// Whether the task has not changed since the last commit.
    pub(crate) fn untouched(&self, task: TaskId) -> bool {
        !self.before.contains_key(&task)
    }

    pub(crate) fn job(&mut self, name: &str) -> JobId {
        let id = JobId(self.uuid());
        self.put_job(Job {
            id,
            name: name.to_owned(),
            kind: JobKind::Scrape,
            status: JobStatus::Pending,
            weight: 1,
            implicit: false,
            deleting: false,
            created_at: self.now,
            started_at: None,
            completed_at: None,
            error: None,
            crawl: None,
        });
        self.note(id, Event::JobCreated { name: name.to_owned(), kind: "scrape".to_owned() });
        id
    }

    pub(crate) fn put_job(&mut self, job: Job) {
        self.draft.jobs.retain(|j| j.id != job.id);
        self.draft.jobs.push(job.clone());
        self.counts.entry(job.id).or_default();
        self.jobs.insert(job.id, job);
    }

    pub(crate) fn delete_job(&mut self, job: JobId) {
        assert!(self.places.values().all(|p| p.body().job != job), "a job with tasks");
        self.jobs.remove(&job);
        self.counts.remove(&job);
        self.urls.retain(|(own, _)| *own != job);
        self.draft.jobs.retain(|j| j.id != job);
        self.draft.deleted_jobs.push(job);
        self.note(job, Event::JobDeleted);
    }

    pub(crate) fn worker(&mut self, name: &str) -> WorkerId {
        let id = WorkerId(self.uuid());
        self.put_worker(WorkerRow {
            id,
            name: name.to_owned(),
            token_hash: Some(format!("hash of {name}")),
            token_prefix: Some(format!("ukw_{name}")),
            blocked: false,
            blocked_reason: None,
            capabilities: vec!["scrape".to_owned()],
            capacity: 1,
            config: WorkerConfig::default(),
            network: ukai_domain::NetworkInfo::default(),
            stats: ukai_domain::WorkerStats { tasks_completed: 3, tasks_failed: 1, uptime: 12.5 },
            last_heartbeat_at: Some(self.now),
            connected_at: None,
            created_at: self.now,
        });
        id
    }

    pub(crate) fn put_worker(&mut self, worker: WorkerRow) {
        self.draft.workers.retain(|w| w.id != worker.id);
        self.draft.workers.push(worker.clone());
        self.workers.insert(worker.id, worker);
    }

    pub(crate) fn delete_worker(&mut self, worker: WorkerId) {
        self.workers.remove(&worker);
        self.draft.workers.retain(|w| w.id != worker);
        self.draft.deleted_workers.push(worker);
        self.note(JobId::NIL, Event::WorkerDeleted { worker });
    }

    /// A new task on `host`, in ready or delayed.
    pub(crate) fn submit(
        &mut self,
        job: JobId,
        host: &str,
        priority: u8,
        not_before: Option<Timestamp>,
    ) -> TaskId {
        let id = TaskId(self.uuid());
        let n = id.as_bytes()[15];
        let body = Arc::new(TaskBody {
            id,
            job,
            lane: LaneKey {
                kind: Arc::from(if n % 5 == 4 { "crawl" } else { "scrape" }),
                host: Arc::from(host),
            },
            // Short ones, too.
            url: if n % 3 == 1 {
                format!("https://{host}/{n}")
            } else {
                format!("https://{host}/page/{id}?q=ü")
            },
            priority,
            max_attempts: 3,
            timeout_ms: n.is_multiple_of(2).then_some(60_000),
            depth: u16::from(n) % 5,
            options: n.is_multiple_of(3).then(|| r#"{"screenshot":true}"#.to_owned()),
            created_at: self.now,
            trace: n.is_multiple_of(4).then(|| Arc::from(TRACE)),
        });
        self.draft.tasks.push(Arc::clone(&body));
        let event = Event::TaskCreated {
            task: id,
            url: body.url.clone(),
            priority,
            kind: body.lane.kind.to_string(),
        };
        self.note(job, event);
        self.delta(job, |c| c.submitted += 1);
        let waiting = Waiting { body, progress: ukai_domain::Progress::default() };
        self.place(id, Some(waiting_place(waiting, not_before)));
        id
    }

    /// Puts the task's row where it says, or nowhere; the balance follows.
    pub(crate) fn place(&mut self, task: TaskId, to: Option<Place>) {
        let from = self.places.remove(&task);
        self.before.entry(task).or_insert(from.as_ref().map(Place::name));
        let job = from.as_ref().or(to.as_ref()).map(|p| p.body().job).expect("a task that is or will be");
        if let Some(from) = &from {
            self.delta(job, |c| *field(c, from) -= 1);
        }
        match to {
            Some(to) => {
                self.delta(job, |c| *field(c, &to) += 1);
                self.places.insert(task, to);
            }
            None => self.delta(job, |c| c.purged += 1),
        }
    }

    pub(crate) fn delta(&mut self, job: JobId, change: impl Fn(&mut Counts)) {
        change(self.deltas.entry(job).or_default());
        change(self.counts.entry(job).or_default());
        change(&mut self.total);
    }

    pub(crate) fn end_run(&mut self, run: RunRow) {
        if let Some(result) = &run.result {
            let items = i64::from(result.items);
            let job = self.places[&run.task].body().job;
            self.delta(job, |c| c.items += items);
        }
        self.draft.runs.push(run.clone());
        self.runs.entry(run.task).or_default().push(run);
    }

    pub(crate) fn note(&mut self, job: JobId, event: Event) {
        self.log.entry(job).or_default().push(event);
    }

    pub(crate) fn lane(&mut self, key: LaneKey, until: Timestamp, level: u8) {
        let row = LaneRow { key: key.clone(), cool_until: until, cool_level: level, last_handout: self.now };
        self.draft.lanes.retain(|l| l.key != key);
        self.draft.lanes.push(row.clone());
        self.lanes.insert(key, row);
    }

    pub(crate) fn host(&mut self, host: &str, min_interval_ms: u32) {
        let row = HostPolicy { host: Arc::from(host), min_interval_ms, max_concurrency: 2 };
        self.draft.hosts.retain(|h| h.host != row.host);
        self.draft.hosts.push(row.clone());
        self.hosts.insert(Arc::clone(&row.host), row);
    }

    pub(crate) fn remember(&mut self, row: IdempotencyRow) {
        self.draft.idempotency.push(row.clone());
        self.replies.push(row);
    }

    /// The commit of everything since the last one; its time passes.
    pub(crate) fn take(&mut self) -> Arc<Commit> {
        let mut commit = std::mem::take(&mut self.draft);
        self.n += 1;
        commit.id = CommitId { epoch: self.epoch, n: self.n };
        commit.now = self.now;
        for (task, from) in std::mem::take(&mut self.before) {
            let to = self.places.get(&task).cloned();
            if from.is_some() || to.is_some() {
                commit.moves.push(Move { task, from, to });
            }
        }
        commit.counts = std::mem::take(&mut self.deltas).into_iter().filter(|(_, c)| !c.is_zero()).collect();
        for (job, events) in std::mem::take(&mut self.log) {
            let row = EventRow { first: self.last_event + 1, job, at: self.now, events };
            self.last_event = row.last();
            self.events.push(row.clone());
            commit.events.push(row);
        }
        commit.last_event = self.last_event;
        self.now = Timestamp(self.now.0 + 1);
        Arc::new(commit)
    }

    pub(crate) fn session() -> SessionId {
        SessionId(Uuid::from_u128(0x5e55_1011))
    }
}

pub(crate) fn waiting_place(waiting: Waiting, not_before: Option<Timestamp>) -> Place {
    match not_before {
        Some(at) => Place::Delayed(waiting, at),
        None => Place::Ready(waiting),
    }
}

fn field<'c>(c: &'c mut Counts, place: &Place) -> &'c mut i64 {
    match place {
        Place::Ready(_) => &mut c.ready,
        Place::Delayed(..) => &mut c.delayed,
        Place::Leased(_) => &mut c.leased,
        Place::Done(done) => match done.status {
            DoneStatus::Completed => &mut c.completed,
            DoneStatus::Failed => &mut c.failed,
            DoneStatus::Cancelled => &mut c.cancelled,
        },
    }
}
