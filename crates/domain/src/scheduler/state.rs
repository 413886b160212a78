//! The leader's memory: what is open, who is connected, what is due.

use super::queue::Queue;
use super::session::{Session, Worker};
use super::{CommitId, Snapshot, SweepPlace};
use crate::{
    Counts, IdGenerator, Job, JobId, LaneKey, Lease, Run, SessionId, Settings, TaskId, Timestamp, Waiting,
    WorkerId,
};
use rand::SeedableRng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Memory is authoritative for what is open; the store is its log. Made from a [`Snapshot`], changed by
/// [`super::step`] alone.
#[derive(Debug)]
pub struct State {
    pub(super) settings: Settings,
    pub(super) last_commit: CommitId,
    pub(super) last_event: u64,
    /// Never goes back.
    pub(super) last_now: Timestamp,
    pub(super) ids: IdGenerator,
    pub(super) random: rand::rngs::StdRng,
    pub(super) queue: Queue,
    pub(super) jobs: BTreeMap<JobId, JobState>,
    pub(super) total: Counts,
    pub(super) depth: BTreeMap<Arc<str>, i64>,
    pub(super) leases: BTreeMap<TaskId, Lease>,
    /// Hand-outs that no gateway has confirmed yet.
    pub(super) unconfirmed: BTreeMap<TaskId, Run>,
    pub(super) deadlines: BTreeSet<(Timestamp, TaskId)>,
    pub(super) delayed: Delayed,
    pub(super) workers: BTreeMap<WorkerId, Worker>,
    /// Workers that registered themselves, by name.
    pub(super) enrolled: BTreeMap<String, WorkerId>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    /// Connected sessions with a free slot, least recently used first.
    pub(super) free: BTreeSet<(u64, SessionId)>,
    pub(super) uses: u64,
    pub(super) timers: BTreeSet<(Timestamp, Timer)>,
    /// Jobs with a cancel or delete intent that is not through.
    pub(super) sweeping: BTreeSet<JobId>,
    /// The last row of the last slice, and whose.
    pub(super) swept: Option<(JobId, SweepPlace)>,
    /// Crawls with pages whose links are to become tasks, and that are not paused; none of those pages has an id up to
    /// the one here.
    pub(super) expanding: BTreeMap<JobId, TaskId>,
    /// Whose turn it was last among them.
    pub(super) last_expanded: JobId,
    /// While the bus is away no clock of a worker runs.
    pub(super) bus_away: bool,
    /// The last step made as many hand-outs as one may: the next goes on.
    pub(super) cut_short: bool,
}

/// A job with what the leader counts for it.
#[derive(Clone, Debug)]
pub(super) struct JobState {
    pub(super) job: Job,
    pub(super) counts: Counts,
}

/// The next delayed tasks by time; later ones are in the store.
#[derive(Debug)]
pub(super) struct Delayed {
    pub(super) rows: BTreeMap<(Timestamp, TaskId), Waiting>,
    /// Everything in the store and not here lies above it.
    pub(super) read_until: (Timestamp, TaskId),
    pub(super) more: bool,
    pub(super) cap: usize,
}

/// What happens at a time, apart from deadlines and delayed tasks, which have sets of their own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A lane may open.
    LaneOpens(LaneKey),
    /// A worker's socket has been closed for the grace.
    AwayOver(SessionId),
    /// A slot's run ended long ago and the worker never said so.
    Stuck(SessionId, TaskId, Run),
    /// A worker may visit a host again.
    HostCooled(WorkerId),
}

