//! One job in one band: its windows, how far it has read, and its virtual time.

use super::window::{Head, Hunger, Window};
use crate::{JobId, TaskId, Waiting};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rows of a closed lane that a job keeps in memory before it reads on past them.
const CLOSED_ROWS: usize = 16;

/// Rows in closed lanes after which other jobs no longer wait for this one's next.
const LONG_SEARCH: usize = 4_096;

#[derive(Debug)]
pub(super) struct JobQueue {
    pub(super) v: u64,
    /// The turn of its last hand-out, or when it came.
    pub(super) served: u64,
    pub(super) weight: u32,
    pub(super) held: bool,
    pub(super) active: bool,
    front: Front,
    windows: BTreeMap<Arc<str>, Slot>,
    /// Heads of windows in open lanes.
    heads: BTreeSet<(TaskId, bool, Arc<str>)>,
    /// Rows in memory in open lanes.
    open_rows: usize,
    /// As the queue has it listed.
    listed: Hunger,
}

/// How far the job has read over all its hosts.
#[derive(Clone, Copy, Debug)]
struct Front {
    /// All rows up to here are in memory, those of detached windows apart.
    read_until: TaskId,
    /// Whether the store has (or may have) rows above it.
    more: bool,
    /// Rows that were read since the last one in an open lane.
    searched: usize,
}

impl Front {
    /// A long search goes on in the background and holds nobody up.
    fn is_searching(self) -> bool {
        self.more && self.searched >= LONG_SEARCH
    }
}

#[derive(Debug, Default)]
struct Slot {
    window: Window,
    /// As it stands in `heads`.
    listed: Option<Head>,
    /// As counted in `open_rows`.
    open_rows: usize,
    /// As the queue has it listed.
    hunger: Hunger,
}

/// What a job hands out next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) task: TaskId,
    pub(super) unread: bool,
    pub(super) host: Arc<str>,
}

/// A change of listing, for the queue's sets.
pub(super) type Relisted = Option<(Hunger, Hunger)>;

impl JobQueue {
    pub(super) fn new(weight: u32, held: bool, served: u64) -> Self {
        let front = Front { read_until: TaskId::NIL, more: false, searched: 0 };
        Self {
            v: 0,
            served,
            weight: weight.max(1),
            held,
            active: false,
            front,
            windows: BTreeMap::new(),
            heads: BTreeSet::new(),
            open_rows: 0,
            listed: Hunger::Sated,
        }
    }

    /// Where it stands among the active.
    pub(super) fn place(&self, job: JobId) -> (u64, u64, JobId) {
        (self.v, self.served, job)
    }

    pub(super) fn next(&self) -> Option<Offer> {
        if !self.front.is_searching() && self.is_ahead_of_reading() {
            return Some(Offer { task: self.front.read_until, unread: true, host: Arc::from("") });
        }
        self.heads.first().map(|(task, unread, host)| Offer {
            task: *task,
            unread: *unread,
            host: Arc::clone(host),
        })
    }

    /// Whether a row that was not read may come before every row in memory.
    fn is_ahead_of_reading(&self) -> bool {
        self.front.more && self.heads.first().is_none_or(|(task, ..)| self.front.read_until < *task)
    }

    pub(super) fn should_be_active(&self) -> bool {
        !self.held && (!self.heads.is_empty() || self.front.more && !self.front.is_searching())
    }

    /// Nothing waits, here or in the store.
    pub(super) fn is_empty(&self) -> bool {
        self.windows.is_empty() && !self.front.more
    }

    pub(super) fn window(&self, host: &Arc<str>) -> Option<&Window> {
        self.windows.get(host).map(|slot| &slot.window)
    }

    pub(super) fn window_mut(&mut self, host: &Arc<str>) -> Option<&mut Window> {
        self.windows.get_mut(host).map(|slot| &mut slot.window)
    }

    pub(super) fn windows(&self) -> impl Iterator<Item = (&Arc<str>, &Window)> {
        self.windows.iter().map(|(host, slot)| (host, &slot.window))
    }

    pub(super) fn read_until(&self) -> TaskId {
        self.front.read_until
    }

    pub(super) fn has_more(&self) -> bool {
        self.front.more
    }

    /// The store has rows that were never read (takeover).
    pub(super) fn expect_more(&mut self) {
        self.front.more = true;
    }

    /// Forgets everything: the job is being ended.
    pub(super) fn forget(&mut self) -> Vec<Arc<str>> {
        self.front.more = false;
        for slot in self.windows.values_mut() {
            slot.window = Window::default();
        }
        self.windows.keys().cloned().collect()
    }

