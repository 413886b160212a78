//! What a scheduler needs to know.

use std::time::Duration;
use ukai_domain::Settings;

/// Clocks, bounds and where it is reached.
#[derive(Clone, Debug)]
pub struct SchedulerConfig {
    /// The core's clocks and bounds.
    pub settings: Settings,
    /// Where this process's gRPC server is reached; empty in one process.
    pub address: String,
    /// The leader's lease.
    pub lease: Duration,
    /// How often the lease is renewed, and looked at by standbys.
    pub renew_every: Duration,
    /// Inputs of one step at most.
    pub max_inputs: usize,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            address: String::new(),
            lease: Duration::from_secs(5),
            renew_every: Duration::from_secs(1),
            max_inputs: 2_000,
        }
    }
}