impl State {
    /// A new leader's memory. Leases get a fresh liveness: `now` is the epoch's first.
    #[must_use]
    pub fn load(settings: Settings, snapshot: Snapshot, seed: u64, now: Timestamp) -> Self {
        let now = now.max(snapshot.last_now);
        let mut state = Self {
            queue: Queue::new(settings.window_rows, settings.window_budget),
            last_commit: CommitId { epoch: snapshot.epoch, n: 0 },
            last_event: snapshot.last_event,
            last_now: now,
            ids: IdGenerator::new(seed, snapshot.last_id),
            random: rand::rngs::StdRng::seed_from_u64(seed),
            jobs: BTreeMap::new(),
            total: snapshot.total,
            depth: snapshot.depth.into_iter().collect(),
            leases: BTreeMap::new(),
            unconfirmed: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            delayed: Delayed::new(settings.delayed_window),
            workers: BTreeMap::new(),
            enrolled: BTreeMap::new(),
            sessions: BTreeMap::new(),
            free: BTreeSet::new(),
            uses: 0,
            timers: BTreeSet::new(),
            sweeping: BTreeSet::new(),
            swept: None,
            expanding: BTreeMap::new(),
            last_expanded: JobId::NIL,
            bus_away: false,
            cut_short: false,
            settings,
        };
        for host in snapshot.hosts {
            state.queue.set_policy(host, now);
        }
        for lane in &snapshot.lanes {
            state.queue.load_lane(lane);
        }
        for (job, counts) in snapshot.jobs {
            if (job.status.is_terminal() && counts.open() > 0) || job.deleting {
                state.sweeping.insert(job.id);
            }
            let held = job.status == crate::JobStatus::Paused || state.sweeping.contains(&job.id);
            state.queue.hold(job.id, held);
            let id = job.id;
            state.jobs.insert(id, JobState { job, counts });
            state.list_expanding(id);
        }
        for row in snapshot.workers {
            state.insert_worker(row);
        }
        for key in &snapshot.ranges {
            if !state.sweeping.contains(&key.job) {
                let weight = state.weight(key.job);
                state.queue.expect(key, weight);
            }
        }
        if let Some(delayed) = snapshot.delayed {
            state.delayed.extend(delayed, &state.sweeping);
        }
        let running = snapshot.leases.iter().map(|lease| lease.body.lane.clone());
        let lanes: BTreeSet<LaneKey> =
            snapshot.lanes.into_iter().map(|lane| lane.key).chain(running).collect();
        state.load_leases(snapshot.leases, now);
        for key in lanes {
            state.lane_changed(&key, now);
        }
        state
    }

    /// Sessions of before are away until their workers come back: they have the full liveness time for it.
    fn load_leases(&mut self, leases: Vec<Lease>, now: Timestamp) {
        let until = now + self.settings.heartbeat_timeout;
        for mut lease in leases {
            lease.deadline = lease.deadline.max(until);
            let (task, run) = (lease.body.id, lease.progress.run);
            let session = self
                .sessions
                .entry(lease.session)
                .or_insert_with(|| Session::ghost(lease.session, lease.worker, now, until));
            session.occupy(task, run);
            self.timers.insert((until, Timer::AwayOver(lease.session)));
            if let Some(worker) = self.workers.get_mut(&lease.worker) {
                worker.session.get_or_insert(lease.session);
                worker.leases.insert(task);
            }
            if lease.started_at.is_none() {
                self.unconfirmed.insert(task, run);
            }
            self.queue.load_running(&lease.body.lane, lease.assigned_at);
            self.deadlines.insert((lease.deadline, task));
            self.leases.insert(task, lease);
        }
    }

    pub(super) fn insert_worker(&mut self, row: crate::WorkerRow) {
        if row.token_hash.is_none() {
            self.enrolled.insert(row.name.clone(), row.id);
        }
        self.workers.insert(row.id, Worker::load(row));
    }

    /// The weight of a job in the fair queue.
    pub(super) fn weight(&self, job: JobId) -> u32 {
        self.jobs.get(&job).map_or(1, |j| j.job.weight)
    }

