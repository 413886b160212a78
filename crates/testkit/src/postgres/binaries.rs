//! Where PostgreSQL's programs are, and how they are run by whom.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The newest version's folder. `UKAI_TEST_POSTGRES_BIN` names another one.
pub(super) fn folder() -> io::Result<PathBuf> {
    if let Some(named) = std::env::var_os("UKAI_TEST_POSTGRES_BIN") {
        return Ok(named.into());
    }
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))
        })
        .filter(|(version, bin)| *version >= 15 && complete(bin))
        .collect();
    versions.sort();
    let others = ["/usr/local/bin", "/usr/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin"];
    let other = || others.iter().map(PathBuf::from).find(|bin| complete(bin));
    versions.pop().map(|(_, bin)| bin).or_else(other).ok_or_else(|| {
        io::Error::other("no PostgreSQL 15 or newer: scripts/packages.sh postgresql installs it")
    })
}

fn complete(bin: &Path) -> bool {
    ["initdb", "postgres", "psql"].iter().all(|program| bin.join(program).is_file())
}

/// What stands before a program that may not run as root.
pub(super) fn as_nobody_special() -> &'static [&'static str] {
    if nix::unistd::geteuid().is_root() {
        &["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    } else {
        &[]
    }
}

/// The output of a program that must succeed.
pub(super) fn output(command: &mut Command) -> io::Result<String> {
    let Output { status, stdout, stderr } = command.output()?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).trim().to_owned());
    }
    let program = command.get_program().to_string_lossy().into_owned();
    Err(io::Error::other(format!(
        "{program} ended with {status}: {}",
        String::from_utf8_lossy(&stderr).trim()
    )))
}

/// Rows of a statement, one a line.
pub(super) fn psql(port: u16, database: &str, sql: &str) -> io::Result<String> {
    let (bin, port) = (folder()?, port.to_string());
    output(
        Command::new(bin.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", &port])
            .args(["-U", "postgres", "-d", database, "-c", sql]),
    )
}
