//! How long the leader keeps what only history asks for.

use clap::Args;
use std::time::Duration;

/// What is forgotten by age.
#[derive(Args, Clone, Debug)]
pub struct Retention {
    /// Days after which screenshots and pages are forgotten; never if not given.
    #[arg(long, env = "UKAI_ARTIFACT_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub artifact_days: Option<u32>,

    /// Days after which events of the log are forgotten; never if not given.
    #[arg(long, env = "UKAI_EVENT_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub event_days: Option<u32>,
}

impl Retention {
    /// How long screenshots and pages are kept; for ever if `None`.
    #[must_use]
    pub fn artifacts_kept(&self) -> Option<Duration> {
        self.artifact_days.map(days)
    }

    /// How long events are kept; for ever if `None`.
    #[must_use]
    pub fn events_kept(&self) -> Option<Duration> {
        self.event_days.map(days)
    }
}

fn days(number: u32) -> Duration {
    Duration::from_secs(u64::from(number) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::{Duration, Retention};

    #[test]
    fn each_is_kept_for_its_own_days() {
        let kept = Retention { artifact_days: Some(2), event_days: None };
        assert_eq!((kept.artifacts_kept(), kept.events_kept()), (Some(Duration::from_secs(172_800)), None));
        let kept = Retention { artifact_days: None, event_days: Some(1) };
        assert_eq!((kept.artifacts_kept(), kept.events_kept()), (None, Some(Duration::from_secs(86_400))));
    }
}
