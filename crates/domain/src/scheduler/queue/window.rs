//! The waiting rows of one (kind, priority, job, host) that are in memory, ordered by id.
//!
//! As a rule a window is **attached**: its job reads on for all its hosts together, and all rows of the host up
//! to where the job has read are here. A window whose lane is closed for long is **detached**: the job reads on
//! past it, and it reads on by itself from its own place once the lane is open.

use crate::{TaskId, Waiting};
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct Window {
    rows: VecDeque<Waiting>,
    detached: Option<Detached>,
}

/// Readings without a row after which other windows no longer wait for this one's next.
const LONG_SEARCH: u32 = 16;

/// Where a detached window has read to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Detached {
    /// All of the host's rows up to here are in memory.
    read_until: TaskId,
    /// Readings in a row that brought none.
    fruitless: u32,
}

/// The first row of a window, or the knowledge that what is left lies above an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) task: TaskId,
    pub(super) unread: bool,
}

/// Whether more should be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hunger {
    #[default]
    Sated,
    /// Little is left.
    Low,
    /// Nothing is left in memory.
    Starving,
}

impl Hunger {
    /// By the rows left, where the store has more.
    pub(super) fn of(rows: usize, cap: usize) -> Self {
        match rows {
            0 => Self::Starving,
            n if n <= cap / 4 => Self::Low,
            _ => Self::Sated,
        }
    }

    pub(super) fn is_low(self) -> bool {
        self != Self::Sated
    }

    pub(super) fn is_starving(self) -> bool {
        self == Self::Starving
    }
}

impl Window {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Nothing to remember: no row here, and the job's reading covers the host.
    pub(super) fn is_exhausted(&self) -> bool {
        self.rows.is_empty() && self.detached.is_none()
    }

    pub(super) fn first(&self) -> Option<&Waiting> {
        self.rows.front()
    }

    pub(super) fn ids(&self) -> Vec<TaskId> {
        self.rows.iter().map(|r| r.body.id).collect()
    }

    pub(super) fn head(&self) -> Option<Head> {
        match (self.rows.front(), self.detached) {
            (Some(row), _) => Some(Head { task: row.body.id, unread: false }),
            // A long search goes on in the background and holds nobody up.
            (None, Some(own)) if own.fruitless >= LONG_SEARCH => None,
            (None, Some(own)) => Some(Head { task: own.read_until, unread: true }),
            (None, None) => None,
        }
    }

    /// Where it has read to by itself, if it is detached.
    pub(super) fn own_read_until(&self) -> Option<TaskId> {
        self.detached.map(|own| own.read_until)
    }

    /// In order of ids; a row that is here already stays.
    pub(super) fn insert(&mut self, waiting: Waiting) {
        let id = waiting.body.id;
        if self.rows.back().is_none_or(|last| last.body.id < id) {
            self.rows.push_back(waiting);
        } else if let Err(at) = self.rows.binary_search_by(|row| row.body.id.cmp(&id)) {
            self.rows.insert(at, waiting);
        }
    }

    pub(super) fn remove(&mut self, task: TaskId) -> Option<Waiting> {
        let at = self.rows.binary_search_by(|row| row.body.id.cmp(&task)).ok()?;
        self.rows.remove(at)
    }

    /// The job reads on past this host: rows from `row` on are left in the store.
    pub(super) fn detach_before(&mut self, row: TaskId) {
        self.detached.get_or_insert(Detached { read_until: row.before(), fruitless: 0 });
    }

    /// Its own reading, which goes on at `rest`. Without one it is covered by its job's reading again.
    pub(super) fn refill(&mut self, rows: Vec<Waiting>, rest: Option<TaskId>) {
        self.detached = match (self.detached, rest) {
            (Some(own), Some(read_until)) => {
                let fruitless = if rows.is_empty() { own.fruitless.saturating_add(1) } else { 0 };
                Some(Detached { read_until, fruitless })
            }
            _ => None,
        };
        for row in rows {
            self.insert(row);
        }
    }
}
