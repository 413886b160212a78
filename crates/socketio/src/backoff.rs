//! How long to wait before the next attempt: full jitter, so that a fleet that lost its server comes back spread out.

use std::time::Duration;

use rand::{Rng, RngExt};

/// Waits between attempts. The n-th wait is uniform in `0..min(cap, base · 2^n)`.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The bound of the first wait after a failed attempt.
    pub base: Duration,
    /// The bound of every wait.
    pub cap: Duration,
    /// The bound of the first wait after a connection that had stood was cut.
    pub after_cut: Duration,
    /// A connection that stood this long starts the count again.
    pub stable_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(60),
            after_cut: Duration::from_secs(10),
            stable_after: Duration::from_secs(5),
        }
    }
}

impl Backoff {
    /// Short waits for tests and demonstrations on one machine.
    #[must_use]
    pub const fn quick() -> Self {
        Self {
            base: Duration::from_millis(50),
            cap: Duration::from_secs(1),
            after_cut: Duration::from_millis(100),
            stable_after: Duration::from_secs(1),
        }
    }

    /// The wait before the attempt that follows `failures` failed ones in a row.
    pub(crate) fn after_failure(&self, failures: u32, random: &mut impl Rng) -> Duration {
        let bound = self.base.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(self.cap);
        bound.mul_f64(random.random::<f64>())
    }

    /// The wait after a cut of a connection that had stood.
    pub(crate) fn after_cut(&self, random: &mut impl Rng) -> Duration {
        self.after_cut.mul_f64(random.random::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::{SeedableRng, rngs::StdRng};

    use super::Backoff;

    #[test]
    fn grows_to_the_cap_and_never_ends() {
        let mut random = StdRng::seed_from_u64(7);
        let backoff = Backoff::default();
        for failures in [1, 2, 3, 6, 7, 40, u32::MAX] {
            let bound = Duration::from_secs(if failures > 6 { 60 } else { 1 << (failures - 1) });
            let waits: Vec<_> = (0..200).map(|_| backoff.after_failure(failures, &mut random)).collect();
            assert!(waits.iter().all(|wait| *wait <= bound), "{failures}");
            assert!(
                waits.iter().any(|wait| *wait > bound / 2),
                "{failures} is jittered over its whole range"
            );
        }
    }
}
