//! `--workers N`: browser workers beside the server, as processes of their own.

use super::UpConfig;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::process::{Child, Command};
use ukai_boot::Shutdown;

/// The workers that this process started; they end with it.
pub(super) struct Children(Vec<Child>);

/// A token of this start for the workers beside the server, where none is set.
pub(super) fn own_token(config: &UpConfig) -> Option<String> {
    (config.workers > 0).then(|| ukai_api::secret::generate(ukai_api::secret::WORKER_TOKEN))
}

/// Starts them. Errors: the process can't be started.
pub(super) fn start(
    config: &UpConfig,
    address: SocketAddr,
    token: Option<&str>,
    shutdown: &Shutdown,
) -> anyhow::Result<Children> {
    let mut children = Vec::new();
    let Some(token) = token.filter(|_| !shutdown.is_stopping()) else { return Ok(Children(children)) };
    for n in 1..=config.workers {
        let name = format!("local-{n}");
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("worker")
            .args(["--server", &format!("http://{address}"), "--name", &name])
            .arg("--state-dir")
            .arg(config.data_dir.join("workers").join(&name))
            .args(["--min-delay-ms", &config.times.min_delay_ms.to_string()])
            .args(["--max-delay-ms", &config.times.max_delay_ms.to_string()])
            .env("UKAI_TOKEN", token)
            .env_remove("UKAI_NAME")
            .kill_on_drop(true);
        if config.allow_private_targets {
            command.arg("--allow-private-targets");
        }
        if let Some(endpoint) = config.otlp.endpoint() {
            // Not on the command line, which others can read: it may hold a password.
            command.env("UKAI_OTLP_ENDPOINT", endpoint).env_remove("UKAI_OTLP_INSTANCE");
        }
        children.push(command.spawn()?);
    }
    Ok(Children(children))
}

impl Children {
    /// Asks all to finish what they hold and to end; kills whoever is left after `limit`.
    pub(super) async fn stop(self, limit: Duration) {
        use nix::sys::signal::{Signal, kill};
        for child in &self.0 {
            if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
                let _already_gone = kill(nix::unistd::Pid::from_raw(id), Signal::SIGTERM);
            }
        }
        let deadline = tokio::time::Instant::now() + limit;
        for mut child in self.0 {
            if tokio::time::timeout_at(deadline, child.wait()).await.is_err() {
                let _already_gone = child.kill().await;
            }
        }
    }
}
