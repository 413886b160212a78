//! `ukai up` alone, on one file: started, killed and started again on the same folder.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use ukai_testkit::ports::free_address;
use ukai_testkit::process::{self, Process};

use crate::check::PREDICATES;
use crate::fleet::{KEY, START, send};

/// One process that is everything.
#[derive(Debug)]
pub(crate) struct Single {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) http: reqwest::Client,
    data: PathBuf,
}

impl Single {
    /// Starts it on the folder `data`; its log lies in `logs`.
    ///
    /// # Errors
    /// What kept it from being ready.
    pub(crate) async fn start(data: &Path, logs: &Path, more: &[(&str, &Path)]) -> anyhow::Result<Self> {
        ukai_boot::init_tls();
        let address = free_address()?;
        let mut command = process::command(&process::binary("ukai")?);
        command
            .args(["up", "--listen", &address.to_string(), "--workers", "0", "--allow-private-targets"])
            .arg("--data-dir")
            .arg(data)
            .env("UKAI_ADMIN_KEY", KEY)
            .env("UKAI_HEARTBEAT_INTERVAL_MS", "500")
            .env("UKAI_HEARTBEAT_TIMEOUT_MS", "10000")
            .env("UKAI_AWAY_GRACE_MS", "5000");
        for (flag, value) in more {
            command.arg(flag).arg(value);
        }
        crate::service::settle(&mut command);
        let process = Process::start("ukai", command, logs)?;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        let mut single = Self { process, address, http, data: data.to_owned() };
        single.ready().await?;
        Ok(single)
    }

    /// Waits until it says so itself.
    ///
    /// # Errors
    /// It doesn't, with its log.
    pub(crate) async fn ready(&mut self) -> anyhow::Result<()> {
        let (http, url) = (&self.http, self.url("/readyz"));
        let is_ready = || async { http.get(&url).send().await.is_ok_and(|a| a.status().is_success()) };
        Ok(self.process.until("ready", START, is_ready).await?)
    }

    /// An address on it.
    #[must_use]
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A submit, and its answer, whatever it is.
    ///
    /// # Errors
    /// There was none.
    pub(crate) async fn submit(&self, number: usize) -> anyhow::Result<(StatusCode, Value)> {
        let body = json!({ "productUrl": format!("https://shop{}.example/{number}", number % 50) });
        let key = uuid::Uuid::new_v4().to_string();
        send(&self.http, &self.url("/api/tasks"), Method::POST, &body, &key).await
    }

    /// A new worker's id and token.
    ///
    /// # Errors
    /// None was made.
    pub(crate) async fn enrol(&self, name: &str) -> anyhow::Result<(String, String)> {
        let key = uuid::Uuid::new_v4().to_string();
        let url = self.url("/api/workers");
        let (status, made) = send(&self.http, &url, Method::POST, &json!({ "name": name }), &key).await?;
        ensure!(status.is_success(), "{status} {made}");
        let text = |field: &str| made[field].as_str().map(str::to_owned).context("a new worker");
        Ok((text("id")?, text("token")?))
    }

    /// Waits until nothing is ready, delayed or leased, and the balance holds.
    ///
    /// # Errors
    /// It doesn't come to that.
    pub(crate) async fn drained(&self) -> anyhow::Result<()> {
        crate::check::drained(|| async {
            let answer =
                send(&self.http, &self.url("/api/queue"), Method::GET, &Value::Null, "reading").await?;
            Ok(answer.1)
        })
        .await
    }

    /// Looks at a copy of the file as the process left it: whether it is sound.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn is_sound(&self) -> anyhow::Result<()> {
        let copy = self.copy()?;
        let file = open(copy.path())?;
        let word: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        ensure!(word == "ok", "the file is damaged: {word}");
        Ok(())
    }

    /// What holds of the queue at rest, on a copy of the file, and that it has each accepted task.
    ///
    /// # Errors
    /// The first violation, in words.
    pub(crate) fn check(&self, accepted: &[String]) -> anyhow::Result<()> {
        let copy = self.copy()?;
        let file = open(copy.path())?;
        for (name, statement) in PREDICATES {
            let statement = format!("SELECT count(*) FROM ({})", statement.replace("ukai.", ""));
            let found: i64 = file.query_row(&statement, [], |row| row.get(0))?;
            ensure!(found == 0, "{name}: {found} times");
        }
        let mut statement = file.prepare("SELECT lower(hex(id)) FROM task")?;
        let known: HashSet<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for id in accepted {
            ensure!(known.contains(&id.replace('-', "")), "task {id} was answered with 201 and is lost");
        }
        Ok(())
    }

    /// The file and its log, for the process may be writing.
    fn copy(&self) -> anyhow::Result<tempfile::TempDir> {
        let copy = tempfile::tempdir()?;
        for name in ["ukai.db", "ukai.db-wal"] {
            let from = self.data.join(name);
            if from.exists() {
                std::fs::copy(from, copy.path().join(name))?;
            }
        }
        Ok(copy)
    }
}

fn open(folder: &Path) -> anyhow::Result<rusqlite::Connection> {
    Ok(rusqlite::Connection::open(folder.join("ukai.db"))?)
}
