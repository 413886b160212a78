//! What `ukai up` can be told: the same struct is its command line, so that `--help` lists every setting.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use ukai_artifacts::ArtifactConfig;
use ukai_boot::Usage;
use ukai_boot::config::{
    Auth, Enrolment, MetricsListen, Origins, Otlp, Retention, Times, TrustedProxies, check_admin_key,
    check_auth,
};
use ukai_bus::NatsFlags;

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

    /// How workers register themselves.
    #[command(flatten)]
    pub enrolment: Enrolment,

    /// Pages of other origins.
    #[command(flatten)]
    pub origins: Origins,

    /// Proxies in front.
    #[command(flatten)]
    pub proxies: TrustedProxies,

    /// Metrics without a key.
    #[command(flatten)]
    pub metrics: MetricsListen,

    /// Another bus than the one inside the process.
    #[command(flatten)]
    pub nats: NatsFlags,

    /// Where screenshots and pages are kept.
    #[command(flatten)]
    pub artifacts: ArtifactConfig,

    /// How long things are kept.
    #[command(flatten)]
    pub retention: Retention,

    /// The clocks.
    #[command(flatten)]
    pub times: Times,

    /// Where spans go; workers beside the server send theirs there too.
    #[command(flatten)]
    pub otlp: Otlp,
}

impl UpConfig {
    /// What clap can't check alone. Errors: one sentence that names the setting.
    pub fn check(&self) -> Result<(), Usage> {
        check_auth(self.auth, self.listen)?;
        check_admin_key(self.admin_key.as_deref())?;
        self.enrolment.check()?;
        self.origins.check()?;
        self.otlp.check()?;
        self.times.check()
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
            .map_err(|usage| usage.to_string())
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
            ["--otlp-endpoint", "collector:4317"],
            ["--otlp-sample", "2"],
            ["--worker-enroll-token", "short"],
            ["--cors-origins", "shop.example"],
        ] {
            let refusal = check(&wrong).unwrap_err();
            assert!(refusal.contains("--"), "{wrong:?}: {refusal}");
        }
    }
}
