//! The leader's time: the database's at the epoch's start plus monotonic elapsed time.

use std::time::Instant;
use ukai_domain::Timestamp;

/// Never goes back, whatever the machine's wall clock does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Timestamp,
    since: Instant,
}

impl Clock {
    /// `start` is the database's now, not below the last persisted one.
    pub(crate) fn start(start: Timestamp) -> Self {
        Self { start, since: Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.start + self.since.elapsed()
    }

    /// How long until `at`; zero when it is past.
    pub(crate) fn until(&self, at: Timestamp) -> std::time::Duration {
        at.since(self.now())
    }
}
