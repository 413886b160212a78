//! A transaction that somebody leaves open, with its locks.

use super::binaries::folder;
use super::cluster::Cluster;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

/// Open until this is dropped.
#[derive(Debug)]
pub struct OpenTransaction(Child);

impl Cluster {
    /// Runs `sql` in a transaction that stays open.
    ///
    /// # Errors
    /// The statement fails.
    pub fn open_transaction(&self, database: &str, sql: &str) -> io::Result<OpenTransaction> {
        let mut child = Command::new(folder()?.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"])
            .args(["-p", &self.port().to_string(), "-U", "postgres", "-d", database])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.as_mut(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        input.write_all(format!("BEGIN;\n{sql};\n\\echo open\n").as_bytes())?;
        let is_open = BufReader::new(output).lines().any(|line| line.is_ok_and(|line| line == "open"));
        let transaction = OpenTransaction(child);
        if is_open { Ok(transaction) } else { Err(io::Error::other(format!("psql refused: {sql}"))) }
    }
}

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        // The server rolls back what its client left.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}
