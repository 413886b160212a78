//! All processes of one Ukai, with short clocks, on a database and a bus of their own, each behind links that can be made
//! bad.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use ukai_testkit::nats::NatsServer;
use ukai_testkit::nats_middle::{Chaos, NatsMiddle};
use ukai_testkit::postgres::{Cluster, Disk};
use ukai_testkit::process;
use ukai_testkit::proxy::Faults;
use ukai_testkit::switch::Switch;

use crate::service::{Place, Service};

/// An admin key.
pub(crate) const KEY: &str = "uka_fedcba9876543210fedcba9876543210";
/// The database that the queue lies in.
pub(crate) const DATABASE: &str = "ukai";
/// With which workers register themselves.
pub(crate) const ENROLMENT: &str = "enrolment-of-this-fleet";
/// A start, on a machine that is busy.
pub(crate) const START: Duration = Duration::from_secs(60);

/// The fleet's shorter clocks, where a row doesn't say otherwise.
pub(crate) const LOST: Duration = Duration::from_secs(4);
/// How long a worker may stay away whose socket closed.
pub(crate) const AWAY: Duration = Duration::from_millis(1_500);

/// How many processes of each kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// One leads, the others stand by.
    pub(crate) schedulers: usize,
    /// Workers spread over them.
    pub(crate) gateways: usize,
    /// Judges of liveness.
    pub(crate) monitors: usize,
    /// What a task may run.
    pub(crate) task_timeout: Duration,
    /// Silence after which a worker counts as lost.
    pub(crate) lost: Duration,
    /// How long a worker may stay away whose socket closed.
    pub(crate) away: Duration,
    /// Added to a task's time for the way of its result.
    pub(crate) slack: Duration,
    /// Whether the database may be replaced by another.
    pub(crate) is_movable: bool,
    /// What happens to every message of the bus.
    pub(crate) chaos: Option<Chaos>,
    /// By how many seconds a process's wall clock is wrong, by its kind and number.
    pub(crate) clock: Option<fn(&str, usize) -> i64>,
    /// How often workers send a heartbeat.
    pub(crate) heartbeat: Duration,
    /// Points in the scheduler's code where it shall fail, as the crate `fail` reads them.
    pub(crate) points: Option<&'static str>,
    /// Which version all of them are.
    pub(crate) version: Version,
}

/// Of which version a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// That of the code that this is.
    This,
    /// The one before, which `scripts/before.sh` builds from the history.
    Before,
}

impl Version {
    /// A program of it by its name.
    ///
    /// # Errors
    /// It isn't built.
    pub(crate) fn program(self, name: &str) -> anyhow::Result<PathBuf> {
        match self {
            Self::This => Ok(process::binary(name)?),
            Self::Before => process::binary(&format!("before/{name}"))
                .map_err(|_| anyhow::anyhow!("the version before isn't built: scripts/before.sh does that")),
        }
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            schedulers: 2,
            gateways: 2,
            monitors: 1,
            task_timeout: Duration::from_secs(10),
            lost: LOST,
            away: AWAY,
            slack: Duration::from_secs(5),
            is_movable: false,
            chaos: None,
            clock: None,
            heartbeat: Duration::from_millis(500),
            points: None,
            version: Version::This,
        }
    }
}

/// The processes; all are killed with this.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// Leader and standbys.
    pub(crate) schedulers: Vec<Service>,
    /// What workers connect to.
    pub(crate) gateways: Vec<Service>,
    /// REST.
    pub(crate) api: Service,
    /// Judges of liveness.
    pub(crate) monitors: Vec<Service>,
    /// Any client of REST.
    pub(crate) http: reqwest::Client,
    /// A server of its own, which waits for the disk.
    pub(crate) postgres: Cluster,
    /// A server of its own.
    pub(crate) nats: NatsServer,
    middle: Option<NatsMiddle>,
    switch: Option<Switch>,
    _folder: tempfile::TempDir,
}

