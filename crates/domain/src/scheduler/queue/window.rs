//! The first rows of one (kind, priority, job, host), ordered by id; the rest is in the store.
//!
//! Invariant: the rows in memory are exactly the first rows of the range in the store.

use crate::{TaskId, Waiting};
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct Window {
    rows: VecDeque<Waiting>,
    /// An id that was the last in memory once: everything in the store lies above it.
    floor: Option<TaskId>,
    /// Whether the store has (or may have) rows beyond the last one in memory.
    more: bool,
    /// As the queue has it listed.
    listed: Hunger,
}

/// Whether a window should be read on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hunger {
    #[default]
    Sated,
    /// Less than a quarter of its room is left.
    Low,
    /// Nothing is left in memory.
    Starving,
}

impl Hunger {
    pub(super) fn is_low(self) -> bool {
        self != Self::Sated
    }

    pub(super) fn is_starving(self) -> bool {
        self == Self::Starving
    }
}

/// The head of a window: a row, or the knowledge that all that is left lies above an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) task: TaskId,
    pub(super) unread: bool,
}

impl Window {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn has_more(&self) -> bool {
        self.more
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.rows.is_empty() && !self.more
    }

    /// Whether it should be read on, with room for `cap` rows.
    pub(super) fn hunger(&self, cap: usize) -> Hunger {
        match self.rows.len() {
            _ if !self.more => Hunger::Sated,
            0 => Hunger::Starving,
            n if n <= cap / 4 => Hunger::Low,
            _ => Hunger::Sated,
        }
    }

    /// Remembers how the queue lists it; what it was listed as, where that changed.
    pub(super) fn list(&mut self, hunger: Hunger) -> Option<Hunger> {
        let before = std::mem::replace(&mut self.listed, hunger);
        (before != hunger).then_some(before)
    }

    pub(super) fn head(&self) -> Option<Head> {
        match self.rows.front() {
            Some(row) => Some(Head { task: row.body.id, unread: false }),
            None if self.more => Some(Head { task: self.floor.unwrap_or(TaskId::NIL), unread: true }),
            None => None,
        }
    }

    pub(super) fn first(&self) -> Option<&Waiting> {
        self.rows.front()
    }

    /// The store has nothing at or below this id that is not in memory: reading goes on above it.
    pub(super) fn read_until(&self) -> TaskId {
        self.rows.back().map(|r| r.body.id).max(self.floor).unwrap_or(TaskId::NIL)
    }

    pub(super) fn ids(&self) -> Vec<TaskId> {
        self.rows.iter().map(|r| r.body.id).collect()
    }

    /// Keeps the row in memory where it belongs to the first rows; otherwise the store has it.
    pub(super) fn insert(&mut self, waiting: Waiting, cap: usize) {
        let id = waiting.body.id;
        if id > self.read_until() && (self.more || self.rows.len() >= cap) {
            self.more = true;
            return;
        }
        let at = self.rows.partition_point(|row| row.body.id < id);
        self.rows.insert(at, waiting);
        // Returned tasks may overfill it; the tail is dropped only when far over, to stay cheap.
        if self.rows.len() > cap.saturating_mul(2).max(8) {
            self.rows.truncate(cap.max(1));
            self.floor = None;
            self.more = true;
        }
    }

    pub(super) fn load_head(&mut self, head: Waiting) {
        self.rows.push_back(head);
        self.more = true;
    }

    pub(super) fn refill(&mut self, rows: Vec<Waiting>, more: bool) {
        self.rows.extend(rows);
        self.more = more;
    }

    pub(super) fn remove(&mut self, task: TaskId) -> Option<Waiting> {
        let at = self.rows.binary_search_by(|row| row.body.id.cmp(&task)).ok()?;
        let last = at + 1 == self.rows.len();
        let taken = self.rows.remove(at)?;
        if last && self.floor.is_none_or(|floor| floor < task) {
            self.floor = Some(task);
        }
        Some(taken)
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.more = false;
    }
}
