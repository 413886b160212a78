//! A second server that follows the first.

use super::binaries::{as_nobody_special, folder, output};
use super::cluster::{Cluster, PRIVATE, make_data};
use std::io;
use std::path::Path;
use std::process::Command;

impl Cluster {
    /// A server that follows this one, read-only until [`Cluster::promote`].
    ///
    /// # Errors
    /// This one can't be copied, or the new one doesn't start.
    pub fn standby(&self) -> io::Result<Self> {
        let place = tempfile::Builder::new().prefix("ukai-postgres-").tempdir()?.keep();
        let data = make_data(&place)?;
        let program = folder()?.join("pg_basebackup");
        let mut words = as_nobody_special().iter().map(Path::new).collect::<Vec<_>>();
        words.push(&program);
        let copied = output(
            Command::new(words[0])
                .args(&words[1..])
                .arg("-D")
                .arg(&data)
                .args(["-R", "-c", "fast", "--no-sync", "-h", "127.0.0.1", "-U", "postgres"])
                .args(["-p", &self.port().to_string()])
                .current_dir("/"),
        );
        let started = copied.and_then(|_| {
            Self::start_made(&place, |command, folder| {
                command.args(["-c", PRIVATE, "watchdog"]).arg(folder);
            })
        });
        if started.is_err() {
            let _ = std::fs::remove_dir_all(&place);
        }
        started
    }

    /// Ends the following, once everything that the other has written is here: from now on this one takes writes.
    ///
    /// # Errors
    /// It doesn't catch up, or can't.
    pub fn promote(&self, of: &Self) -> io::Result<()> {
        let end = of.psql("postgres", "SELECT pg_current_wal_flush_lsn()")?;
        let is_here = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'");
        let begun = std::time::Instant::now();
        while self.psql("postgres", &is_here)? != "t" {
            if begun.elapsed() > std::time::Duration::from_secs(30) {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        self.psql("postgres", "SELECT pg_promote()").map(|_| ())
    }
}
