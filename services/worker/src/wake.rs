//! Notices that this process did not run for a while: a laptop that slept, a stopped process, a machine that stalled.
//!
//! While a machine sleeps its monotonic clock stands still and the wall clock goes on; while a process is stopped both go
//! on. Either shows as a look that comes far too late. A wall clock that someone sets forward looks the same and costs
//! one needless question.

use std::time::{Duration, Instant, SystemTime};

/// How often one looks.
pub(crate) const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Sleep {
    after: Duration,
    looked: (Instant, SystemTime),
}

impl Sleep {
    /// Later than `after` is a sleep.
    pub(crate) fn new(after: Duration, now: (Instant, SystemTime)) -> Self {
        Self { after, looked: now }
    }

    /// How long it slept since the last look, if it did.
    pub(crate) fn look(&mut self, now: (Instant, SystemTime)) -> Option<Duration> {
        let (monotonic, wall) = std::mem::replace(&mut self.looked, now);
        let ran = now.0.saturating_duration_since(monotonic);
        let passed = now.1.duration_since(wall).unwrap_or_default();
        Some(ran.max(passed)).filter(|away| *away > self.after + LOOK)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant, SystemTime};

    use super::Sleep;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_late_look_by_either_clock_is_a_sleep() {
        let (monotonic, wall) = (Instant::now(), SystemTime::UNIX_EPOCH + 1_000 * SECOND);
        let mut sleep = Sleep::new(10 * SECOND, (monotonic, wall));
        assert_eq!(sleep.look((monotonic + SECOND, wall + SECOND)), None);
        assert_eq!(sleep.look((monotonic + 9 * SECOND, wall + 9 * SECOND)), None, "a busy machine");
        let suspended = sleep.look((monotonic + 10 * SECOND, wall + 609 * SECOND));
        assert_eq!(suspended, Some(600 * SECOND), "only the wall clock went on");
        let stopped = sleep.look((monotonic + 50 * SECOND, wall + 649 * SECOND));
        assert_eq!(stopped, Some(40 * SECOND), "both went on");
        assert_eq!(sleep.look((monotonic + 51 * SECOND, wall)), None, "a wall clock set back is no sleep");
        assert_eq!(sleep.look((monotonic + 52 * SECOND, wall + SECOND)), None);
    }
}
