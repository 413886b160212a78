//! A private NATS server for tests: on a free loopback port, in a folder of its own, gone with the test's process.

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

use crate::ports::free_address;
use crate::process::die_with_this_thread;

/// A server is up after some 30 ms; on a busy machine it may take longer.
const START: Duration = Duration::from_secs(10);

/// A running server. Start it on the thread that outlives it: the kernel ends it with that thread.
#[derive(Debug)]
pub struct NatsServer {
    binary: PathBuf,
    config: Option<PathBuf>,
    environment: Vec<(String, String)>,
    port: u16,
    child: Child,
    folder: TempDir,
}

impl NatsServer {
    /// With the defaults of nats-server: everybody may do everything, one megabyte a message.
    ///
    /// # Errors
    /// There is no nats-server, or it does not start; the message holds its log.
    pub fn start() -> io::Result<Self> {
        Self::launch(None, &[])
    }

    /// With a configuration file and what it reads from the environment. Its `host` and `port` don't count.
    ///
    /// # Errors
    /// As for [`NatsServer::start`].
    pub fn with_config(config: &Path, environment: &[(&str, &str)]) -> io::Result<Self> {
        Self::launch(Some(config), environment)
    }

    /// `nats://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// SIGKILL; returns once it is gone.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }

    /// A new process on the same port, after [`NatsServer::kill`].
    ///
    /// # Errors
    /// As for [`NatsServer::start`].
    pub fn restart(&mut self) -> io::Result<()> {
        self.child =
            run(&self.binary, self.config.as_deref(), &self.environment, self.port, self.folder.path())?;
        ready(&mut self.child, self.port, self.folder.path())
    }

    /// SIGSTOP: connections stand and nothing answers. Returns once all of its threads stand still.
    ///
    /// # Errors
    /// The system refuses.
    pub fn stop(&self) -> io::Result<()> {
        self.signal(Signal::SIGSTOP)?;
        waitpid(self.id()?, Some(WaitPidFlag::WUNTRACED)).map(|_| ()).map_err(io::Error::from)
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// The system refuses.
    pub fn go_on(&self) -> io::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn id(&self) -> io::Result<Pid> {
        i32::try_from(self.child.id()).map(Pid::from_raw).map_err(io::Error::other)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        kill(self.id()?, signal).map_err(io::Error::from)
    }

    fn launch(config: Option<&Path>, environment: &[(&str, &str)]) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let binary = binary()?;
        let environment: Vec<_> =
            environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let port = free_address()?.port();
        let mut child = run(&binary, config, &environment, port, folder.path())?;
        ready(&mut child, port, folder.path())?;
        Ok(Self { binary, config: config.map(Path::to_owned), environment, port, child, folder })
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Debian puts it where only root looks. `UKAI_TEST_NATS_SERVER` names another one.
fn binary() -> io::Result<PathBuf> {
    if let Some(named) = std::env::var_os("UKAI_TEST_NATS_SERVER") {
        return Ok(named.into());
    }
    let places = ["/usr/sbin", "/usr/local/bin", "/usr/bin", "/opt/homebrew/bin", "/usr/local/sbin"];
    let found = places.iter().map(|place| Path::new(place).join("nats-server")).find(|path| path.is_file());
    found.ok_or_else(|| io::Error::other("no nats-server: scripts/packages.sh nats-server installs it"))
}

fn run(
    binary: &Path,
    config: Option<&Path>,
    environment: &[(String, String)],
    port: u16,
    folder: &Path,
) -> io::Result<Child> {
    let log = fs::File::options().create(true).append(true).open(folder.join("log"))?;
    let mut command = Command::new(binary);
    if let Some(config) = config {
        // Its monitoring port would be the same for all.
        command.arg("-c").arg(config).args(["-m", "-1"]);
    }
    command
        .args(["-a", "127.0.0.1", "-p", &port.to_string()])
        .envs(environment.iter().map(|(key, value)| (key, value)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    die_with_this_thread(&mut command);
    command.spawn()
}

/// Waits until it listens.
fn ready(child: &mut Child, port: u16, folder: &Path) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        if let Some(status) = child.try_wait()? {
            return Err(io::Error::other(format!("nats-server ended with {status}: {}", log())));
        }
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        if begun.elapsed() > START {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other(format!("nats-server does not start: {}", log())));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
