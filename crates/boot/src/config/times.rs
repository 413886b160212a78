//! The clocks that several processes must agree on.

use crate::process::Usage;
use clap::Args;
use std::time::Duration;

/// The clocks, in milliseconds; tests run them a tenth as long.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Times")]
pub struct Times {
    /// How often a worker gives a sign of life.
    #[arg(long, env = "UKAI_HEARTBEAT_INTERVAL_MS", default_value_t = 10_000, value_name = "MS")]
    pub heartbeat_interval_ms: u64,

    /// Silence after which a worker counts as lost.
    #[arg(long, env = "UKAI_HEARTBEAT_TIMEOUT_MS", default_value_t = 30_000, value_name = "MS")]
    pub heartbeat_timeout_ms: u64,

    /// The longest a task may run.
    #[arg(long, env = "UKAI_TASK_TIMEOUT_MS", default_value_t = 60_000, value_name = "MS")]
    pub task_timeout_ms: u64,

    /// How long a worker whose socket closed may take to come back with its tasks.
    #[arg(long, env = "UKAI_AWAY_GRACE_MS", default_value_t = 10_000, value_name = "MS")]
    pub away_grace_ms: u64,

    /// Added to a task's time for the way of its result.
    #[arg(long, env = "UKAI_DEADLINE_SLACK_MS", default_value_t = 5_000, value_name = "MS")]
    pub deadline_slack_ms: u64,

    /// The shortest pause of a worker between two pages.
    #[arg(long, env = "UKAI_MIN_DELAY_MS", default_value_t = 10_000, value_name = "MS")]
    pub min_delay_ms: u64,

    /// The longest pause of a worker between two pages.
    #[arg(long, env = "UKAI_MAX_DELAY_MS", default_value_t = 15_000, value_name = "MS")]
    pub max_delay_ms: u64,
}

impl Times {
    /// Told to workers at registration.
    #[must_use]
    pub fn heartbeat_interval(&self) -> Duration {
        Duration::from_millis(self.heartbeat_interval_ms)
    }

    /// Last sign of life + this = lost.
    #[must_use]
    pub fn heartbeat_timeout(&self) -> Duration {
        Duration::from_millis(self.heartbeat_timeout_ms)
    }

    /// Limit of a run from `task:started`.
    #[must_use]
    pub fn task_timeout(&self) -> Duration {
        Duration::from_millis(self.task_timeout_ms)
    }

    /// How long a worker may stay away with its runs.
    #[must_use]
    pub fn away_grace(&self) -> Duration {
        Duration::from_millis(self.away_grace_ms)
    }

    /// Added to the deadline.
    #[must_use]
    pub fn deadline_slack(&self) -> Duration {
        Duration::from_millis(self.deadline_slack_ms)
    }

    /// The longest pause of a worker between two pages.
    #[must_use]
    pub fn max_delay(&self) -> Duration {
        Duration::from_millis(self.max_delay_ms)
    }

    /// What clap can't check alone. Errors: one sentence that names the setting.
    pub fn check(&self) -> Result<(), Usage> {
        for (name, value) in [
            ("--heartbeat-interval-ms", self.heartbeat_interval_ms),
            ("--heartbeat-timeout-ms", self.heartbeat_timeout_ms),
            ("--task-timeout-ms", self.task_timeout_ms),
        ] {
            if !(10..=86_400_000).contains(&value) {
                return Err(Usage(format!("{name} must lie between 10 ms and a day, not {value}")));
            }
        }
        if self.heartbeat_timeout_ms <= self.heartbeat_interval_ms {
            let text = "--heartbeat-timeout-ms must be longer than --heartbeat-interval-ms";
            return Err(Usage(text.to_owned()));
        }
        if self.min_delay_ms > self.max_delay_ms {
            return Err(Usage("--min-delay-ms must not be longer than --max-delay-ms".to_owned()));
        }
        Ok(())
    }
}
