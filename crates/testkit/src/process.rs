//! Real processes under a test's control: started apart from its environment, killed, frozen, waited for; their logs are
//! at hand when it fails. They die with the test, however that ends.

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Between two looks at a process that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Lines of a log that an error shows.
const LOG_LINES: usize = 30;

/// One of our binaries by its name: beside the running one, or a folder above a running test's. Those of other packages
/// are there after `cargo build --workspace --bins`.
///
/// # Errors
/// It isn't there.
pub fn binary(name: &str) -> io::Result<PathBuf> {
    let running = std::env::current_exe()?;
    let found =
        running.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| {
        let text = format!("there is no {name}: build it with `cargo build --workspace --bins`");
        io::Error::new(io::ErrorKind::NotFound, text)
    })
}

/// A command line without the settings of whoever runs the tests, and without input.
#[must_use]
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_ours = text.starts_with("UKAI_") || text == "WORKER_AUTH_TOKEN" || text == "FRONTEND_URL";
        if is_ours || text.starts_with("OTEL_") {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// A process that the test controls; killed when this is dropped.
///
/// Start it on the thread that outlives it (the test's own does): the kernel kills it with that thread.
#[derive(Debug)]
pub struct Process {
    name: String,
    command: Command,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; what it writes to standard error is added to `NAME.log` in `folder`.
    ///
    /// # Errors
    /// It can't be started, or the log can't be written.
    pub fn start(name: &str, mut command: Command, folder: &Path) -> io::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        command.stderr(File::options().create(true).append(true).open(&log)?);
        die_with_this_thread(&mut command);
        let child = command.spawn()?;
        Ok(Self { name: name.to_owned(), command, child, log })
    }

    /// Starts another program with the same arguments and settings, after this one ended.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start_as(&mut self, program: &Path) -> io::Result<()> {
        let mut command = Command::new(program);
        command.args(self.command.get_args()).stdin(Stdio::null()).stdout(Stdio::null());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stderr(File::options().append(true).open(&self.log)?);
        die_with_this_thread(&mut command);
        self.command = command;
        self.start_again()
    }

    /// Starts the same command again, after it ended.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start_again(&mut self) -> io::Result<()> {
        self.child = self.command.spawn()?;
        Ok(())
    }

    /// The name that it was started with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The system's number of it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the system still lists it.
    #[must_use]
    pub fn is_there(&self) -> bool {
        Path::new(&format!("/proc/{}", self.child.id())).exists()
    }

    /// Its resident memory, in bytes.
    ///
    /// # Errors
    /// It ended, or this system doesn't tell.
    pub fn memory(&self) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        kib.map(|kib| kib << 10).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// How many files and sockets it has open.
    ///
    /// # Errors
    /// It ended, or this system doesn't tell.
    pub fn descriptors(&self) -> io::Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// SIGKILL; returns once it is gone.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }

    /// SIGSTOP: its connections stand and nothing answers. Returns once all of its threads stand still.
    ///
    /// # Errors
    /// The system refuses.
    pub fn freeze(&self) -> io::Result<()> {
        self.signal(Signal::SIGSTOP)?;
        waitpid(self.pid()?, Some(WaitPidFlag::WUNTRACED)).map(|_| ()).map_err(io::Error::from)
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// The system refuses.
    pub fn thaw(&self) -> io::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// SIGTERM: it is asked to end.
    ///
    /// # Errors
    /// The system refuses.
    pub fn terminate(&self) -> io::Result<()> {
        self.signal(Signal::SIGTERM)
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// The system doesn't tell.
    pub fn status(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until it ended. Its log may be read after it.
    ///
    /// # Errors
    /// It still runs after `limit`: with the end of its log.
    pub async fn ended(&mut self, limit: Duration) -> io::Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if begun.elapsed() > limit {
                return Err(self.failure(&format!("still runs after {limit:?}")));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until `is_so` says yes.
    ///
    /// # Errors
    /// It ended, or `limit` is over: with the end of its log.
    pub async fn until<F: Future<Output = bool>>(
        &mut self,
        what: &str,
        limit: Duration,
        mut is_so: impl FnMut() -> F,
    ) -> io::Result<()> {
        let begun = Instant::now();
        while !is_so().await {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failure(&format!("ended ({status}) before {what}")));
            }
            if begun.elapsed() > limit {
                return Err(self.failure(&format!("{what}: not within {limit:?}")));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Everything that it wrote to standard error, over all of its starts.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn failure(&self, what: &str) -> io::Error {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
        io::Error::other(format!("{} {what}; the end of its log:\n{end}", self.name))
    }

    fn pid(&self) -> io::Result<Pid> {
        i32::try_from(self.child.id()).map(Pid::from_raw).map_err(io::Error::other)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        kill(self.pid()?, signal).map_err(io::Error::from)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
        if std::thread::panicking() {
            let _nowhere = io::Write::write_all(
                &mut io::stderr(),
                format!("--- {}\n", self.failure("at the failure of the test")).as_bytes(),
            );
        }
    }
}

/// Asks the kernel to kill the process when this thread ends, however it ends.
#[cfg(target_os = "linux")]
#[allow(
    unsafe_code,
    reason = "the one way to run prctl between fork and exec; both calls are async-signal-safe"
)]
pub(crate) fn die_with_this_thread(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let parent = nix::unistd::getpid();
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
pub(crate) fn die_with_this_thread(_command: &mut Command) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = command(Path::new("/bin/sh"));
        shell.args(["-c", script]);
        shell
    }

    #[tokio::test]
    async fn processes_are_killed_frozen_thawed_and_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let script = "trap 'echo asked >&2; exit 7' TERM; echo up >&2; while :; do sleep 0.01; done";
        let mut process = Process::start("one", shell(script), folder.path()).unwrap();
        let (log, limit) = (folder.path().join("one.log"), Duration::from_secs(10));
        let lines = || std::fs::read_to_string(&log).unwrap_or_default().lines().count();
        process.until("up", limit, || async { lines() == 1 }).await.unwrap();
        process.freeze().unwrap();
        process.terminate().unwrap();
        let still = process.ended(Duration::from_millis(100)).await.unwrap_err().to_string();
        assert!(still.contains("one still runs") && still.contains("up"), "{still}");
        process.thaw().unwrap();
        assert_eq!(process.ended(limit).await.unwrap().code(), Some(7));
        process.start_again().unwrap();
        process.until("up again", limit, || async { lines() == 3 }).await.unwrap();
        process.kill().unwrap();
        assert_eq!(process.status().unwrap().unwrap().code(), None);
        assert_eq!(process.log(), "up\nasked\nup\n");
        let gone = process.until("never", limit, || async { false }).await.unwrap_err().to_string();
        assert!(gone.contains("ended (signal: 9"), "{gone}");
    }

    #[tokio::test]
    async fn a_process_dies_with_its_thread() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let mut process = std::thread::spawn(move || Process::start("brief", shell("sleep 60"), &path))
            .join()
            .unwrap()
            .unwrap();
        assert!(process.ended(Duration::from_secs(10)).await.is_ok());
    }
}
