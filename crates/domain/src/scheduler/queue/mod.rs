//! What waits: bands of (kind, priority), fair between jobs, polite by lanes.
//!
//! - A **band** holds the jobs that wait with one priority for one kind; the job with the smallest `v` is next.
//! - A **job** reads its rows in the order of ids, over all its hosts; the rest is in the store.
//! - A **window** holds those of one host. A **lane** is all windows of one (kind, host); closed, it takes their
//!   heads out of the bands.
//!
//! Hand-outs scan past nothing: a closed lane isn't in the sets that they look at. A job whose next rows lie in
//! closed lanes reads on past them, once.

mod band;
mod job;
mod lane;
mod lanes;
mod recent;
mod window;

pub(crate) use lane::{Lane, cool_down};

use crate::scheduler::{HostPolicy, RangeKey, RangeNeed, RangeRows, WindowKey, WindowNeed, WindowRows};
use crate::{JobId, LaneKey, TaskId, Timestamp, Waiting};
use band::Band;
use job::{JobQueue, Relisted};
use recent::Recent;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use window::Window;

/// Higher priorities sort first.
pub(crate) type BandKey = (Reverse<u8>, Arc<str>);

/// What a band offers next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This task.
    Task(WindowKey, TaskId),
    /// The next one is still in the store: nothing of this kind is handed out before it was read.
    Unread,
    /// Nothing in an open lane.
    Nothing,
}

/// Rows that a reading without room brings at most.
const SCARCE: usize = 16;
/// Rows that one step reads at most, all its readers together: every other input waits for it.
const READING: usize = 16_384;
/// Rows that a window looks at, for each that it may read: those of other hosts lie between its own.
const LOOKS: usize = 4;

/// All waiting tasks' order.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Never removed: virtual times outlive an empty moment, and there are 101 a kind at most.
    bands: BTreeMap<BandKey, Band>,
    lanes: BTreeMap<LaneKey, Lane>,
    /// Of lanes that were forgotten because nothing waits in them.
    recent: Recent,
    hosts: BTreeMap<Arc<str>, HostPolicy>,
    /// Jobs that are paused or being cancelled.
    held: BTreeSet<JobId>,
    /// Jobs and detached windows that should read on.
    ranges: Hungry<RangeKey>,
    windows: Hungry<WindowKey>,
    /// Lanes that no free worker may take now.
    parked: BTreeSet<LaneKey>,
    rows: usize,
    window_rows: usize,
    budget: usize,
}

/// What should be read on: all of it while there is room, otherwise what has nothing left.
#[derive(Debug)]
struct Hungry<K> {
    low: BTreeSet<K>,
    starving: BTreeSet<K>,
    /// Who read last: those behind it are next.
    last: Option<K>,
}

impl<K> Default for Hungry<K> {
    fn default() -> Self {
        Self { low: BTreeSet::new(), starving: BTreeSet::new(), last: None }
    }
}

impl<K: Ord + Clone> Hungry<K> {
    fn relist(&mut self, key: &K, change: Relisted) {
        let Some((before, now)) = change else { return };
        for (set, was, is) in [
            (&mut self.low, before.is_low(), now.is_low()),
            (&mut self.starving, before.is_starving(), now.is_starving()),
        ] {
            if is && !was {
                set.insert(key.clone());
            } else if was && !is {
                set.remove(key);
            }
        }
    }

    /// Who reads next, at most `most`: one after the other, for a search may take many readings.
    fn next(&self, room: usize, most: usize) -> Vec<&K> {
        let source = if room > 0 { &self.low } else { &self.starving };
        let Some(last) = &self.last else { return source.iter().take(most).collect() };
        let behind = source.range((Excluded(last), Unbounded));
        behind.chain(source.range(..=last)).take(most).collect()
    }
}

impl Queue {
    pub(crate) fn new(window_rows: usize, budget: usize) -> Self {
        Self { window_rows: window_rows.max(2), budget, ..Self::default() }
    }