    /// The epoch that all commits of this memory carry.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.last_commit.epoch
    }

    /// The newest event's number.
    #[must_use]
    pub fn last_event(&self) -> u64 {
        self.last_event
    }

    /// All jobs together.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.total
    }

    /// Rows that windows keep in memory.
    #[must_use]
    pub fn window_rows(&self) -> usize {
        self.queue.rows()
    }

    /// Where the submission of a task that a worker holds stands in a trace.
    #[must_use]
    pub fn trace(&self, task: TaskId) -> Option<&Arc<str>> {
        self.leases.get(&task)?.body.trace.as_ref()
    }

    /// Live leases.
    #[must_use]
    pub fn lease_count(&self) -> usize {
        self.leases.len()
    }

    /// Connected sessions.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.sessions.values().filter(|s| s.away_until.is_none()).count()
    }

    /// Ready rows by kind.
    #[must_use]
    pub fn depth(&self) -> Vec<(Arc<str>, i64)> {
        self.depth.iter().map(|(kind, n)| (Arc::clone(kind), *n)).collect()
    }

    /// When the oldest ready task in memory was created, by kind; kinds without any are left out.
    #[must_use]
    pub fn oldest_ready(&self) -> BTreeMap<&Arc<str>, Timestamp> {
        self.queue.oldest()
    }

    /// When a tick is due, if nothing else happens before.
    #[must_use]
    pub fn next_timer(&self) -> Option<Timestamp> {
        let delayed = self.delayed.rows.keys().next().map(|(at, _)| *at);
        let timer = self.timers.first().map(|(at, _)| *at);
        let deadline = if self.bus_away { None } else { self.deadlines.first().map(|(at, _)| *at) };
        [delayed, timer, deadline].into_iter().flatten().min()
    }

    /// A lane's openness may have changed: sets its timer.
    pub(super) fn lane_changed(&mut self, key: &LaneKey, now: Timestamp) {
        self.queue.reconsider(key, now);
        if let Some(at) = self.queue.lane(key).and_then(super::queue::Lane::opens_at) {
            self.timers.insert((at, Timer::LaneOpens(key.clone())));
        }
    }

    /// A job's counts and the totals, and the rows for both.
    pub(super) fn count(&mut self, draft: &mut super::draft::Draft, job: JobId, delta: Counts) {
        if let Some(state) = self.jobs.get_mut(&job) {
            state.counts.add(&delta);
        }
        self.total.add(&delta);
        draft.count(job, &delta);
    }
}

impl Delayed {
    fn new(cap: usize) -> Self {
        let before_all = (Timestamp(i64::MIN), TaskId::NIL);
        Self { rows: BTreeMap::new(), read_until: before_all, more: false, cap: cap.max(1) }
    }

    /// Rows that were read from the store. Those of jobs that are being swept are left to the sweep.
    pub(super) fn extend(&mut self, read: super::DelayedRows, sweeping: &BTreeSet<JobId>) {
        self.more = read.more;
        for (waiting, at) in read.rows {
            let key = (at, waiting.body.id);
            self.read_until = self.read_until.max(key);
            if !sweeping.contains(&waiting.body.job) {
                self.rows.insert(key, waiting);
            }
        }
    }

    /// A task became delayed: kept here unless it lies beyond what was read, or there is no room.
    pub(super) fn insert(&mut self, waiting: Waiting, at: Timestamp) {
        let key = (at, waiting.body.id);
        if key > self.last() && (self.more || self.rows.len() >= self.cap) {
            self.more = true;
            return;
        }
        self.rows.insert(key, waiting);
        if self.rows.len() > 2 * self.cap {
            while self.rows.len() > self.cap {
                self.rows.pop_last();
            }
            self.read_until = (Timestamp(i64::MIN), TaskId::NIL);
            self.more = true;
        }
    }

    pub(super) fn needs(&self) -> Option<super::DelayedNeed> {
        let low = self.more && self.rows.len() <= self.cap / 4;
        let limit = self.cap.saturating_sub(self.rows.len()).max(1);
        low.then(|| super::DelayedNeed { after: self.last(), limit })
    }

    fn last(&self) -> (Timestamp, TaskId) {
        self.rows.keys().next_back().copied().map_or(self.read_until, |last| last.max(self.read_until))
    }
}
