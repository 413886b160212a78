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
        let port = self.port.to_string();
        self.child = run(&self.binary, self.config.as_deref(), &self.environment, &port, self.folder.path())?;
        self.port = ready(&mut self.child, self.folder.path())?;
        Ok(())
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
        // The server chooses the port, so that two tests can't take the same one.
        let mut child = run(&binary, config, &environment, "-1", folder.path())?;
        let port = ready(&mut child, folder.path())?;
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
    port: &str,
    folder: &Path,
) -> io::Result<Child> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "ports") {
            fs::remove_file(path)?;
        }
    }
    let log = fs::File::options().create(true).append(true).open(folder.join("log"))?;
    let mut command = Command::new(binary);
    if let Some(config) = config {
        // Its monitoring port would be the same for all.
        command.arg("-c").arg(config).args(["-m", "-1"]);
    }
    command
        .args(["-a", "127.0.0.1", "-p", port, "--ports_file_dir"])
        .arg(folder)
        .envs(environment.iter().map(|(key, value)| (key, value)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    end_with_this_thread(&mut command);
    command.spawn()
}

/// The kernel kills it when the thread that started it ends, however that happens.
#[cfg(target_os = "linux")]
fn end_with_this_thread(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let parent = nix::unistd::getpid();
    #[allow(
        unsafe_code,
        reason = "the one way to run prctl between fork and exec; both calls are async-signal-safe"
    )]
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // The parent may have died before the call above.
            if nix::unistd::getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_this_thread(_: &mut Command) {}

/// Waits until it listens; its port.
fn ready(child: &mut Child, folder: &Path) -> io::Result<u16> {
    let begun = Instant::now();
    loop {
        if let Some(port) = written_port(child.id(), folder)
            && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        {
            return Ok(port);
        }
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        if let Some(status) = child.try_wait()? {
            return Err(io::Error::other(format!("nats-server ended with {status}: {}", log())));
        }
        if begun.elapsed() > START {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other(format!("nats-server does not start: {}", log())));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The server's own note of where it listens: `{"nats":["nats://127.0.0.1:PORT"],…}`.
fn written_port(id: u32, folder: &Path) -> Option<u16> {
    let note = fs::read(folder.join(format!("nats-server_{id}.ports"))).ok()?;
    let note: serde_json::Value = serde_json::from_slice(&note).ok()?;
    note["nats"][0].as_str()?.rsplit(':').next()?.parse().ok()
}