    /// Rows in memory.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bands that offer something, highest priority first.
    pub(crate) fn active_bands(&self) -> impl Iterator<Item = (&BandKey, TaskId)> {
        self.bands.iter().filter_map(|(key, band)| band.next().map(|(_, offer)| (key, offer.task)))
    }

    pub(crate) fn next(&self, band: &BandKey) -> Next {
        match self.bands.get(band).and_then(Band::next) {
            None => Next::Nothing,
            Some((_, offer)) if offer.unread => Next::Unread,
            Some((job, offer)) => {
                let lane = LaneKey { kind: Arc::clone(&band.1), host: offer.host };
                Next::Task(WindowKey { lane, priority: band.0.0, job }, offer.task)
            }
        }
    }

    /// The first row of a window in memory.
    pub(crate) fn head_of(&self, key: &WindowKey) -> Option<&Waiting> {
        self.bands.get(&band_key(key))?.job(key.job)?.window(&key.lane.host)?.first()
    }

    /// A task became ready. `weight` is its job's. Whether it is kept in memory is the queue's business.
    pub(crate) fn insert(&mut self, waiting: Waiting, weight: u32) {
        let body = &waiting.body;
        let key = WindowKey { lane: body.lane.clone(), priority: body.priority, job: body.job };
        let held = self.held.contains(&key.job);
        let room = self.rows < self.budget;
        let cap = self.window_rows;
        let queue = self.bands.entry(band_key(&key)).or_default().make_job(key.job, weight, held);
        let has_room = room && queue.windows().map(|(_, w)| w.len()).take(cap).sum::<usize>() < cap;
        if queue.insert(waiting, has_room) {
            self.rows += 1;
            self.make_lane(&key.lane).join(&key);
        }
        self.settle(&key);
    }

    /// At takeover: the job has rows in the store.
    pub(crate) fn expect(&mut self, key: &RangeKey, weight: u32) {
        let held = self.held.contains(&key.job);
        let band_key = (Reverse(key.priority), Arc::clone(&key.kind));
        self.bands.entry(band_key.clone()).or_default().make_job(key.job, weight, held).expect_more();
        self.settle_job(&band_key, key.job);
    }

    /// Takes the row of a hand-out; charges its job. `None` if it isn't in memory (a bug in the caller).
    pub(crate) fn take(&mut self, key: &WindowKey, task: TaskId, now: Timestamp) -> Option<Waiting> {
        // Before the row goes, because its lane and its band may go with it.
        let policy = self.hosts.get(&key.lane.host).cloned();
        let lane = self.make_lane(&key.lane);
        lane.handed_out(now);
        let waiting = self.remove(key, task);
        if waiting.is_none() {
            self.run_ended(&key.lane, now);
            return None;
        }
        if let Some(band) = self.bands.get_mut(&band_key(key)) {
            band.charge(key.job);
        }
        self.apply_policy(&key.lane, policy.as_ref(), now);
        waiting
    }

    /// Takes a row out without charging: cancelled. `None` if it isn't in memory.
    pub(crate) fn remove(&mut self, key: &WindowKey, task: TaskId) -> Option<Waiting> {
        let queue = self.bands.get_mut(&band_key(key))?.job_mut(key.job)?;
        let taken = queue.window_mut(&key.lane.host)?.remove(task)?;
        self.rows -= 1;
        self.settle(key);
        Some(taken)
    }

    /// Forgets all rows of a job that is being cancelled.
    pub(crate) fn drop_job(&mut self, job: JobId) {
        let bands: Vec<BandKey> = self.bands.keys().cloned().collect();
        for band_key in bands {
            let Some(queue) = self.bands.get_mut(&band_key).and_then(|band| band.job_mut(job)) else {
                continue;
            };
            self.rows -= queue.windows().map(|(_, window)| window.len()).sum::<usize>();
            for host in queue.forget() {
                let lane = LaneKey { kind: Arc::clone(&band_key.1), host };
                self.settle(&WindowKey { lane, priority: band_key.0.0, job });
            }
            self.settle_job(&band_key, job);
        }
    }

