//! All processes of one Ukai, with short clocks, on a database and a bus of their own.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use ukai_testkit::nats::NatsServer;
use ukai_testkit::ports::free_address;
use ukai_testkit::postgres::{self, Database};
use ukai_testkit::process::{self, Process};

pub(super) const KEY: &str = "uka_fedcba9876543210fedcba9876543210";
pub(super) const INTERNAL: &str = "known-to-all-services-of-this-test";
/// A start, on a machine that is busy.
const START: Duration = Duration::from_secs(60);

/// A process and the addresses that it was given.
pub(super) struct Service {
    pub(super) process: Process,
    /// `--listen`.
    pub(super) address: String,
    /// Where `/readyz` is.
    pub(super) health: String,
}

/// The processes; all are killed with this.
pub(super) struct Fleet {
    pub(super) schedulers: Vec<Service>,
    pub(super) gateways: Vec<Service>,
    pub(super) api: Service,
    pub(super) monitor: Service,
    pub(super) http: reqwest::Client,
    pub(super) database: Database,
    pub(super) _nats: NatsServer,
    _folder: tempfile::TempDir,
}

/// An empty database with the schema.
pub(crate) async fn database() -> Database {
    let made = postgres::database("ukai_services", |url| async move {
        ukai_store::migrate(&url).await.map(|_| ()).map_err(io::Error::other)
    });
    made.await.unwrap()
}

impl Fleet {
    /// Starts everything and waits until all of it is ready.
    pub(super) async fn start(schedulers: usize, gateways: usize) -> Self {
        Self::start_with(schedulers, gateways, &[]).await
    }

    /// The same with more settings, by their variables.
    pub(super) async fn start_with(schedulers: usize, gateways: usize, more: &[(&str, &str)]) -> Self {
        ukai_boot::init_tls();
        let (database, nats, folder) =
            (database().await, NatsServer::start().unwrap(), tempfile::tempdir().unwrap());
        let shared = |name: &str, flags: &[&str]| {
            let mut command = process::command(&process::binary(name).unwrap());
            command
                .args(flags)
                .env("UKAI_DATABASE_URL", database.url())
                .env("UKAI_NATS_URL", nats.url())
                .env("UKAI_INTERNAL_TOKEN", INTERNAL)
                .env("UKAI_ADMIN_KEY", KEY)
                .env("UKAI_ARTIFACT_STORE", folder.path().join("artifacts"))
                .env("UKAI_HEARTBEAT_INTERVAL_MS", "500")
                .env("UKAI_HEARTBEAT_TIMEOUT_MS", "4000")
                .env("UKAI_AWAY_GRACE_MS", "1500")
                .env("UKAI_TASK_TIMEOUT_MS", "10000")
                .envs(more.iter().copied());
            command
        };
        let start = |name: &str, number: usize, command: Command| {
            Service::start(name, number, command, folder.path())
        };
        let mut fleet = Self {
            schedulers: (0..schedulers)
                .map(|n| start("ukai-scheduler", n, shared("ukai-scheduler", &[])))
                .collect(),
            gateways: (0..gateways).map(|n| start("ukai-gateway", n, shared("ukai-gateway", &[]))).collect(),
            api: start("ukai-api", 0, shared("ukai-api", &["--allow-private-targets"])),
            monitor: start("ukai-heartbeat-monitor", 0, shared("ukai-heartbeat-monitor", &[])),
            http: reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap(),
            database,
            _nats: nats,
            _folder: folder,
        };
        let http = fleet.http.clone();
        for service in fleet.services() {
            service.ready(&http).await;
        }
        fleet
    }

    fn services(&mut self) -> impl Iterator<Item = &mut Service> {
        self.schedulers.iter_mut().chain(&mut self.gateways).chain([&mut self.api, &mut self.monitor])
    }

    /// Which scheduler the leader row names.
    pub(super) fn leader(&self) -> Option<usize> {
        let live = "expires_at > extract(epoch FROM clock_timestamp()) * 1000";
        let address = self.database.psql(&format!("SELECT address FROM ukai.leader WHERE {live}")).unwrap();
        self.schedulers.iter().position(|scheduler| scheduler.address == address.trim())
    }

    /// The gateways' addresses, `first` first.
    pub(super) fn gateway_urls(&self, first: usize) -> Vec<String> {
        let urls = self.gateways.iter().map(|gateway| format!("http://{}", gateway.address));
        let mut urls: Vec<_> = urls.collect();
        urls.rotate_left(first % self.gateways.len());
        urls
    }

    /// One request and its answer, whatever it is.
    pub(super) async fn try_once(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        key: &str,
    ) -> (StatusCode, Value) {
        let url = format!("http://{}{path}", self.api.address);
        let mut request = self.http.request(method, url).bearer_auth(KEY).header("Idempotency-Key", key);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    /// A request that must succeed in the end: what is answered 503 is sent again under the same key.
    pub(super) async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let (key, begun) = (uuid::Uuid::new_v4().to_string(), Instant::now());
        loop {
            let (status, answer) = self.try_once(method.clone(), path, body, &key).await;
            if status != StatusCode::SERVICE_UNAVAILABLE {
                assert!(status.is_success(), "{method} {path}: {status} {answer}");
                return answer;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{method} {path}: {answer}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, &Value::Null).await
    }
}

impl Service {
    fn start(name: &str, number: usize, mut command: Command, folder: &Path) -> Self {
        let address = free_address().unwrap().to_string();
        command.args(["--listen", &address]);
        let mut health = address.clone();
        if name == "ukai-scheduler" {
            health = free_address().unwrap().to_string();
            command.args(["--metrics-listen", &health]);
        }
        let process = Process::start(&format!("{name}-{number}"), command, folder).unwrap();
        Self { process, address, health }
    }

    /// Waits until it says so itself.
    pub(super) async fn ready(&mut self, http: &reqwest::Client) {
        let url = format!("http://{}/readyz", self.health);
        let is_ready =
            || async { http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) };
        self.process.until("ready", START, is_ready).await.unwrap();
    }

    /// The parts of its `/readyz`.
    pub(super) async fn parts(&self, http: &reqwest::Client) -> Value {
        let answer = http.get(format!("http://{}/readyz", self.health)).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["parts"].clone()
    }
}
