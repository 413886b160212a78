//! The worker as a program of its own, seen from outside.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

pub struct Program {
    pub child: Child,
    pub folder: TempDir,
}

impl Program {
    /// Starts `binary` for the server at `address`, without pauses, with folders of its own.
    pub fn start(binary: &Path, address: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(folder.path(), open).unwrap();
        fs::create_dir(folder.path().join("profiles")).unwrap();
        let child = Command::new(binary)
            .args(["--server", &format!("http://{address}"), "--name", "program", "--ipinfo-url", "off"])
            .args(["--min-delay-ms", "0", "--max-delay-ms", "0", "--log", "warn"])
            .args(more)
            .env("UKAI_TOKEN", "good")
            .env("UKAI_STATE_DIR", folder.path().join("state"))
            .env("UKAI_BROWSER_PROFILES", folder.path().join("profiles"))
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id().unwrap()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// The profile folders that lie there now.
    pub fn profiles(&self) -> Vec<PathBuf> {
        fs::read_dir(self.folder.path().join("profiles"))
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .collect()
    }

    /// Resident memory in KiB, browser apart. Most are pages of its own file, more of them the larger that is.
    pub fn memory(&self) -> u64 {
        self.kibibytes("VmRSS:")
    }

    /// What it has allocated of that.
    pub fn allocated(&self) -> u64 {
        self.kibibytes("RssAnon:")
    }

    fn kibibytes(&self, what: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    /// The browser's main process, if there is one.
    pub fn browser(&self) -> Option<i32> {
        self.family()
            .into_iter()
            .find(|(_, line, parent)| *parent == self.pid() && !line.contains("--type="))
            .map(|of| of.0)
    }

    /// Children of the program that ended and were not reaped.
    pub fn corpses(&self) -> usize {
        processes().filter(|(_, _, parent, state)| *parent == self.pid() && state == "Z").count()
    }

    /// Everything that runs with one of this program's profiles.
    pub fn family(&self) -> Vec<(i32, String, i32)> {
        let mark = self.folder.path().join("profiles").to_string_lossy().into_owned();
        processes()
            .filter(|(_, line, ..)| line.contains(&mark))
            .map(|(pid, line, parent, _)| (pid, line, parent))
            .collect()
    }
}

/// Id, command line, parent, state.
fn processes() -> impl Iterator<Item = (i32, String, i32, String)> {
    fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read_to_string(entry.path().join("cmdline")).ok()?.replace('\0', " ");
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let mut fields = stat.rsplit(')').next()?.split_whitespace();
        let (state, parent) = (fields.next()?.to_owned(), fields.next()?.parse().ok()?);
        Some((pid, line, parent, state))
    })
}

/// Waits at most ten seconds.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < patience, "{what} within ten seconds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
