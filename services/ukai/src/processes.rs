//! Starts `ukai` itself as other processes: the demo, the one-shot scrape and the benchmark use what everyone uses.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::process::{Child, Command};
use ukai_testkit::ports::free_address;

use crate::client::{Client, Server};
use crate::exit::Failure;

/// How long a process that isn't wanted any more may take to end in order.
const ORDERLY: Duration = Duration::from_secs(8);

/// A process of ours with its log. When this is dropped, by an error or by Ctrl-C, it is asked to end, so that a worker
/// takes its browser along, and only then killed.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

/// A running `ukai up`, the client that talks to it with its admin key, and its folder.
#[derive(Debug)]
pub(crate) struct UpProcess {
    /// The server's process.
    pub(crate) process: Process,
    /// As an admin.
    pub(crate) client: Client,
    /// Its address and key.
    pub(crate) server: Server,
}

/// A command line of this same binary, without the settings that the caller's own environment may hold.
pub(crate) fn command() -> Result<Command, Failure> {
    let binary = std::env::current_exe()?;
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if foreign_setting(&name) {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

/// The browser's settings belong to the machine, all others to the caller's own server.
fn foreign_setting(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    let ours = name.starts_with("UKAI_") || name == "WORKER_AUTH_TOKEN" || name == "FRONTEND_URL";
    ours && !name.starts_with("UKAI_BROWSER") && !name.starts_with("UKAI_LOG") && name != "UKAI_DISPLAY"
}

/// A key or token of 256 random bits.
pub(crate) fn random_key() -> String {
    use rand::RngExt;
    let bytes: [u8; 32] = rand::rng().random();
    bytes.iter().fold("uka_".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

impl Process {
    /// Starts `command`; what it logs goes to `log`. Errors: it can't be started.
    pub(crate) fn start(name: &str, mut command: Command, log: &Path) -> Result<Self, Failure> {
        let file = File::create(log)
            .map_err(|error| Failure::failed(format!("can't write {}: {error}", log.display())))?;
        let child = command
            .stderr(file)
            .spawn()
            .map_err(|error| Failure::failed(format!("can't start the {name}: {error}")))?;
        Ok(Self { child, name: name.to_owned(), log: log.to_owned() })
    }

    /// The system's number of it; 0 once it has ended.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Its standard streams.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Fails, with the end of its log, if it has ended.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(Failure::failed(format!(
                "the {} ended ({status}); the end of {}:\n{}",
                self.name,
                self.log.display(),
                self.log_tail()
            ))),
        }
    }

    /// Asks it to end, then kills it after `limit`. Returns whether it ended by itself with success.
    pub(crate) async fn stop(mut self, limit: Duration) -> bool {
        self.terminate();
        match tokio::time::timeout(limit, self.child.wait()).await {
            Ok(status) => status.is_ok_and(|status| status.success()),
            Err(_) => {
                let _already_gone = self.child.kill().await;
                false
            }
        }
    }

    fn terminate(&self) {
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _already_gone = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
    }

    fn log_tail(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.terminate();
        let begun = Instant::now();
        while begun.elapsed() < ORDERLY && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _already_gone = self.child.start_kill();
    }
}

impl UpProcess {
    /// Starts `ukai up` in `folder` on a free port, with `flags` besides, and waits until it is ready.
    pub(crate) async fn start(folder: &Path, flags: &[&str]) -> Result<Self, Failure> {
        Self::start_with(folder, flags, &[]).await
    }

    /// The same with `environment` besides.
    pub(crate) async fn start_with(
        folder: &Path,
        flags: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let address = free_address()?;
        let key = random_key();
        let mut command = command()?;
        command
            .arg("up")
            .args(["--listen", &address.to_string()])
            .arg("--data-dir")
            .arg(folder.join("data"))
            .args(flags)
            .env("UKAI_ADMIN_KEY", &key)
            .envs(environment.iter().copied())
            .stdout(Stdio::null());
        let process = Process::start("server", command, &folder.join("server.log"))?;
        let url = format!("http://{address}").parse().map_err(|_| Failure::failed("not an address"))?;
        let server = Server { url, key: Some(key) };
        let mut up = Self { process, client: Client::new(&server)?, server };
        up.ready(Duration::from_secs(30)).await?;
        Ok(up)
    }

    async fn ready(&mut self, limit: Duration) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            self.process.check()?;
            let answer = self.client.get("readyz").await;
            match answer {
                Ok(_) => return Ok(()),
                Err(error) if begun.elapsed() > limit => {
                    return Err(Failure::failed(format!(
                        "the server isn't ready after {} s: {error}",
                        limit.as_secs()
                    )));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Makes a worker and gives its token.
    pub(crate) async fn token(&self, name: &str) -> Result<String, Failure> {
        let worker = self.client.post("api/workers", &serde_json::json!({ "name": name })).await?;
        worker["token"].as_str().map(str::to_owned).ok_or_else(|| Failure::failed("the server gave no token"))
    }

    /// Starts a browser worker with a token of its own.
    pub(crate) async fn browser_worker(
        &self,
        folder: &Path,
        name: &str,
        flags: &[&str],
    ) -> Result<Process, Failure> {
        let token = self.token(name).await?;
        let mut command = command()?;
        command
            .arg("worker")
            .args(["--server", self.server.url.as_str(), "--name", name, "--ipinfo-url", "off"])
            .arg("--state-dir")
            .arg(folder.join(name))
            .args(flags)
            .env("UKAI_TOKEN", token)
            .stdout(Stdio::null());
        Process::start(name, command, &folder.join(format!("{name}.log")))
    }

    /// Waits until `count` workers are connected; fails as soon as one of their processes ends.
    pub(crate) async fn connected(
        &self,
        workers: &mut [Process],
        limit: Duration,
    ) -> Result<Vec<Value>, Failure> {
        let begun = Instant::now();
        loop {
            for worker in workers.iter_mut() {
                worker.check()?;
            }
            let list = self.client.get("api/workers?limit=100").await?;
            let items = list["items"].as_array().cloned().unwrap_or_default();
            let connected: Vec<_> = items.into_iter().filter(|worker| worker["connected"] == true).collect();
            if connected.len() >= workers.len() {
                return Ok(connected);
            }
            if begun.elapsed() > limit {
                return Err(Failure::failed(format!(
                    "only {} of {} workers connected within {} s; see their logs",
                    connected.len(),
                    workers.len(),
                    limit.as_secs()
                )));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Runs `work` until it ends or the user (or the system) wants the end; what `work` holds is dropped then.
pub(crate) async fn until_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
        _ = term.recv() => Err(Failure::interrupted()),
    }
}