    /// A held job offers nothing and reads nothing.
    pub(crate) fn hold(&mut self, job: JobId, held: bool) {
        if held {
            self.held.insert(job);
        } else {
            self.held.remove(&job);
        }
        let bands: Vec<BandKey> = self.bands.keys().cloned().collect();
        for band_key in bands {
            let Some(queue) = self.bands.get_mut(&band_key).and_then(|band| band.job_mut(job)) else {
                continue;
            };
            queue.held = held;
            let detached: Vec<Arc<str>> = queue
                .windows()
                .filter(|(_, window)| window.own_read_until().is_some())
                .map(|(host, _)| Arc::clone(host))
                .collect();
            for host in detached {
                let lane = LaneKey { kind: Arc::clone(&band_key.1), host };
                self.settle(&WindowKey { lane, priority: band_key.0.0, job });
            }
            self.settle_job(&band_key, job);
        }
    }

    /// Jobs that should read on before the next step, at most `most`.
    pub(crate) fn range_needs(&self, most: usize) -> Vec<RangeNeed> {
        let room = self.budget.saturating_sub(self.rows);
        let next = self.ranges.next(room, most);
        let limit = self.share(room, next.len());
        next.into_iter()
            .filter_map(|key| {
                let band = self.bands.get(&(Reverse(key.priority), Arc::clone(&key.kind)))?;
                Some(RangeNeed { key: key.clone(), after: band.job(key.job)?.read_until(), limit })
            })
            .collect()
    }

    /// Detached windows that should read on before the next step, at most `most`.
    pub(crate) fn window_needs(&self, most: usize) -> Vec<WindowNeed> {
        let room = self.budget.saturating_sub(self.rows);
        let next = self.windows.next(room, most);
        let limit = self.share(room, next.len());
        // What is looked at takes no room.
        let looks = LOOKS * self.share(READING, next.len());
        next.into_iter()
            .filter_map(|key| {
                let window = self.bands.get(&band_key(key))?.job(key.job)?.window(&key.lane.host)?;
                Some(WindowNeed { key: key.clone(), after: window.own_read_until()?, limit, looks })
            })
            .collect()
    }

    fn share(&self, room: usize, readers: usize) -> usize {
        let scarce = SCARCE.min(self.window_rows);
        (room.min(READING) / readers.max(1)).clamp(scarce, self.window_rows)
    }

    /// Whether a hand-out waits for a reading, or a job searches for an open lane.
    pub(crate) fn is_starved(&self) -> bool {
        !self.ranges.starving.is_empty() || !self.windows.starving.is_empty() || self.offers_unread()
    }

    fn offers_unread(&self) -> bool {
        self.bands.values().any(|band| band.next().is_some_and(|(_, offer)| offer.unread))
    }

    /// The rows that were read for a job.
    pub(crate) fn refill_range(&mut self, read: RangeRows) {
        self.ranges.last = Some(read.key.clone());
        let RangeKey { kind, priority, job } = &read.key;
        let band_key = (Reverse(*priority), Arc::clone(kind));
        let lanes = &self.lanes;
        let is_open = |host: &Arc<str>| {
            let key = LaneKey { kind: Arc::clone(kind), host: Arc::clone(host) };
            lanes.get(&key).is_none_or(Lane::is_open)
        };
        let Some(queue) = self.bands.get_mut(&band_key).and_then(|band| band.job_mut(*job)) else { return };
        let rows = |queue: &JobQueue| queue.windows().map(|(_, window)| window.len()).sum::<usize>();
        let before = rows(queue);
        let touched = queue.refill(read.rows, read.more, is_open);
        self.rows = self.rows + rows(queue) - before;
        for host in touched {
            let key =
                WindowKey { lane: LaneKey { kind: Arc::clone(kind), host }, priority: *priority, job: *job };
            self.make_lane(&key.lane).join(&key);
            self.settle(&key);
        }
        self.settle_job(&band_key, *job);
    }

