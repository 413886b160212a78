//! One server with a data folder of its own.

use super::binaries::{as_nobody_special, folder, output, psql};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::ports::free_address;

/// A server is up after some 150 ms; on a busy machine, or after a crash, it may take longer.
const START: Duration = Duration::from_secs(30);
/// Whether the server waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// As in production.
    Waits,
    /// It doesn't: a crash of the machine would lose everything.
    Ignored,
}

/// A private server, stopped and removed when this is dropped or its process ends.
#[derive(Debug)]
pub struct Cluster {
    pub(super) folder: PathBuf,
    port: u16,
    watchdog: Option<Child>,
}

/// Starts the server, and waits for `users` to end: for the end of standard input, or the word to leave it alone.
pub(super) const PRIVATE: &str = r#"
trap '' INT TERM HUP
folder=$1; shift
"$@" >>"$folder/log" 2>&1 &
server=$!
read -r word
[ "$word" = keep ] && exit 0
kill -QUIT $server 2>/dev/null
wait $server
rm -rf "$folder"
"#;

impl Cluster {
    /// # Errors
    /// There is no PostgreSQL, or it does not start; the message holds its log.
    pub fn start(disk: Disk) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("ukai-postgres-").tempdir()?.keep();
        let cluster = Self::start_in(&folder, disk, |command, folder| {
            command.args(["-c", PRIVATE, "watchdog"]).arg(folder);
        });
        if cluster.is_err() {
            let _ = fs::remove_dir_all(&folder);
        }
        cluster
    }

    /// Makes the cluster in the empty `folder`. `watch` completes a shell that starts the program in its arguments.
    pub(super) fn start_in(
        folder: &Path,
        disk: Disk,
        watch: impl Fn(&mut Command, &Path),
    ) -> io::Result<Self> {
        init(folder, disk)?;
        Self::start_made(folder, watch)
    }

    /// The same where the data are there already.
    pub(super) fn start_made(folder: &Path, watch: impl Fn(&mut Command, &Path)) -> io::Result<Self> {
        let port = free_address()?.port();
        let mut cluster = Self { folder: folder.to_owned(), port, watchdog: None };
        cluster.launch(&watch)?;
        Ok(cluster)
    }

    /// `postgres://…` of a database as the superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Rows of a statement as the superuser, one a line.
    ///
    /// # Errors
    /// The statement fails.
    pub fn psql(&self, database: &str, sql: &str) -> io::Result<String> {
        psql(self.port, database, sql)
    }

    /// What the server logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// SIGKILL to the server and all of its processes at once, as a crash of the machine would. Returns when they are
    /// gone.
    ///
    /// # Errors
    /// The server is not there.
    pub fn kill(&self) -> io::Result<()> {
        let server = self.server()?;
        // Stopped first, so that it starts nothing new.
        kill(server, Signal::SIGSTOP)?;
        let processes = children(server);
        for process in processes.iter().chain([&server]) {
            let _ = kill(*process, Signal::SIGKILL);
        }
        wait_until(|| processes.iter().chain([&server]).all(|process| gone(*process)))
    }

    /// SIGSTOP to the server and all of its processes: connections stand and nothing answers.
    ///
    /// # Errors
    /// The server is not there.
    pub fn stop(&self) -> io::Result<()> {
        self.signal_all(Signal::SIGSTOP)
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// The server is not there.
    pub fn go_on(&self) -> io::Result<()> {
        self.signal_all(Signal::SIGCONT)
    }

    /// A new server on the same data and port, after [`Cluster::kill`].
    ///
    /// # Errors
    /// As for [`Cluster::start`].
    pub fn restart(&mut self) -> io::Result<()> {
        let old = self.watchdog.take();
        let _ = fs::remove_file(self.folder.join("data/postmaster.pid"));
        let started = self.launch(|command, folder| {
            command.args(["-c", PRIVATE, "watchdog"]).arg(folder);
        });
        // The old one only now: until here it would have cleaned up after us.
        if let Some(old) = old {
            keep(old);
        }
        started
    }

    /// The processes that serve connections, with those in the background.
    ///
    /// # Errors
    /// The server is not there.
    pub fn processes(&self) -> io::Result<Vec<u32>> {
        let server = self.server()?;
        let all = children(server).into_iter().chain([server]);
        Ok(all.filter_map(|pid| u32::try_from(pid.as_raw()).ok()).collect())
    }

    /// No longer watched over by this process: the shared one outlives it.
    pub(super) fn detach(mut self) {
        self.watchdog = None;
    }

    fn server(&self) -> io::Result<Pid> {
        let text = fs::read_to_string(self.folder.join("data/postmaster.pid"))?;
        let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
        pid.map(Pid::from_raw).ok_or_else(|| io::Error::other("no process in postmaster.pid"))
    }

    fn signal_all(&self, signal: Signal) -> io::Result<()> {
        let server = self.server()?;
        kill(server, signal)?;
        for process in children(server) {
            // It may have ended meanwhile.
            let _ = kill(process, signal);
        }
        Ok(())
    }

    fn launch(&mut self, watch: impl Fn(&mut Command, &Path)) -> io::Result<()> {
        let mut command = Command::new("sh");
        watch(&mut command, &self.folder);
        command
            .args(as_nobody_special())
            .arg(folder()?.join("postgres"))
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-p", &self.port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            // A signal to the test's group, from a terminal or a runner, is none of its business.
            .process_group(0);
        let mut watchdog = command.spawn()?;
        let result = wait_until(|| self.is_ready());
        if result.is_err() || watchdog.try_wait()?.is_some() {
            let log = self.log();
            let last = log.len().saturating_sub(2_000);
            self.watchdog = Some(watchdog);
            return Err(io::Error::other(format!(
                "PostgreSQL didn't start: {}",
                log.get(last..).unwrap_or("")
            )));
        }
        self.watchdog = Some(watchdog);
        Ok(())
    }

    /// Its own words, in the eighth line of this file, and an answer at the port.
    fn is_ready(&self) -> bool {
        let text = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        text.lines().nth(7).is_some_and(|line| matches!(line.trim(), "ready" | "standby"))
            && TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            // Stopped processes can't end.
            let _ = self.go_on();
            drop(watchdog.stdin.take());
            let _ = watchdog.wait();
        }
    }
}

