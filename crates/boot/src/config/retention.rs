//! How long the leader keeps what only history asks for.

use clap::Args;
use std::time::Duration;

/// What is forgotten by age.
#[derive(Args, Clone, Debug)]
pub struct Retention {
    /// Days after which events of the log are forgotten; never if not given.
    #[arg(long, env = "UKAI_EVENT_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub event_days: Option<u32>,
}

impl Retention {
    /// How long events are kept; for ever if `None`.
    #[must_use]
    pub fn events_kept(&self) -> Option<Duration> {
        self.event_days.map(|days| Duration::from_secs(u64::from(days) * 86_400))
    }
}