    /// The rows that were read for a detached window.
    pub(crate) fn refill_window(&mut self, read: WindowRows) {
        let key = &read.key;
        self.windows.last = Some(key.clone());
        let queue = self.bands.get_mut(&band_key(key)).and_then(|band| band.job_mut(key.job));
        let Some(queue) = queue else { return };
        let rows = |queue: &JobQueue| queue.window(&key.lane.host).map_or(0, Window::len);
        let before = rows(queue);
        queue.refill_window(&key.lane.host, read.rows, read.rest);
        self.rows = self.rows + rows(queue) - before;
        self.settle(key);
    }

    /// After any change of a window: its head, its count, its place in the lane and in the sets.
    fn settle(&mut self, key: &WindowKey) {
        let open = self.lanes.get(&key.lane).is_none_or(Lane::is_open);
        let band_key = band_key(key);
        let Some(queue) = self.bands.get_mut(&band_key).and_then(|band| band.job_mut(key.job)) else {
            return;
        };
        let change = queue.settle(&key.lane.host, open, self.window_rows);
        let gone = queue.window(&key.lane.host).is_none();
        self.windows.relist(key, change);
        if gone {
            if let Some(lane) = self.lanes.get_mut(&key.lane) {
                lane.leave(key);
            }
            self.forget_idle_lane(&key.lane);
        }
        self.settle_job(&band_key, key.job);
    }

    /// After any change of a job: its place among the active ones and in the sets.
    fn settle_job(&mut self, band_key: &BandKey, job: JobId) {
        let Some(band) = self.bands.get_mut(band_key) else { return };
        band.refresh(job);
        let change = band.job_mut(job).and_then(|queue| queue.relist(self.window_rows));
        if change.is_some() {
            let key = RangeKey { kind: Arc::clone(&band_key.1), priority: band_key.0.0, job };
            self.ranges.relist(&key, change);
        }
    }
}

/// For the predicates that tests, simulation and debug builds share.
impl Queue {
    /// Every job's reading: the range, how far it has read, whether the store has more, and its windows.
    pub(crate) fn readings(&self) -> impl Iterator<Item = Reading> {
        self.bands.iter().flat_map(|((priority, kind), band)| {
            band.jobs().map(move |(job, queue)| Reading {
                key: RangeKey { kind: Arc::clone(kind), priority: priority.0, job },
                read_until: queue.read_until(),
                more: queue.has_more(),
                windows: queue.windows().map(|(h, w)| (Arc::clone(h), w.ids(), w.own_read_until())).collect(),
            })
        })
    }

    /// When the oldest row in memory was created, by kind; those without rows are left out.
    pub(crate) fn oldest(&self) -> BTreeMap<&Arc<str>, Timestamp> {
        let mut oldest = BTreeMap::new();
        for ((_, kind), band) in &self.bands {
            let windows = band.jobs().flat_map(|(_, queue)| queue.windows());
            for row in windows.filter_map(|(_, window)| window.first()) {
                let at = oldest.entry(kind).or_insert(row.body.created_at);
                *at = row.body.created_at.min(*at);
            }
        }
        oldest
    }

    /// What is inconsistent inside, in words; empty when sound.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let rows: usize = self.bands.values().map(Band::rows).sum();
        if rows != self.rows {
            faults.push(format!("queue counts {} rows, has {rows}", self.rows));
        }
        for ((priority, kind), band) in &self.bands {
            let lane_open = |host: &Arc<str>| {
                let key = LaneKey { kind: Arc::clone(kind), host: Arc::clone(host) };
                self.lanes.get(&key).is_none_or(Lane::is_open)
            };
            faults.extend(
                band.faults(lane_open).into_iter().map(|f| format!("band {} {kind}: {f}", priority.0)),
            );
        }
        faults
    }
}

/// How far a job has read, for the comparison with the store.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Which.
    pub key: RangeKey,
    /// All rows up to here are in memory, those of detached windows apart.
    pub read_until: TaskId,
    /// Whether the store may have rows above it.
    pub more: bool,
    /// Host, rows in memory, and how far it has read by itself where it is detached.
    pub windows: Vec<(Arc<str>, Vec<TaskId>, Option<TaskId>)>,
}

fn band_key(key: &WindowKey) -> BandKey {
    (Reverse(key.priority), Arc::clone(&key.lane.kind))
}
