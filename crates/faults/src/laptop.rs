//! A real worker with a real browser, as a process, and a shop for it to visit.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::json;
use ukai_testkit::process::{self, Process};
use ukai_testkit::shop::{Shop, ShopHandle};

use crate::check::calm;
use crate::crew::{enrol, until};
use crate::fleet::{Fleet, Version};

/// The worker.
pub(crate) struct Laptop {
    pub(crate) process: Process,
    /// Its id at the server.
    pub(crate) id: String,
    shop: String,
    _open: ShopHandle,
    profiles: PathBuf,
    _folder: tempfile::TempDir,
}

impl Laptop {
    /// Starts it against the server at `url` and waits until it is connected. Its state lies in `state`, or in a folder of
    /// its own.
    ///
    /// # Errors
    /// It isn't connected.
    pub(crate) async fn start(fleet: &Fleet, url: &str, state: Option<&Path>) -> anyhow::Result<Self> {
        Self::of(Version::This, fleet, url, state).await
    }

    /// The same with a worker of either version.
    ///
    /// # Errors
    /// It isn't connected.
    pub(crate) async fn of(
        version: Version,
        fleet: &Fleet,
        url: &str,
        state: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let (shop, open) = Shop::start("127.0.0.1:0".parse()?).await?;
        let (id, token) = enrol(fleet, "laptop").await?;
        let folder = tempfile::tempdir()?;
        // The browser may run as another user.
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let profiles = folder.path().join("profiles");
        std::fs::create_dir(&profiles)?;
        let mut command = process::command(&version.program("ukai-worker")?);
        command
            .args(["--server", url, "--name", "laptop", "--ipinfo-url", "off", "--log", "info"])
            .args(["--min-delay-ms", "0", "--max-delay-ms", "0", "--asleep-after-ms", "2000"])
            .arg("--allow-private-targets")
            .env("UKAI_TOKEN", &token)
            .env("UKAI_BROWSER_PROFILES", &profiles)
            .env("UKAI_STATE_DIR", state.map_or_else(|| folder.path().join("state"), Path::to_owned));
        let process = Process::start("laptop", command, folder.path())?;
        let laptop = Self { process, id, shop, _open: open, profiles, _folder: folder };
        let outcome = connection(fleet, &laptop.id, true).await;
        outcome.with_context(|| laptop.process.log())?;
        Ok(laptop)
    }

    /// A task for a page of its shop.
    ///
    /// # Errors
    /// It isn't accepted.
    pub(crate) async fn submit(&self, fleet: &Fleet, path: &str) -> anyhow::Result<String> {
        let body = json!({ "productUrl": format!("{}{path}", self.shop) });
        let task = fleet.ask(Method::POST, "/api/tasks", &body).await?;
        task["id"].as_str().map(str::to_owned).context("an id")
    }

    /// What its browser has left behind: profiles, and processes that were started on one.
    ///
    /// # Errors
    /// The folder isn't there, or this system doesn't list its processes.
    pub(crate) fn leftovers(&self) -> anyhow::Result<Vec<String>> {
        let folders = std::fs::read_dir(&self.profiles)?;
        let mut left: Vec<String> =
            folders.map(|entry| Ok(entry?.path().display().to_string())).collect::<std::io::Result<_>>()?;
        let profiles = self.profiles.display().to_string();
        for process in std::fs::read_dir("/proc")? {
            // It may have ended meanwhile.
            let arguments = std::fs::read(process?.path().join("cmdline")).unwrap_or_default();
            let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
            if arguments.contains(&profiles) {
                left.push(arguments);
            }
        }
        Ok(left)
    }

    /// It didn't panic, and logged no error but `forgiven` ones. The browser's end is one to the library that drives it.
    ///
    /// # Errors
    /// What it logged.
    pub(crate) fn is_calm(&self, forgiven: &[&str]) -> anyhow::Result<()> {
        calm(&self.process, &[forgiven, &["chromiumoxide"]].concat())
    }

    /// Waits until a worker has begun with the task.
    ///
    /// # Errors
    /// None does.
    pub(crate) async fn opens(&self, fleet: &Fleet, task: &str) -> anyhow::Result<()> {
        let begun =
            format!("SELECT count(*) FROM ukai.task_lease WHERE id = '{task}' AND started_at IS NOT NULL");
        until("its page is open", || fleet.sql(&begun).is_ok_and(|count| count == "1")).await
    }
}

/// Waits until the server says that a worker is connected, or that it isn't.
///
/// # Errors
/// It doesn't.
pub(crate) async fn connection(fleet: &Fleet, id: &str, is_there: bool) -> anyhow::Result<()> {
    let (path, begun) = (format!("/api/workers/{id}"), Instant::now());
    while fleet.get(&path).await?["connected"] != is_there {
        ensure!(begun.elapsed() < Duration::from_secs(60), "worker {id} never was so: connected {is_there}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
