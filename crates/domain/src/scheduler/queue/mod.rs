//! What waits: bands of (kind, priority), fair between jobs, polite by lanes.
//!
//! - A **band** holds the jobs that wait with one priority for one kind; the job with the smallest `v` is next.
//! - A **window** holds the first rows of one (band, job, host) in memory; the rest is in the store.
//! - A **lane** is all windows of one (kind, host); closed, it takes their heads out of the bands.
//!
//! Nothing is ever scanned past: a closed lane isn't in the sets that hand-outs look at.

mod band;
mod lane;
mod window;

pub(crate) use lane::{Lane, cool_down};

use crate::scheduler::{HostPolicy, LaneRow, WindowKey, WindowNeed, WindowRows};
use crate::{JobId, LaneKey, TaskId, Timestamp, Waiting};
use band::Band;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
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

/// All waiting tasks' order.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    bands: BTreeMap<BandKey, Band>,
    lanes: BTreeMap<LaneKey, Lane>,
    hosts: BTreeMap<Arc<str>, HostPolicy>,
    /// Jobs that are paused or being cancelled.
    held: BTreeSet<JobId>,
    /// Windows that should be read on while there is room.
    low: BTreeSet<WindowKey>,
    /// Of those, the ones with nothing left in memory: read on even without room.
    starving: BTreeSet<WindowKey>,
    /// Lanes that no free worker may take now.
    parked: BTreeSet<LaneKey>,
    rows: usize,
    window_rows: usize,
    budget: usize,
}

impl Queue {
    pub(crate) fn new(window_rows: usize, budget: usize) -> Self {
        Self { window_rows: window_rows.max(2), budget, ..Self::default() }
    }

    /// Rows in memory.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bands that may have something, highest priority first.
    pub(crate) fn active_bands(&self) -> impl Iterator<Item = (&BandKey, TaskId)> {
        self.bands.iter().filter_map(|(key, band)| band.oldest_offer().map(|head| (key, head)))
    }

    pub(crate) fn next(&self, band: &BandKey) -> Next {
        let Some(found) = self.bands.get(band).and_then(Band::next) else { return Next::Nothing };
        if found.unread {
            return Next::Unread;
        }
        let lane = LaneKey { kind: Arc::clone(&band.1), host: found.host };
        Next::Task(WindowKey { lane, priority: band.0.0, job: found.job }, found.task)
    }

    /// The first row of a window in memory.
    pub(crate) fn head_of(&self, key: &WindowKey) -> Option<&Waiting> {
        self.bands.get(&band_key(key))?.window(key.job, &key.lane.host)?.first()
    }

    /// A task became ready. `weight` is its job's. Whether it is kept in memory is the queue's business.
    pub(crate) fn insert(&mut self, waiting: Waiting, weight: u32) {
        let body = &waiting.body;
        let key = WindowKey { lane: body.lane.clone(), priority: body.priority, job: body.job };
        let cap = self.window_cap();
        let window = self.window_mut(&key, weight);
        let before = window.len();
        window.insert(waiting, cap);
        self.settle(&key, before);
    }

    /// A window at takeover: its first row; more may be in the store.
    pub(crate) fn insert_head(&mut self, head: Waiting, weight: u32) {
        let body = &head.body;
        let key = WindowKey { lane: body.lane.clone(), priority: body.priority, job: body.job };
        let window = self.window_mut(&key, weight);
        let before = window.len();
        window.load_head(head);
        self.settle(&key, before);
    }

    /// Takes the row of a hand-out; charges its job. `None` if it isn't in memory (a bug in the caller).
    pub(crate) fn take(&mut self, key: &WindowKey, task: TaskId, now: Timestamp) -> Option<Waiting> {
        let waiting = self.remove(key, task)?;
        if let Some(band) = self.bands.get_mut(&band_key(key)) {
            band.charge(key.job);
        }
        let policy = self.hosts.get(&key.lane.host).cloned();
        let lane = self.lanes.entry(key.lane.clone()).or_default();
        lane.handed_out(now);
        self.apply_policy(&key.lane, policy.as_ref(), now);
        Some(waiting)
    }

    /// Takes a row out without charging: cancelled. `None` if it isn't in memory.
    pub(crate) fn remove(&mut self, key: &WindowKey, task: TaskId) -> Option<Waiting> {
        let window = self.bands.get_mut(&band_key(key))?.window_mut(key.job, &key.lane.host)?;
        let before = window.len();
        let taken = window.remove(task);
        self.settle(key, before);
        taken
    }

