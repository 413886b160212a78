//! What a scheduler needs to know.

use std::time::Duration;
use ukai_boot::config::Times;
use ukai_boot::trace::Tracer;
use ukai_domain::Settings;

/// Clocks, bounds and where it is reached.
#[derive(Clone, Debug)]
pub struct SchedulerConfig {
    /// The core's clocks and bounds.
    pub settings: Settings,
    /// Where this process's gRPC server is reached; empty in one process. No two schedulers have the same: who finds
    /// its own in the leader row takes over at once.
    pub address: String,
    /// Whether it also counts as ready while it stands by.
    pub is_ready_in_standby: bool,
    /// The leader's lease.
    pub lease: Duration,
    /// How often the lease is renewed, and looked at by standbys.
    pub renew_every: Duration,
    /// Inputs of one step at most.
    pub max_inputs: usize,
    /// Inputs that wait for the end of a commit are stepped before it once they are so many.
    pub step_ahead: usize,
    /// Between two clean-ups.
    pub maintain_every: Duration,
    /// How long artifacts are remembered; for ever if not given.
    pub artifacts_kept: Option<Duration>,
    /// How long events are kept; for ever if not given.
    pub events_kept: Option<Duration>,
    /// Begins spans.
    pub tracer: Tracer,
}

impl SchedulerConfig {
    /// With the clocks of a command line.
    #[must_use]
    pub fn new(times: &Times) -> Self {
        let settings = Settings {
            heartbeat_interval: times.heartbeat_interval(),
            heartbeat_timeout: times.heartbeat_timeout(),
            task_timeout: times.task_timeout(),
            deadline_slack: times.deadline_slack(),
            away_grace: times.away_grace(),
            default_max_delay: times.max_delay(),
            ..Settings::default()
        };
        Self { settings, ..Self::default() }
    }
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            address: String::new(),
            is_ready_in_standby: false,
            lease: Duration::from_secs(5),
            renew_every: Duration::from_secs(1),
            max_inputs: 2_000,
            step_ahead: 500,
            maintain_every: Duration::from_secs(60),
            artifacts_kept: None,
            events_kept: None,
            tracer: Tracer::default(),
        }
    }
}
