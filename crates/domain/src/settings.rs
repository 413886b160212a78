//! The clocks and bounds of the scheduler, each with the value that ships.

use std::time::Duration;

/// Passed to the core once; tests run the clocks a tenth as long.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Told to workers at registration.
    pub heartbeat_interval: Duration,
    /// Last sign of life + this = lost.
    pub heartbeat_timeout: Duration,
    /// Time limit of a run from `task:started`.
    pub task_timeout: Duration,
    /// Added to the deadline for the way back.
    pub deadline_slack: Duration,
    /// How long a worker whose socket closed may stay away with its runs.
    pub away_grace: Duration,
    /// The pause between pages that a worker may take before it starts, where its config says nothing.
    pub default_max_delay: Duration,
    /// Rows that one window keeps in memory.
    pub window_rows: usize,
    /// Rows that all windows keep in memory; beyond it heads only.
    pub window_budget: usize,
    /// Timers of delayed tasks in memory.
    pub delayed_window: usize,
    /// Tasks that one slice of a sweep ends.
    pub sweep_slice: usize,
    /// Links that one step turns into tasks at most; one page's at least.
    pub expansion_links: usize,
    /// Hand-outs of one step at most.
    pub max_handouts: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(10),
            heartbeat_timeout: Duration::from_secs(30),
            task_timeout: Duration::from_secs(60),
            deadline_slack: Duration::from_secs(5),
            away_grace: Duration::from_secs(10),
            default_max_delay: Duration::from_secs(15),
            window_rows: 1_024,
            window_budget: 200_000,
            delayed_window: 10_000,
            sweep_slice: 1_000,
            expansion_links: 2_000,
            max_handouts: 1_000,
        }
    }
}
