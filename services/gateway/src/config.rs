//! What a gateway can be told, from the command line, the environment or a test.

use crate::address::Proxies;
use std::time::Duration;

/// Settings of one gateway.
#[derive(Clone, Debug)]
pub struct Config {
    /// The pre-shared token with which workers register themselves; `None`: they can't.
    pub enroll_token: Option<String>,
    /// Browser origins that may connect, besides the server's own.
    pub origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Proxies,
    /// Bounds and times.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enroll_token: None,
            origins: DEFAULT_ORIGINS.split(',').map(str::to_owned).collect(),
            trusted_proxies: Proxies::default(),
            limits: Limits::default(),
        }
    }
}

/// Bounds and times, each with the value that ships.
#[derive(Clone, Debug)]
pub struct Limits {
    /// New transports a second of the whole gateway; beyond it 503.
    pub handshakes_per_second: u32,
    /// Connects a second of one address that show no valid token; beyond it 429.
    pub strangers_per_second: u32,
    /// Events a second of one worker, reports of handed-out runs apart.
    pub events_per_second: u32,
    /// Events of one worker at once.
    pub event_burst: u32,
    /// Events beyond that until the worker is disconnected.
    pub strikes: u32,
    /// Inputs that wait for the leader.
    pub queued_inputs: usize,
    /// Bytes of them.
    pub queued_bytes: usize,
    /// Packets that may wait for one socket.
    pub socket_buffer: usize,
    /// Engine.IO.
    pub ping_interval: Duration,
    /// Engine.IO.
    pub ping_timeout: Duration,
    /// A transport that connects to no namespace is closed.
    pub connect_timeout: Duration,
    /// One try of a request to the leader.
    pub request_timeout: Duration,
    /// Between the last word to a refused or dropped client and the close of its transport.
    pub close_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshakes_per_second: 500,
            strangers_per_second: 50,
            events_per_second: 500,
            event_burst: 1_000,
            strikes: 200,
            queued_inputs: 100_000,
            queued_bytes: 64 << 20,
            socket_buffer: 512,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(5),
            close_grace: Duration::from_millis(250),
        }
    }
}

const DEFAULT_ORIGINS: &str = "http://localhost:5173,http://localhost:3000,http://localhost:8080";

/// The gateway's part of a command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Pre-shared token with which a worker registers itself.
    #[arg(long, env = "UKAI_WORKER_ENROLL_TOKEN", hide_env_values = true)]
    pub worker_enroll_token: Option<String>,
    /// The older name of the same.
    #[arg(long, env = "WORKER_AUTH_TOKEN", hide = true, hide_env_values = true)]
    pub worker_auth_token: Option<String>,
    /// Browser origins that may connect, separated by commas; the server's own origin always may.
    #[arg(long, env = "UKAI_CORS_ORIGINS")]
    pub cors_origins: Option<String>,
    /// The older name of the same.
    #[arg(long, env = "FRONTEND_URL", hide = true)]
    pub frontend_url: Option<String>,
    /// Proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas.
    #[arg(long, env = "UKAI_TRUSTED_PROXIES", default_value = "")]
    pub trusted_proxies: String,
}

/// An option that can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {message}")]
pub struct BadOption {
    /// Its environment variable.
    pub option: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl TryFrom<Options> for Config {
    type Error = BadOption;

    fn try_from(options: Options) -> Result<Self, BadOption> {
        let origins = options.cors_origins.or(options.frontend_url);
        let origins = origins.as_deref().unwrap_or(DEFAULT_ORIGINS).split(',').map(str::trim);
        let origins: Vec<String> =
            origins.filter(|o| !o.is_empty()).map(|o| o.trim_end_matches('/').to_ascii_lowercase()).collect();
        if let Some(bad) = origins.iter().find(|o| !o.starts_with("http://") && !o.starts_with("https://")) {
            let message = format!("{bad} is no origin: it begins with http:// or https://");
            return Err(BadOption { option: "UKAI_CORS_ORIGINS", message });
        }
        let trusted_proxies = Proxies::parse(&options.trusted_proxies)
            .map_err(|message| BadOption { option: "UKAI_TRUSTED_PROXIES", message })?;
        let token = options.worker_enroll_token.or(options.worker_auth_token).filter(|t| !t.is_empty());
        Ok(Self { enroll_token: token, origins, trusted_proxies, limits: Limits::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options {
            worker_enroll_token: None,
            worker_auth_token: None,
            cors_origins: None,
            frontend_url: None,
            trusted_proxies: String::new(),
        }
    }

    #[test]
    fn older_names_count_where_the_newer_are_not_given() {
        let config = Config::try_from(options()).unwrap();
        assert_eq!((config.enroll_token, config.origins.len()), (None, 3));
        let old = Options {
            worker_auth_token: Some("old".into()),
            frontend_url: Some("https://Shop.example/".into()),
            ..options()
        };
        let config = Config::try_from(old.clone()).unwrap();
        assert_eq!(config.enroll_token.as_deref(), Some("old"));
        assert_eq!(config.origins, ["https://shop.example"]);
        let both = Options {
            worker_enroll_token: Some("new".into()),
            cors_origins: Some("http://a, http://b".into()),
            ..old
        };
        let config = Config::try_from(both).unwrap();
        assert_eq!(config.enroll_token.as_deref(), Some("new"));
        assert_eq!(config.origins, ["http://a", "http://b"]);
    }

    #[test]
    fn bad_options_are_named() {
        let bad =
            Config::try_from(Options { cors_origins: Some("shop.example".into()), ..options() }).unwrap_err();
        assert_eq!(bad.option, "UKAI_CORS_ORIGINS");
        let bad = Config::try_from(Options { trusted_proxies: "proxy".into(), ..options() }).unwrap_err();
        assert_eq!(bad.option, "UKAI_TRUSTED_PROXIES");
    }

    #[test]
    fn the_limits_that_ship() {
        let limits = Limits::default();
        assert_eq!((limits.events_per_second, limits.event_burst), (500, 1_000));
        assert_eq!((limits.handshakes_per_second, limits.strangers_per_second), (500, 50));
        assert_eq!((limits.ping_interval.as_secs(), limits.ping_timeout.as_secs()), (25, 60));
        assert_eq!(limits.connect_timeout.as_secs(), 5);
        assert!(limits.socket_buffer >= 256);
    }
}
