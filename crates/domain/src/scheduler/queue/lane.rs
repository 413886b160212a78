//! A lane: when it may be handed out of, and who waits in it.

use crate::scheduler::{HostPolicy, LaneRow, WindowKey};
use crate::{JobId, LaneKey, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;

/// First cool-down; doubles with each in a row.
const COOL_BASE: Duration = Duration::from_secs(2);
/// The cool-down never grows past this.
const COOL_CAP: Duration = Duration::from_secs(60);

/// How long the `level`-th cool-down in a row is, from 1.
pub(crate) fn cool_down(level: u8) -> Duration {
    COOL_BASE.saturating_mul(1 << u32::from(level.saturating_sub(1)).min(10)).min(COOL_CAP)
}

#[derive(Debug, Default)]
pub(crate) struct Lane {
    running: u32,
    last_handout: Timestamp,
    cool_until: Timestamp,
    cool_level: u8,
    /// Closed until then; `Timestamp::MAX` while its concurrency is used up.
    closed_until: Option<Timestamp>,
    parked: bool,
    members: BTreeSet<(u8, JobId)>,
}

impl Lane {
    /// A lane that comes back to memory; it was last handed out of then.
    pub(super) fn left(last_handout: Option<Timestamp>) -> Self {
        Self { last_handout: last_handout.unwrap_or_default(), ..Self::default() }
    }

    pub(super) fn last_handout(&self) -> Timestamp {
        self.last_handout
    }

    pub(crate) fn is_open(&self) -> bool {
        self.closed_until.is_none() && !self.parked
    }

    pub(crate) fn is_parked(&self) -> bool {
        self.parked
    }

    pub(crate) fn running(&self) -> u32 {
        self.running
    }

    /// When a closed lane opens by the clock; `None` when open or waiting for a run to end.
    pub(crate) fn opens_at(&self) -> Option<Timestamp> {
        self.closed_until.filter(|t| *t != Timestamp::MAX)
    }

    pub(crate) fn cooling_until(&self, now: Timestamp) -> Option<Timestamp> {
        (self.cool_until > now).then_some(self.cool_until)
    }

    pub(super) fn set_parked(&mut self, parked: bool) {
        self.parked = parked;
    }

    pub(super) fn join(&mut self, key: &WindowKey) {
        self.members.insert((key.priority, key.job));
    }

    pub(super) fn leave(&mut self, key: &WindowKey) {
        self.members.remove(&(key.priority, key.job));
    }

    pub(super) fn members(&self) -> Vec<(u8, JobId)> {
        self.members.iter().copied().collect()
    }

    /// Nothing to remember: it may be forgotten.
    pub(super) fn is_idle(&self) -> bool {
        self.members.is_empty() && self.running == 0 && self.closed_until.is_none() && self.cool_level == 0
    }

    pub(super) fn handed_out(&mut self, now: Timestamp) {
        self.running += 1;
        self.last_handout = now;
    }

    pub(super) fn load_running(&mut self, handed_out: Timestamp) {
        self.running += 1;
        self.last_handout = self.last_handout.max(handed_out);
    }

    pub(super) fn run_ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    pub(super) fn cool(&mut self, now: Timestamp) {
        // Pages that were under way when the lane closed bring the same news: one step up, not one each.
        if self.cool_until <= now {
            self.cool_level = self.cool_level.saturating_add(1);
            self.cool_until = now + cool_down(self.cool_level);
        }
    }

    pub(super) fn warm(&mut self) -> bool {
        let news = self.cool_level > 0;
        self.cool_level = 0;
        news
    }

    pub(super) fn load(&mut self, row: &LaneRow) {
        self.cool_until = row.cool_until;
        self.cool_level = row.cool_level;
        self.last_handout = row.last_handout;
    }

    pub(super) fn row(&self, key: &LaneKey) -> LaneRow {
        LaneRow {
            key: key.clone(),
            cool_until: self.cool_until,
            cool_level: self.cool_level,
            last_handout: self.last_handout,
        }
    }

    /// Sets `closed_until` by policy and clock; whether the openness may have changed.
    pub(super) fn decide(&mut self, policy: Option<&HostPolicy>, now: Timestamp) -> bool {
        let before = self.closed_until;
        let mut until = (self.cool_until > now).then_some(self.cool_until);
        if let Some(policy) = policy {
            let free_at = self.last_handout + Duration::from_millis(u64::from(policy.min_interval_ms));
            if policy.min_interval_ms > 0 && free_at > now {
                until = until.max(Some(free_at));
            }
            if policy.max_concurrency > 0 && self.running >= policy.max_concurrency {
                until = Some(Timestamp::MAX);
            }
        }
        self.closed_until = until;
        before != until
    }
}
