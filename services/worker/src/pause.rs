//! The pause between two pages: a random time since the last page of the same slot ended, so that a worker with three
//! slots behaves like three patient people.

use std::time::{Duration, Instant};

use rand::{Rng, RngExt};

/// When each free slot may start its next page.
#[derive(Debug)]
pub(crate) struct Pauses {
    least: Duration,
    most: Duration,
    /// Free slots; `None` has not had a page yet.
    free: Vec<Option<Instant>>,
}

/// A slot that was taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    ready: Option<Instant>,
}

impl Slot {
    /// How long to wait before its page starts.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        self.ready.map_or(Duration::ZERO, |ready| ready.saturating_duration_since(now))
    }
}

impl Pauses {
    pub(crate) fn new((least, most): (Duration, Duration), slots: u32) -> Self {
        Self { least, most, free: (0..slots).map(|_| None).collect() }
    }

    /// Other bounds, for every pause that begins from now on.
    pub(crate) fn set(&mut self, least: Duration, most: Duration) {
        self.least = least;
        self.most = most.max(least);
    }

    /// Takes the slot that is ready first. A server that hands out more than there are slots waits like the first.
    pub(crate) fn take(&mut self) -> Slot {
        let first = (0..self.free.len()).min_by_key(|place| self.free[*place]);
        Slot { ready: first.map(|place| self.free.swap_remove(place)).unwrap_or_default() }
    }

    /// Gives a slot back: with the time at which its page ended, or without one where no page was asked for.
    pub(crate) fn give_back(&mut self, slot: Slot, ended: Option<Instant>, random: &mut impl Rng) {
        let next = match ended {
            None => slot.ready,
            Some(ended) => {
                Some(ended + self.least + (self.most - self.least).mul_f64(random.random::<f64>()))
            }
        };
        self.free.push(next);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rand::{SeedableRng, rngs::StdRng};

    use super::Pauses;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_page_starts_at_once_and_others_after_a_random_pause() {
        let mut random = StdRng::seed_from_u64(1);
        let start = Instant::now();
        let mut pauses = Pauses::new((10 * SECOND, 15 * SECOND), 1);
        let mut waits = Vec::new();
        for _ in 0..200 {
            let slot = pauses.take();
            waits.push(slot.wait(start));
            pauses.give_back(slot, Some(start), &mut random);
        }
        assert_eq!(waits[0], Duration::ZERO);
        assert!(waits[1..].iter().all(|wait| (10 * SECOND..=15 * SECOND).contains(wait)));
        let spread = waits[1..].iter().max().unwrap().saturating_sub(*waits[1..].iter().min().unwrap());
        assert!(spread > 4 * SECOND, "random over the whole range, not {spread:?}");
    }

    #[test]
    fn time_that_passed_since_the_last_page_counts() {
        let mut random = StdRng::seed_from_u64(1);
        let start = Instant::now();
        let mut pauses = Pauses::new((10 * SECOND, 10 * SECOND), 1);
        let slot = pauses.take();
        pauses.give_back(slot, Some(start), &mut random);
        let slot = pauses.take();
        assert_eq!(slot.wait(start + 4 * SECOND), 6 * SECOND);
        assert_eq!(slot.wait(start + 40 * SECOND), Duration::ZERO);
        pauses.give_back(slot, None, &mut random);
        assert_eq!(
            pauses.take().wait(start + 4 * SECOND),
            6 * SECOND,
            "a page that never started changes nothing"
        );
    }

    #[test]
    fn each_slot_has_its_own_pause() {
        let mut random = StdRng::seed_from_u64(1);
        let start = Instant::now();
        let mut pauses = Pauses::new((10 * SECOND, 10 * SECOND), 2);
        let (first, second) = (pauses.take(), pauses.take());
        pauses.give_back(first, Some(start), &mut random);
        pauses.give_back(second, Some(start + SECOND), &mut random);
        assert_eq!(pauses.take().wait(start), 10 * SECOND);
        assert_eq!(pauses.take().wait(start), 11 * SECOND);
    }

    #[test]
    fn new_bounds_hold_from_the_next_pause() {
        let mut random = StdRng::seed_from_u64(1);
        let start = Instant::now();
        let mut pauses = Pauses::new((10 * SECOND, 15 * SECOND), 1);
        let slot = pauses.take();
        pauses.set(2 * SECOND, SECOND);
        pauses.give_back(slot, Some(start), &mut random);
        assert_eq!(pauses.take().wait(start), 2 * SECOND);
    }
}
