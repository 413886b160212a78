//! What `ukai up` can be told: the same struct is its command line, so that `--help` lists every setting.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// The settings of one machine's Ukai.
#[derive(Args, Clone, Debug)]
pub struct UpConfig {
    /// Address of the one origin that serves REST, sockets and documents.
    #[arg(long, env = "UKAI_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,

    /// Folder of the queue's database and of what workers store; one process at a time owns it.
    #[arg(long, env = "UKAI_DATA_DIR", default_value = "./ukai-data", value_name = "FOLDER")]
    pub data_dir: PathBuf,

    /// Another database than the embedded one: postgres://…
    #[arg(long, env = "UKAI_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// Another bus than the one inside the process: nats://…
    #[arg(long, env = "UKAI_NATS_URL", value_name = "URL", hide_env_values = true)]
    pub nats_url: Option<String>,

    /// Browser workers to start beside the server.
    #[arg(long, env = "UKAI_WORKERS", default_value_t = 0, value_name = "N")]
    pub workers: u16,

    /// Whether requests need a key. `off` is refused on any address but loopback.
    #[arg(long, env = "UKAI_AUTH", value_enum, default_value_t = Auth::On)]
    pub auth: Auth,

    /// The first admin key; without it one is made at the first start and printed once.
    #[arg(long, env = "UKAI_ADMIN_KEY", value_name = "KEY", hide_env_values = true)]
    pub admin_key: Option<String>,

    /// Lets tasks name addresses that aren't public (this machine, the local network).
    #[arg(long, env = "UKAI_ALLOW_PRIVATE_TARGETS")]
    pub allow_private_targets: bool,

    /// A pre-shared token with which workers register themselves (also WORKER_AUTH_TOKEN).
    #[arg(long, env = "UKAI_WORKER_ENROLL_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub worker_enroll_token: Option<String>,

    /// The older name of `worker_enroll_token`: read through [`UpConfig::enroll_token`].
    #[arg(long, env = "WORKER_AUTH_TOKEN", hide = true)]
    pub worker_auth_token: Option<String>,

    /// Other pages' origins that may use REST and sockets, separated by commas (also FRONTEND_URL). Without it:
    /// http://localhost:5173, :3000 and :8080.
    #[arg(long, env = "UKAI_CORS_ORIGINS", value_delimiter = ',', value_name = "ORIGINS")]
    pub cors_origins: Vec<String>,

    /// The older name of `cors_origins`: read through [`UpConfig::origins`].
    #[arg(long, env = "FRONTEND_URL", value_delimiter = ',', hide = true)]
    pub frontend_url: Vec<String>,

    /// Addresses of proxies whose X-Forwarded-For is believed, separated by commas.
    #[arg(long, env = "UKAI_TRUSTED_PROXIES", value_delimiter = ',', value_name = "ADDRESSES")]
    pub trusted_proxies: Vec<String>,

    /// A second address that serves /metrics without a key.
    #[arg(long, env = "UKAI_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<SocketAddr>,

    /// The clocks.
    #[command(flatten)]
    pub times: Times,
}

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

/// Whether requests need a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Auth {
    /// Every request shows a key, every worker a token.
    On,
    /// Whoever reaches the port is an admin.
    Off,
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
}

impl UpConfig {
    /// The enrolment token under either of its names.
    #[must_use]
    pub fn enroll_token(&self) -> Option<&str> {
        self.worker_enroll_token.as_deref().or(self.worker_auth_token.as_deref())
    }

    /// The foreign origins that are let in. The own origin always is, and isn't listed here.
    #[must_use]
    pub fn origins(&self) -> Vec<String> {
        let named = if self.cors_origins.is_empty() { &self.frontend_url } else { &self.cors_origins };
        if named.is_empty() {
            return [5173, 3000, 8080].map(|port| format!("http://localhost:{port}")).to_vec();
        }
        named.iter().map(|origin| origin.trim().trim_end_matches('/').to_owned()).collect()
    }

    /// What clap can't check alone. Errors: one sentence that names the setting.
    pub fn check(&self) -> Result<(), String> {
        if self.auth == Auth::Off && !self.listen.ip().is_loopback() {
            return Err(format!(
                "--auth off would open the queue to the network on {}: it is allowed on loopback addresses only",
                self.listen
            ));
        }
        if self.admin_key.as_deref().is_some_and(|key| key.len() < 16 || key.chars().any(char::is_whitespace))
        {
            return Err("--admin-key must have at least 16 characters and no space".to_owned());
        }
        if let Some(token) = self.enroll_token()
            && token.len() < 16
        {
            return Err("--worker-enroll-token must have at least 16 characters".to_owned());
        }
        let times = &self.times;
        for (name, value) in [
            ("--heartbeat-interval-ms", times.heartbeat_interval_ms),
            ("--heartbeat-timeout-ms", times.heartbeat_timeout_ms),
            ("--task-timeout-ms", times.task_timeout_ms),
        ] {
            if !(10..=86_400_000).contains(&value) {
                return Err(format!("{name} must lie between 10 ms and a day, not {value}"));
            }
        }
        if times.heartbeat_timeout_ms <= times.heartbeat_interval_ms {
            return Err("--heartbeat-timeout-ms must be longer than --heartbeat-interval-ms".to_owned());
        }
        if times.min_delay_ms > times.max_delay_ms {
            return Err("--min-delay-ms must not be longer than --max-delay-ms".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::UpConfig;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        config: UpConfig,
    }

    fn check(arguments: &[&str]) -> Result<(), String> {
        Line::try_parse_from(std::iter::once(&"up").chain(arguments))
            .map_err(|error| error.to_string())?
            .config
            .check()
    }

    #[test]
    fn authentication_is_off_on_loopback_only() {
        assert!(check(&[]).is_ok());
        assert!(check(&["--auth", "off"]).is_ok());
        assert!(check(&["--auth", "off", "--listen", "[::1]:0"]).is_ok());
        assert!(check(&["--listen", "0.0.0.0:80"]).is_ok());
        let refusal = check(&["--auth", "off", "--listen", "0.0.0.0:80"]).unwrap_err();
        assert!(refusal.contains("--auth off"), "{refusal}");
    }

    #[test]
    fn clocks_and_secrets_are_bounded() {
        for wrong in [
            ["--heartbeat-timeout-ms", "5000"],
            ["--heartbeat-interval-ms", "0"],
            ["--task-timeout-ms", "1"],
            ["--min-delay-ms", "20000"],
            ["--admin-key", "short"],
            ["--worker-enroll-token", "short"],
        ] {
            let refusal = check(&wrong).unwrap_err();
            assert!(refusal.contains("--"), "{wrong:?}: {refusal}");
        }
    }
}
