//! The cold rows that a step needs and the snapshot that a new leader starts from.
//!
//! The store reads both; the core says what it needs ([`super::State::needs`]) and never asks twice.

use super::commit::{IdempotencyRow, LaneRow};
use super::input::{HostPolicy, IdempotencyKey};
use crate::{
    Counts, Expansion, Job, JobId, LaneKey, Lease, Outcome, Place, Run, TaskId, Timestamp, UrlHash, Waiting,
    WorkerId, WorkerRow,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The ready rows of one (kind, priority, job, host) form one range of `task_ready`, ordered by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowKey {
    /// Kind and host.
    pub lane: LaneKey,
    /// 0–100.
    pub priority: u8,
    /// Which job's.
    pub job: JobId,
}

/// The ready rows of one (kind, priority, job), ordered by id: what a job hands out next. All its windows in one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RangeKey {
    /// `scrape`, `crawl` …
    pub kind: Arc<str>,
    /// 0–100.
    pub priority: u8,
    /// Which job's.
    pub job: JobId,
}

/// What to read before the next step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Tasks by id: place, history and ended runs.
    pub tasks: Vec<TaskId>,
    /// Jobs that are not in memory, with counts.
    pub jobs: Vec<JobId>,
    /// Remembered replies (same principal, route and key; any body).
    pub idempotency: Vec<IdempotencyKey>,
    /// The next rows of jobs, whatever their host.
    pub ranges: Vec<RangeNeed>,
    /// The next rows of single windows: hosts whose lane was closed while the job read on past them.
    pub windows: Vec<WindowNeed>,
    /// Delayed rows after (time, id).
    pub delayed: Option<DelayedNeed>,
    /// Jobs being swept: their next rows that are ready or delayed; of deleted jobs also ended ones.
    pub sweeps: Vec<SweepNeed>,
    /// The next expansions of a crawl, oldest page first.
    pub expansion: Option<ExpansionNeed>,
    /// Which of these pages their crawls have already.
    pub urls: Vec<(JobId, UrlHash)>,
    /// Count ready rows ahead of these tasks (same kind; higher priority, or the same and older).
    pub ahead: Vec<TaskId>,
}

impl Needs {
    /// Whether nothing has to be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Half of all that may come bit by bit, for a reading that wasn't answered in time. What the inputs name stays.
    pub fn halve(&mut self) {
        let half = |n: &mut usize| *n = n.div_ceil(2);
        self.ranges.truncate(self.ranges.len().div_ceil(2));
        self.ranges.iter_mut().for_each(|need| half(&mut need.limit));
        self.windows.truncate(self.windows.len().div_ceil(2));
        for need in &mut self.windows {
            half(&mut need.limit);
            half(&mut need.looks);
        }
        self.delayed.iter_mut().for_each(|need| half(&mut need.limit));
        self.sweeps.iter_mut().for_each(|need| half(&mut need.limit));
        self.expansion.iter_mut().for_each(|need| half(&mut need.links));
    }
}

/// The next rows of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeNeed {
    /// Which.
    pub key: RangeKey,
    /// Only ids above.
    pub after: TaskId,
    /// At most.
    pub limit: usize,
}

/// The next rows of one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowNeed {
    /// Which.
    pub key: WindowKey,
    /// Only ids above.
    pub after: TaskId,
    /// At most.
    pub limit: usize,
    /// Rows of the job that are looked at, whatever their host, at most; one in any case. A host's rows may lie
    /// far apart.
    pub looks: usize,
}

/// The next delayed rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayedNeed {
    /// Only rows above (time, id).
    pub after: (Timestamp, TaskId),
    /// At most.
    pub limit: usize,
}

/// Where a row stands in the order of a sweep: what is ready, then what is delayed, then what has ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SweepPlace {
    /// By kind and rank, which is 100 - priority.
    Ready(Arc<str>, u8, TaskId),
    /// By id.
    Delayed(TaskId),
    /// By id.
    Ended(TaskId),
}

impl SweepPlace {
    /// `None` for a lease, which no sweep takes.
    #[must_use]
    pub fn of(place: &Place) -> Option<Self> {
        match place {
            Place::Ready(Waiting { body, .. }) => {
                Some(Self::Ready(Arc::clone(&body.lane.kind), 100_u8.saturating_sub(body.priority), body.id))
            }
            Place::Delayed(waiting, _) => Some(Self::Delayed(waiting.body.id)),
            Place::Done(done) => Some(Self::Ended(done.body.id)),
            Place::Leased(_) => None,
        }
    }
}

/// The next rows of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepNeed {
    /// Whose.
    pub job: JobId,
    /// Only rows behind this one: a slice never passes over what is left of the rows that those before it moved.
    pub after: Option<SweepPlace>,
    /// Also ended rows, to purge.
    pub ended_too: bool,
    /// At most.
    pub limit: usize,
}

