//! One server for all test processes of a run, and a database for each test.
//!
//! Every process that uses it holds a shared lock on a file, which ends with the process. The shell beside the server
//! waits until nobody holds it, for two seconds, and then stops the server and removes its data.

use super::binaries::psql;
use super::cluster::{Cluster, Disk};
use crate::folder::of_this_user;
use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A database of its own on the shared server, dropped with this.
#[derive(Debug)]
pub struct Database {
    name: String,
    port: u16,
}

impl Database {
    /// Its address as the superuser.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_as("postgres")
    }

    /// Its address as somebody else, who needs no password.
    #[must_use]
    pub fn url_as(&self, user: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{}", self.port, self.name)
    }

    /// Rows of a statement as the superuser, one a line.
    ///
    /// # Errors
    /// The statement fails.
    pub fn psql(&self, sql: &str) -> io::Result<String> {
        psql(self.port, &self.name, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Where it fails, the database goes with the server.
        let _ = psql(self.port, "postgres", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// A copy of the database `template`, which the first to ask for it makes empty and fills by `prepare` from its
/// address. The name must change with what `prepare` does; lower-case letters, digits and `_`.
///
/// # Errors
/// There is no PostgreSQL, it does not start, or `prepare` fails.
pub async fn database<F>(template: &str, prepare: impl FnOnce(String) -> F) -> io::Result<Database>
where
    F: Future<Output = io::Result<()>>,
{
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let port = port()?;
    let exists = format!("SELECT 1 FROM pg_database WHERE datname = '{template}'");
    if psql(port, "postgres", &exists)?.is_empty() {
        let folder = folder()?;
        let lock = File::create(folder.join("template"))?;
        lock.lock()?;
        if psql(port, "postgres", &exists)?.is_empty() {
            let raw = Database { name: format!("{template}_raw"), port };
            psql(port, "postgres", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", raw.name))?;
            psql(port, "postgres", &format!("CREATE DATABASE {}", raw.name))?;
            prepare(raw.url()).await?;
            rename(port, &raw.name, template)?;
        }
    }
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("t{}_{count}", std::process::id());
    psql(port, "postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
    psql(port, "postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
    Ok(Database { name, port })
}

/// Connections that were just left may still be there.
fn rename(port: u16, from: &str, to: &str) -> io::Result<()> {
    let begun = Instant::now();
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{from}'");
    loop {
        psql(port, "postgres", &end)?;
        match psql(port, "postgres", &format!("ALTER DATABASE {from} RENAME TO {to}")) {
            Ok(_) => return Ok(()),
            Err(error) if begun.elapsed() > Duration::from_secs(10) => return Err(error),
            Err(_) => std::thread::park_timeout(Duration::from_millis(20)),
        }
    }
}

/// The server's port; it stays up as long as this process lives.
fn port() -> io::Result<u16> {
    static USED: OnceLock<(u16, File)> = OnceLock::new();
    if let Some((port, _)) = USED.get() {
        return Ok(*port);
    }
    let folder = folder()?;
    let starting = File::create(folder.join("starting"))?;
    starting.lock()?;
    let used = File::create(folder.join("used"))?;
    // While the last server is being stopped, this waits for it.
    used.lock_shared()?;
    let port = match running(&folder) {
        Some(port) => port,
        None => start(&folder)?,
    };
    Ok(USED.get_or_init(|| (port, used)).0)
}

fn running(folder: &Path) -> Option<u16> {
    let port = fs::read_to_string(folder.join("port")).ok()?.trim().parse().ok()?;
    TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(port)
}

/// Starts the server, waits until nobody uses it, and ends it.
const SHARED: &str = r#"
trap '' INT TERM HUP
folder=$1; used=$2; shift 2
"$@" >>"$folder/log" 2>&1 &
server=$!
exec 9>>"$used"
while :; do
    flock -x 9
    flock -u 9
    sleep 2
    flock -xn 9 && break
done
rm -f "$folder/../port"
kill -QUIT $server 2>/dev/null
wait $server
rm -rf "$folder"
"#;

fn start(folder: &Path) -> io::Result<u16> {
    let _ = fs::remove_file(folder.join("port"));
    let data = tempfile::Builder::new().prefix("cluster-").tempdir_in(folder)?.keep();
    let used = folder.join("used");
    let cluster = Cluster::start_in(&data, Disk::Ignored, |command, data| {
        command.args(["-c", SHARED, "watchdog"]).arg(data).arg(&used);
    })?;
    let port = cluster.port();
    cluster.detach();
    fs::write(folder.join("port"), port.to_string())?;
    Ok(port)
}

/// Where the locks and the data are: the same for all processes of this user.
fn folder() -> io::Result<PathBuf> {
    of_this_user("ukai-tests-postgres")
}
