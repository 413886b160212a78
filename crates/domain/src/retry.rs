//! The retry table: which end of a run leads to which next step.

use crate::{ErrorType, Outcome, Progress};
use std::time::Duration;

/// First back-off; doubles with each attempt that counts.
const BACKOFF_BASE: Duration = Duration::from_secs(2);
/// The back-off never grows past this.
const BACKOFF_CAP: Duration = Duration::from_secs(600);
/// A task that lost this many workers is poison.
const MAX_LOSSES: u8 = 3;

/// What happens to a task whose run ended without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Ready at once.
    Now,
    /// Ready after a back-off.
    After(Duration),
    /// Ready at once, but its lane cools down.
    LaneCoolDown,
    /// Ready at once for others; this worker leaves the host alone for a while.
    AnotherWorker,
    /// No more attempts.
    GiveUp,
}

/// Decides from the history *after* the ended run was counted in it.
///
/// `jitter` is uniform in 0..1. Half of a back-off is fixed and half random.
#[must_use]
pub fn judge(
    outcome: Outcome,
    error: Option<ErrorType>,
    progress: Progress,
    max_attempts: u8,
    jitter: f64,
) -> Verdict {
    match outcome {
        Outcome::HandedBack => return Verdict::Now,
        Outcome::Completed | Outcome::Cancelled => return Verdict::GiveUp,
        Outcome::Failed | Outcome::TimedOut | Outcome::Lost => {}
    }
    if progress.attempts >= max_attempts || progress.losses >= MAX_LOSSES || progress.parse_errors >= 2 {
        return Verdict::GiveUp;
    }
    match (outcome, error) {
        (Outcome::Lost, _) => Verdict::Now,
        (Outcome::TimedOut, _) | (_, Some(ErrorType::Network | ErrorType::Timeout) | None) => {
            Verdict::After(backoff(progress.attempts, jitter))
        }
        (_, Some(ErrorType::Throttled)) => Verdict::LaneCoolDown,
        (_, Some(ErrorType::Captcha | ErrorType::Blocked)) => Verdict::AnotherWorker,
        (_, Some(ErrorType::ParseError)) => Verdict::Now,
    }
}

fn backoff(attempts: u8, jitter: f64) -> Duration {
    let doublings = u32::from(attempts.saturating_sub(1)).min(16);
    let full = BACKOFF_BASE.saturating_mul(1 << doublings).min(BACKOFF_CAP);
    full / 2 + (full / 2).mul_f64(jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(attempts: u8, losses: u8) -> Progress {
        Progress { attempts, losses, ..Progress::default() }
    }

    #[test]
    fn table() {
        use Outcome::{Failed, HandedBack, Lost, TimedOut};
        let cases = [
            (Failed, Some(ErrorType::Network), after(1, 0), Verdict::After(Duration::from_secs(1))),
            (Failed, Some(ErrorType::Timeout), after(2, 0), Verdict::After(Duration::from_secs(2))),
            (TimedOut, None, after(1, 0), Verdict::After(Duration::from_secs(1))),
            (Failed, Some(ErrorType::Throttled), after(1, 0), Verdict::LaneCoolDown),
            (Failed, Some(ErrorType::Captcha), after(1, 0), Verdict::AnotherWorker),
            (Failed, Some(ErrorType::Blocked), after(2, 0), Verdict::AnotherWorker),
            (Failed, Some(ErrorType::ParseError), Progress { parse_errors: 1, ..after(1, 0) }, Verdict::Now),
            (
                Failed,
                Some(ErrorType::ParseError),
                Progress { parse_errors: 2, ..after(2, 0) },
                Verdict::GiveUp,
            ),
            (Lost, None, after(1, 1), Verdict::Now),
            (Lost, None, after(3, 3), Verdict::GiveUp),
            (HandedBack, None, after(2, 2), Verdict::Now),
            (Failed, Some(ErrorType::Network), after(3, 0), Verdict::GiveUp),
        ];
        for (outcome, error, progress, want) in cases {
            assert_eq!(judge(outcome, error, progress, 3, 0.0), want, "{outcome:?} {error:?} {progress:?}");
        }
    }

    #[test]
    fn backoff_is_half_fixed_half_random_and_capped() {
        assert_eq!(backoff(1, 1.0), Duration::from_secs(2));
        assert_eq!(backoff(3, 0.0), Duration::from_secs(4));
        assert_eq!(backoff(30, 1.0), BACKOFF_CAP);
    }
}