    /// A row became ready. It is kept where all before it are in memory; otherwise the store has it.
    pub(super) fn insert(&mut self, waiting: Waiting, room: bool) -> bool {
        let id = waiting.body.id;
        let host = &waiting.body.lane.host;
        if let Some(own) = self.windows.get(host).and_then(|slot| slot.window.own_read_until()) {
            if id > own {
                return false;
            }
        } else if id > self.front.read_until {
            if self.front.more {
                return false;
            }
            if !room {
                self.front.more = true;
                self.front.read_until = id.before();
                return false;
            }
        }
        let host = Arc::clone(host);
        self.windows.entry(host).or_default().window.insert(waiting);
        true
    }

    /// Rows that were read for all hosts together. The hosts whose windows changed.
    pub(super) fn refill(
        &mut self,
        rows: Vec<Waiting>,
        more: bool,
        is_open: impl Fn(&Arc<str>) -> bool,
    ) -> BTreeSet<Arc<str>> {
        let mut touched = BTreeSet::new();
        let mut found = false;
        let read = rows.len();
        if let Some(last) = rows.last() {
            self.front.read_until = last.body.id;
        }
        self.front.more = more;
        for row in rows {
            let host = Arc::clone(&row.body.lane.host);
            let open = is_open(&host);
            let window = &mut self.windows.entry(Arc::clone(&host)).or_default().window;
            touched.insert(host);
            if window.own_read_until().is_some() {
                // It reads by itself.
                continue;
            }
            if !open && window.len() >= CLOSED_ROWS {
                window.detach_before(row.body.id);
                continue;
            }
            found |= open;
            window.insert(row);
        }
        self.front.searched = if found || !more { 0 } else { self.front.searched + read };
        touched
    }

    /// Rows that were read for one host. Where its window has caught up with the job, which reads on, it goes on with it.
    pub(super) fn refill_window(&mut self, host: &Arc<str>, rows: Vec<Waiting>, rest: Option<TaskId>) {
        let Front { read_until, more, .. } = self.front;
        if let Some(slot) = self.windows.get_mut(host) {
            slot.window.refill(rows, rest.filter(|rest| !more || *rest < read_until));
        }
    }

    /// Brings a window's head and count up to date; drops it when nothing is left of it. Its change of listing.
    pub(super) fn settle(&mut self, host: &Arc<str>, lane_open: bool, cap: usize) -> Relisted {
        let slot = self.windows.get_mut(host)?;
        let head = if lane_open { slot.window.head() } else { None };
        if slot.listed != head {
            if let Some(old) = slot.listed.take() {
                self.heads.remove(&(old.task, old.unread, Arc::clone(host)));
            }
            if let Some(new) = head {
                self.heads.insert((new.task, new.unread, Arc::clone(host)));
            }
            slot.listed = head;
        }
        let open_rows = if lane_open { slot.window.len() } else { 0 };
        self.open_rows = self.open_rows + open_rows - slot.open_rows;
        slot.open_rows = open_rows;
        let reads_itself = lane_open && !self.held && slot.window.own_read_until().is_some();
        let hunger = if reads_itself { Hunger::of(slot.window.len(), cap) } else { Hunger::Sated };
        let before = std::mem::replace(&mut slot.hunger, hunger);
        if slot.window.is_exhausted() {
            self.windows.remove(host);
        }
        (before != hunger).then_some((before, hunger))
    }

    /// The change of the job's own listing.
    pub(super) fn relist(&mut self, cap: usize) -> Relisted {
        let reads = self.front.more && !self.held;
        let hunger = match reads {
            true if self.is_ahead_of_reading() => Hunger::Starving,
            true => Hunger::of(self.open_rows, cap),
            false => Hunger::Sated,
        };
        let before = std::mem::replace(&mut self.listed, hunger);
        (before != hunger).then_some((before, hunger))
    }

    /// What is inconsistent, in words.
    pub(super) fn faults(&self, lane_open: impl Fn(&Arc<str>) -> bool) -> Vec<String> {
        let mut faults = Vec::new();
        let mut open_rows = 0;
        for (host, slot) in &self.windows {
            let open = lane_open(host);
            let want = if open { slot.window.head() } else { None };
            if slot.listed != want {
                faults.push(format!("{host}: head {want:?} listed as {:?}", slot.listed));
            }
            if slot.window.ids().windows(2).any(|pair| pair[0] >= pair[1]) {
                faults.push(format!("{host}: rows out of order"));
            }
            open_rows += if open { slot.window.len() } else { 0 };
        }
        if open_rows != self.open_rows {
            faults.push(format!("{open_rows} open rows counted as {}", self.open_rows));
        }
        if self.active != self.should_be_active() {
            faults.push(format!("active {} with {} heads", self.active, self.heads.len()));
        }
        faults
    }
}