    /// Forgets all rows of a job that is being cancelled.
    pub(crate) fn drop_job(&mut self, job: JobId) {
        let keys: Vec<WindowKey> = self
            .bands
            .iter()
            .flat_map(|((priority, kind), band)| {
                band.hosts(job).map(move |host| WindowKey {
                    lane: LaneKey { kind: Arc::clone(kind), host },
                    priority: priority.0,
                    job,
                })
            })
            .collect();
        for key in keys {
            if let Some(window) =
                self.bands.get_mut(&band_key(&key)).and_then(|b| b.window_mut(job, &key.lane.host))
            {
                let before = window.len();
                window.clear();
                self.settle(&key, before);
            }
        }
    }

    /// A held job offers nothing.
    pub(crate) fn hold(&mut self, job: JobId, held: bool) {
        if held {
            self.held.insert(job);
        } else {
            self.held.remove(&job);
        }
        for band in self.bands.values_mut() {
            band.set_held(job, held);
        }
    }

    /// Windows that should be read on before the next step, at most `most`.
    pub(crate) fn needs(&self, most: usize) -> Vec<WindowNeed> {
        let room = self.budget.saturating_sub(self.rows);
        let source = if room > 0 { &self.low } else { &self.starving };
        let share = (room / source.len().clamp(1, most)).clamp(1, self.window_rows);
        source
            .iter()
            .take(most)
            .filter_map(|key| {
                let window = self.bands.get(&band_key(key))?.window(key.job, &key.lane.host)?;
                let limit = self.window_rows.saturating_sub(window.len()).clamp(1, share);
                Some(WindowNeed { key: key.clone(), after: window.read_until(), limit })
            })
            .collect()
    }

    /// Whether a hand-out waits for a reading.
    pub(crate) fn is_starved(&self) -> bool {
        self.bands.values().any(|b| b.next().is_some_and(|n| n.unread))
    }

    /// The rows that were read for a need.
    pub(crate) fn refill(&mut self, read: WindowRows) {
        let window = self
            .bands
            .get_mut(&band_key(&read.key))
            .and_then(|band| band.window_mut(read.key.job, &read.key.lane.host));
        if let Some(window) = window {
            let before = window.len();
            window.refill(read.rows, read.more);
            self.settle(&read.key, before);
        }
    }

    fn window_cap(&self) -> usize {
        if self.rows < self.budget { self.window_rows } else { 1 }
    }

    fn window_mut(&mut self, key: &WindowKey, weight: u32) -> &mut Window {
        let held = self.held.contains(&key.job);
        self.lanes.entry(key.lane.clone()).or_default().join(key);
        self.bands.entry(band_key(key)).or_default().make_window(key.job, &key.lane.host, weight, held)
    }

    /// After any change of a window: its head in the band, its place in the lane, the count of rows.
    fn settle(&mut self, key: &WindowKey, rows_before: usize) {
        let open = self.lanes.get(&key.lane).is_none_or(Lane::is_open);
        let band_key = band_key(key);
        let Some(band) = self.bands.get_mut(&band_key) else { return };
        let Some(window) = band.window_mut(key.job, &key.lane.host) else { return };
        self.rows = self.rows + window.len() - rows_before;
        let gone = window.is_exhausted();
        let hunger = window.hunger(self.window_rows);
        if let Some(before) = window.list(hunger) {
            relist(&mut self.low, key, before.is_low(), hunger.is_low());
            relist(&mut self.starving, key, before.is_starving(), hunger.is_starving());
        }
        band.settle(key.job, &key.lane.host, open);
        if gone {
            if band.is_empty() {
                self.bands.remove(&band_key);
            }
            if let Some(lane) = self.lanes.get_mut(&key.lane) {
                lane.leave(key);
            }
            self.forget_idle_lane(&key.lane);
        }
    }

    fn forget_idle_lane(&mut self, key: &LaneKey) {
        if self.lanes.get(key).is_some_and(Lane::is_idle) {
            self.lanes.remove(key);
            self.parked.remove(key);
        }
    }
}

fn relist(set: &mut BTreeSet<WindowKey>, key: &WindowKey, before: bool, now: bool) {
    if before != now {
        if now {
            set.insert(key.clone());
        } else {
            set.remove(key);
        }
    }
}