/// Kind, rank and id of a ready row.
type ReadyKey<'n> = (&'n str, u8, TaskId);

impl SweepNeed {
    /// Behind what to read of what is ready, of what is delayed and of what has ended; `None` where all
    /// of it lies before.
    #[must_use]
    pub fn begins(&self) -> (Option<ReadyKey<'_>>, Option<TaskId>, TaskId) {
        match &self.after {
            None => (Some(("", 0, TaskId::NIL)), Some(TaskId::NIL), TaskId::NIL),
            Some(SweepPlace::Ready(kind, rank, id)) => {
                (Some((kind, *rank, *id)), Some(TaskId::NIL), TaskId::NIL)
            }
            Some(SweepPlace::Delayed(id)) => (None, Some(*id), TaskId::NIL),
            Some(SweepPlace::Ended(id)) => (None, None, *id),
        }
    }
}

/// The next pages of a crawl whose links are to become tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpansionNeed {
    /// Whose.
    pub job: JobId,
    /// Only pages whose tasks have ids above.
    pub after: TaskId,
    /// Links of all of them together at most; the first page comes in any case.
    pub links: usize,
}

/// What was read. Nothing may be written between the reading and the step.
#[derive(Clone, Debug, Default)]
pub struct Prefetched {
    /// Tasks that exist.
    pub tasks: BTreeMap<TaskId, ColdTask>,
    /// Jobs that exist.
    pub jobs: BTreeMap<JobId, (Job, Counts)>,
    /// Remembered replies.
    pub idempotency: Vec<IdempotencyRow>,
    /// One for every need, in its order.
    pub ranges: Vec<RangeRows>,
    /// One for every need, in its order.
    pub windows: Vec<WindowRows>,
    /// Rows for the delayed need; `None` where there was none.
    pub delayed: Option<DelayedRows>,
    /// One for every need, in the order of [`SweepPlace`].
    pub sweeps: Vec<(JobId, Vec<Place>)>,
    /// For the need: whose, and its pages, in the order of their tasks' ids.
    pub expansion: Option<(JobId, Vec<Expansion>)>,
    /// Those that are there.
    pub urls: BTreeSet<(JobId, UrlHash)>,
    /// Capped at 10,000.
    pub ahead: BTreeMap<TaskId, u64>,
}

impl Prefetched {
    /// Takes what a second reading found ([`super::State::needs_after`]).
    pub fn add(&mut self, more: Self) {
        self.jobs.extend(more.jobs);
        self.urls.extend(more.urls);
    }
}

/// A task as the store has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ColdTask {
    /// Where it is.
    pub place: Place,
    /// Its ended runs, oldest first.
    pub runs: Vec<EndedRun>,
}

/// The part of a run's row that decides on late reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedRun {
    /// Which.
    pub run: Run,
    /// Who held it.
    pub worker: WorkerId,
    /// How it ended.
    pub outcome: Outcome,
}

/// Rows of one job, ordered by id.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeRows {
    /// Which.
    pub key: RangeKey,
    /// The next rows.
    pub rows: Vec<Waiting>,
    /// Whether the store has rows beyond the last one.
    pub more: bool,
}

/// Rows of one window, ordered by id.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowRows {
    /// Which.
    pub key: WindowKey,
    /// The next rows.
    pub rows: Vec<Waiting>,
    /// Where to read on: of the rows above `after` all up to this one are among `rows`, and the store may have others
    /// beyond. `None` where it has none.
    pub rest: Option<TaskId>,
}

/// Delayed rows, ordered by (time, id).
#[derive(Clone, Debug, PartialEq)]
pub struct DelayedRows {
    /// The next rows.
    pub rows: Vec<(Waiting, Timestamp)>,
    /// Whether the store has rows beyond the last one.
    pub more: bool,
}

/// What a new leader loads.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The new leader's own epoch.
    pub epoch: u64,
    /// From the newest commit row.
    pub last_event: u64,
    /// The largest persisted `now`.
    pub last_now: Timestamp,
    /// The largest id of a task, job or worker.
    pub last_id: uuid::Uuid,
    /// Jobs that have not ended, implicit ones, and ended ones with open tasks or a delete intent.
    pub jobs: Vec<(Job, Counts)>,
    /// All jobs together, ended and deleted ones too.
    pub total: Counts,
    /// All.
    pub leases: Vec<Lease>,
    /// Every (kind, priority, job) that has ready rows.
    pub ranges: Vec<RangeKey>,
    /// Ready rows by kind.
    pub depth: Vec<(Arc<str>, i64)>,
    /// The first delayed rows.
    pub delayed: Option<DelayedRows>,
    /// All.
    pub workers: Vec<WorkerRow>,
    /// Lanes whose state was persisted.
    pub lanes: Vec<LaneRow>,
    /// All.
    pub hosts: Vec<HostPolicy>,
}
