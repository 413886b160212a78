//! A real `ukai up` in a process of its own, and requests to it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use ukai_testkit::ports::free_address;

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_ukai");

pub(crate) const KEY: &str = "uka_0123456789abcdef0123456789abcdef";

/// A server that may be killed and started again at the same address with the same folder.
pub(crate) struct Server {
    pub(crate) url: String,
    folder: tempfile::TempDir,
    flags: Vec<String>,
    child: Child,
    http: reqwest::Client,
}

/// `ukai` without the settings of whoever runs the tests.
pub(crate) fn ukai() -> Command {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let is_ours = name.starts_with("UKAI_") || name == "WORKER_AUTH_TOKEN" || name == "FRONTEND_URL";
        if is_ours || name.starts_with("OTEL_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

impl Server {
    /// Starts it, with short clocks, and waits until it is ready.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with flags besides.
    pub(crate) async fn start_with(flags: &[&str]) -> Self {
        ukai_boot::init_tls();
        let folder = tempfile::tempdir().unwrap();
        let address = free_address().unwrap().to_string();
        let flags: Vec<_> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let child = spawn(&address, folder.path(), &flags);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let mut server = Self { url: format!("http://{address}"), folder, flags, child, http };
        server.ready().await;
        server
    }

    /// Asks it to end and waits until it has: how long that took.
    pub(crate) async fn terminate(&mut self) -> Duration {
        let begun = Instant::now();
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{status}\n{}", self.log());
                return begun.elapsed();
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "it doesn't end\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// At the same address, with the same folder.
    pub(crate) async fn restart(&mut self) {
        let address = self.url.trim_start_matches("http://").to_owned();
        self.child = spawn(&address, self.folder.path(), &self.flags);
        self.ready().await;
    }

    /// The folder with its database.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// The key of its admin.
    pub(crate) fn key(&self) -> &'static str {
        KEY
    }

    async fn ready(&mut self) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the server ended ({status}):\n{}", self.log());
            }
            let answer = self.http.get(format!("{}/readyz", self.url)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "not ready:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// `GET`, which must succeed.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, &Value::Null).await
    }

    /// A request that must succeed in the end: what no answer comes to is sent again under the same key.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let idempotency = uuid::Uuid::new_v4().to_string();
        let begun = Instant::now();
        loop {
            let mut request = self
                .http
                .request(method.clone(), format!("{}{path}", self.url))
                .bearer_auth(KEY)
                .header("Idempotency-Key", &idempotency);
            if !body.is_null() {
                request = request.json(body);
            }
            if let Ok(answer) = request.send().await
                && answer.status() != 503
            {
                let status = answer.status();
                if let Ok(text) = answer.text().await {
                    assert!(status.is_success(), "{method} {path}: {status} {text}");
                    return serde_json::from_str(&text).unwrap_or(Value::Null);
                }
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{method} {path}: no answer\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What it has allocated of memory, in KiB; pages of its own file come and go with the system.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The bytes at a path.
    pub(crate) async fn bytes(&self, path: &str) -> Vec<u8> {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(KEY);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        answer.bytes().await.unwrap().to_vec()
    }

    /// The text of `/metrics`.
    pub(crate) async fn metrics(&self) -> String {
        let request = self.http.get(format!("{}/metrics", self.url)).bearer_auth(KEY);
        request.send().await.unwrap().text().await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

fn spawn(address: &str, folder: &Path, flags: &[String]) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    ukai()
        .args(["up", "--listen", address, "--data-dir"])
        .arg(folder.join("data"))
        .args(flags)
        .env("UKAI_ADMIN_KEY", KEY)
        .env("UKAI_HEARTBEAT_INTERVAL_MS", "500")
        .env("UKAI_HEARTBEAT_TIMEOUT_MS", "4000")
        .env("UKAI_AWAY_GRACE_MS", "1500")
        .env("UKAI_TASK_TIMEOUT_MS", "10000")
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}