/// Lanes.
impl Queue {
    pub(crate) fn lane(&self, key: &LaneKey) -> Option<&Lane> {
        self.lanes.get(key)
    }

    pub(crate) fn lanes_of<'a>(&'a self, host: &'a str) -> impl Iterator<Item = (&'a LaneKey, &'a Lane)> {
        self.lanes.iter().filter(move |(key, _)| &*key.host == host)
    }

    pub(crate) fn load_lane(&mut self, row: &LaneRow) {
        self.lanes.entry(row.key.clone()).or_default().load(row);
    }

    pub(crate) fn policy(&self, host: &str) -> Option<&HostPolicy> {
        self.hosts.get(host)
    }

    /// Sets a host's policy and applies it to its lanes.
    pub(crate) fn set_policy(&mut self, policy: HostPolicy, now: Timestamp) {
        let keys: Vec<_> = self.lanes_of(&policy.host).map(|(key, _)| key.clone()).collect();
        self.hosts.insert(Arc::clone(&policy.host), policy.clone());
        for key in keys {
            self.apply_policy(&key, Some(&policy), now);
        }
    }

    /// A lease of the lane exists from before (takeover).
    pub(crate) fn load_running(&mut self, key: &LaneKey, handed_out: Timestamp) {
        self.lanes.entry(key.clone()).or_default().load_running(handed_out);
    }

    /// A run of the lane ended.
    pub(crate) fn run_ended(&mut self, key: &LaneKey, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.run_ended();
        }
        self.reconsider(key, now);
    }

    /// `THROTTLED`: the lane cools down, longer each time in a row. The row to persist.
    pub(crate) fn cool(&mut self, key: &LaneKey, now: Timestamp) -> LaneRow {
        let lane = self.lanes.entry(key.clone()).or_default();
        lane.cool(now);
        let row = lane.row(key);
        self.reconsider(key, now);
        row
    }

    /// A page came through: the next cool-down is short again. The row to persist where that is news.
    pub(crate) fn warm(&mut self, key: &LaneKey) -> Option<LaneRow> {
        let lane = self.lanes.get_mut(key)?;
        lane.warm().then(|| lane.row(key))
    }

    /// No free worker may take this host now: out of the bands until [`Queue::unpark`].
    pub(crate) fn park(&mut self, key: &LaneKey) {
        self.parked.insert(key.clone());
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.set_parked(true);
        }
        self.apply_openness(key);
    }

    pub(crate) fn parked(&self) -> Vec<LaneKey> {
        self.parked.iter().cloned().collect()
    }

    pub(crate) fn unpark(&mut self, key: &LaneKey) {
        self.parked.remove(key);
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.set_parked(false);
        }
        self.apply_openness(key);
    }

    /// Opens or closes a lane by its policy and its clock.
    pub(crate) fn reconsider(&mut self, key: &LaneKey, now: Timestamp) {
        let policy = self.hosts.get(&key.host).cloned();
        self.apply_policy(key, policy.as_ref(), now);
    }

    fn apply_policy(&mut self, key: &LaneKey, policy: Option<&HostPolicy>, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        if lane.decide(policy, now) {
            self.apply_openness(key);
        }
        self.forget_idle_lane(key);
    }

    fn apply_openness(&mut self, key: &LaneKey) {
        let Some(lane) = self.lanes.get(key) else { return };
        let open = lane.is_open();
        for (priority, job) in lane.members() {
            if let Some(band) = self.bands.get_mut(&(Reverse(priority), Arc::clone(&key.kind))) {
                band.settle(job, &key.host, open);
            }
        }
    }
}

/// For the predicates that tests, simulation and debug builds share.
impl Queue {
    /// Every window with its rows and whether the store has more.
    pub(crate) fn windows(&self) -> impl Iterator<Item = (WindowKey, Vec<TaskId>, bool)> {
        self.bands.iter().flat_map(|((priority, kind), band)| {
            band.windows().map(move |(job, host, window)| {
                let lane = LaneKey { kind: Arc::clone(kind), host: Arc::clone(host) };
                (WindowKey { lane, priority: priority.0, job }, window.ids(), window.has_more())
            })
        })
    }

    /// When the oldest row in memory was created.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.bands.values().filter_map(Band::oldest_row).map(|w| w.body.created_at).min()
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

fn band_key(key: &WindowKey) -> BandKey {
    (Reverse(key.priority), Arc::clone(&key.lane.kind))
}