impl Fleet {
    /// Starts everything and waits until all of it is ready.
    ///
    /// # Errors
    /// What kept it from that, with the log of the process.
    pub(crate) async fn start(shape: Shape) -> anyhow::Result<Self> {
        ukai_boot::init_tls();
        let folder = tempfile::tempdir()?;
        let postgres = Cluster::start(Disk::Waits)?;
        postgres.psql("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
        let nats = NatsServer::start()?;
        let migrated = process::command(&shape.version.program("ukai")?)
            .args(["migrate", "--database-url", &postgres.url(DATABASE)])
            .output()?;
        ensure!(migrated.status.success(), "migrate: {}", String::from_utf8_lossy(&migrated.stderr));
        let middle = match shape.chaos {
            Some(chaos) => Some(NatsMiddle::to(nats.address().parse()?, chaos).await?),
            None => None,
        };
        let bus = match &middle {
            Some(middle) => middle.address(),
            None => nats.address().parse()?,
        };
        let server = SocketAddr::from(([127, 0, 0, 1], postgres.port()));
        let switch = if shape.is_movable { Some(Switch::to(server).await?) } else { None };
        let database = switch.as_ref().map_or(server, Switch::address);
        let place = Place { postgres: &postgres, database, bus, folder: folder.path(), shape };
        let mut fleet = Self {
            schedulers: place.many("ukai-scheduler", shape.schedulers).await?,
            gateways: place.many("ukai-gateway", shape.gateways).await?,
            api: place.service("ukai-api", 0).await?,
            monitors: place.many("ukai-heartbeat-monitor", shape.monitors).await?,
            http: reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?,
            postgres,
            nats,
            middle,
            switch,
            _folder: folder,
        };
        let http = fleet.http.clone();
        for service in fleet.services_mut() {
            service.ready(&http).await?;
        }
        Ok(fleet)
    }

    /// All of them.
    pub(crate) fn services(&self) -> impl Iterator<Item = &Service> {
        self.schedulers.iter().chain(&self.gateways).chain([&self.api]).chain(&self.monitors)
    }

    fn services_mut(&mut self) -> impl Iterator<Item = &mut Service> {
        let (first, second) = (&mut self.schedulers, &mut self.gateways);
        first.iter_mut().chain(second).chain([&mut self.api]).chain(&mut self.monitors)
    }

    /// Sets the faults of all ways to the database.
    pub(crate) fn set_database(&self, faults: Faults) {
        self.services().for_each(|service| service.database.set(faults));
    }

    /// Which scheduler the leader row names.
    ///
    /// # Errors
    /// None does, or the database doesn't answer.
    pub(crate) fn leader(&self) -> anyhow::Result<usize> {
        let address = self.sql(
            "SELECT address FROM ukai.leader WHERE expires_at > extract(epoch from clock_timestamp()) * 1000",
        )?;
        let found = self.schedulers.iter().position(|s| s.door.address().to_string() == address);
        found.with_context(|| format!("no scheduler at {address:?} leads"))
    }

    /// Another server is the database from now on; the one that was. Connections to it stay.
    ///
    /// # Errors
    /// This fleet was started without that.
    pub(crate) fn move_database(&mut self, to: Cluster) -> anyhow::Result<Cluster> {
        let switch = self.switch.as_ref().context("a fleet whose database may move")?;
        switch.turn(SocketAddr::from(([127, 0, 0, 1], to.port())));
        Ok(std::mem::replace(&mut self.postgres, to))
    }

    /// Messages that the bus has lost so far.
    pub(crate) fn lost_messages(&self) -> u64 {
        self.middle.as_ref().map_or(0, NatsMiddle::lost)
    }

    /// Rows of a statement on the queue's database, one a line; it doesn't pass a link.
    ///
    /// # Errors
    /// The statement fails.
    pub(crate) fn sql(&self, statement: &str) -> anyhow::Result<String> {
        Ok(self.postgres.psql(DATABASE, statement)?.trim().to_owned())
    }

    /// Task and run of each row of a statement.
    ///
    /// # Errors
    /// The statement fails.
    pub(crate) fn runs(&self, statement: &str) -> anyhow::Result<BTreeSet<(String, u64)>> {
        let rows = self.sql(statement)?;
        let runs = rows.lines().filter_map(|row| row.split_once('|'));
        runs.map(|(task, run)| Ok((task.to_owned(), run.parse()?))).collect()
    }

    /// The gateways' addresses, that of `first` first.
    #[must_use]
    pub(crate) fn gateway_urls(&self, first: usize) -> Vec<String> {
        let mut urls: Vec<_> = self.gateways.iter().map(|g| format!("http://{}", g.address)).collect();
        urls.rotate_left(first % self.gateways.len().max(1));
        urls
    }

    /// One request and its answer, whatever it is.
    ///
    /// # Errors
    /// There was none.
    pub(crate) async fn try_once(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        key: &str,
    ) -> anyhow::Result<(StatusCode, Value)> {
        send(&self.http, &format!("http://{}{path}", self.api.address), method, body, key).await
    }

    /// A request that must succeed in the end: what is answered 503 is sent again under the same key.
    ///
    /// # Errors
    /// Another refusal, or none succeeds within a minute.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (key, begun) = (uuid::Uuid::new_v4().to_string(), Instant::now());
        loop {
            let answer = self.try_once(method.clone(), path, body, &key).await;
            match answer {
                Ok((status, answer)) if status.is_success() => return Ok(answer),
                Ok((status, answer)) => {
                    ensure!(status == StatusCode::SERVICE_UNAVAILABLE, "{method} {path}: {status} {answer}");
                    ensure!(begun.elapsed() < START, "{method} {path}: {answer}");
                }
                Err(error) => ensure!(begun.elapsed() < START, "{method} {path}: {error:#}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// As [`Fleet::ask`], for a reading.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(Method::GET, path, &Value::Null).await
    }
}

/// One request with the fleet's key.
pub(crate) async fn send(
    http: &reqwest::Client,
    url: &str,
    method: Method,
    body: &Value,
    key: &str,
) -> anyhow::Result<(StatusCode, Value)> {
    let mut request = http.request(method, url).bearer_auth(KEY).header("Idempotency-Key", key);
    if !body.is_null() {
        request = request.json(body);
    }
    let answer = request.send().await?;
    let status = answer.status();
    Ok((status, answer.json().await.unwrap_or(Value::Null)))
}