fn keep(mut watchdog: Child) {
    if let Some(mut input) = watchdog.stdin.take() {
        let _ = input.write_all(b"keep\n");
    }
    let _ = watchdog.wait();
}

/// An empty folder that is the server's own.
pub(super) fn make_data(folder: &Path) -> io::Result<PathBuf> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    let data = folder.join("data");
    fs::create_dir(&data)?;
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
    if nix::unistd::geteuid().is_root() {
        let user = nix::unistd::User::from_name("postgres")?;
        let user = user.ok_or_else(|| io::Error::other("there is no user postgres"))?;
        nix::unistd::chown(&data, Some(user.uid), Some(user.gid))?;
    }
    Ok(data)
}

fn init(folder: &Path, disk: Disk) -> io::Result<()> {
    let data = make_data(folder)?;
    let mut words = as_nobody_special().iter().map(Path::new).collect::<Vec<_>>();
    let initdb = self::folder()?.join("initdb");
    words.push(&initdb);
    output(
        Command::new(words[0])
            .args(&words[1..])
            .arg("-D")
            .arg(&data)
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
            .args(["--no-instructions"])
            .current_dir("/"),
    )?;
    let mut settings = String::from(
        "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 300\n\
         shared_buffers = '128MB'\nmax_wal_size = '2GB'\nlog_checkpoints = off\n",
    );
    if disk == Disk::Ignored {
        settings += "fsync = off\nfull_page_writes = off\n";
    }
    // It is the other user's file; root may write it all the same, and keeps its owner.
    fs::File::options().append(true).open(data.join("postgresql.conf"))?.write_all(settings.as_bytes())
}

/// The processes that `parent` started.
fn children(parent: Pid) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
        let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Behind the name in brackets: the state, then the parent.
        let of: i32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (of == parent.as_raw()).then_some(Pid::from_raw(pid))
    });
    processes.collect()
}

/// Ended, be it that nobody has asked for its end yet.
fn gone(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

fn wait_until(mut condition: impl FnMut() -> bool) -> io::Result<()> {
    let begun = Instant::now();
    while !condition() {
        if begun.elapsed() > START {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    Ok(())
}
