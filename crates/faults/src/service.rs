//! One process of a fleet: how it is started, and the links that lead to it and away from it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use ukai_testkit::ports::free_address;
use ukai_testkit::postgres::Cluster;
use ukai_testkit::process::{self, Process};
use ukai_testkit::proxy::FaultProxy;

use crate::clock::WrongClock;
use crate::fleet::{DATABASE, ENROLMENT, KEY, START, Shape};

/// Known to all services of a fleet.
const INTERNAL: &str = "known-to-all-services-of-this-fleet";

/// A process, its addresses, and its links.
#[derive(Debug)]
pub(crate) struct Service {
    /// The process itself.
    pub(crate) process: Process,
    /// `--listen`.
    pub(crate) address: SocketAddr,
    /// Where `/readyz` is.
    health: SocketAddr,
    /// The way to `--listen`; where a scheduler says that it is reached.
    pub(crate) door: FaultProxy,
    /// What its wall clock is read from, where that is wrong.
    pub(crate) clock: Option<WrongClock>,
    /// Its way to the database.
    pub(crate) database: FaultProxy,
    /// Its way to the bus.
    pub(crate) bus: FaultProxy,
}

impl Service {
    /// The value of one of its metrics, without labels; 0 where it isn't shown.
    ///
    /// # Errors
    /// It doesn't answer.
    pub(crate) async fn metric(&self, http: &reqwest::Client, name: &str) -> anyhow::Result<f64> {
        let url = format!("http://{}/metrics", self.health);
        let text = http.get(url).bearer_auth(KEY).send().await?.error_for_status()?.text().await?;
        let lines = text.lines().filter(|line| line.starts_with(name) && !line.starts_with('#'));
        Ok(lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum())
    }

    /// Waits until it says so itself.
    ///
    /// # Errors
    /// It doesn't, with its log.
    pub(crate) async fn ready(&mut self, http: &reqwest::Client) -> anyhow::Result<()> {
        let url = format!("http://{}/readyz", self.health);
        let is_ready =
            || async { http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) };
        Ok(self.process.until("ready", START, is_ready).await?)
    }
}

/// What all processes of a fleet share.
pub(crate) struct Place<'a> {
    /// What the database's address is made from.
    pub(crate) postgres: &'a Cluster,
    /// Where the database is reached.
    pub(crate) database: SocketAddr,
    /// Where the bus is reached.
    pub(crate) bus: SocketAddr,
    /// For logs and files.
    pub(crate) folder: &'a Path,
    /// The clocks.
    pub(crate) shape: Shape,
}

impl Place<'_> {
    /// Starts so many of a kind.
    ///
    /// # Errors
    /// One can't be started.
    pub(crate) async fn many(&self, name: &str, count: usize) -> anyhow::Result<Vec<Service>> {
        let mut services = Vec::new();
        for number in 0..count {
            services.push(self.service(name, number).await?);
        }
        Ok(services)
    }

    /// Starts one.
    ///
    /// # Errors
    /// It can't be started.
    pub(crate) async fn service(&self, name: &str, number: usize) -> anyhow::Result<Service> {
        let database = FaultProxy::to(self.database).await?;
        let bus = FaultProxy::to(self.bus).await?;
        let mut url = url::Url::parse(&self.postgres.url(DATABASE))?;
        url.set_port(Some(database.address().port())).ok().context("a port")?;
        let address = free_address()?;
        let mut health = address;
        let door = FaultProxy::to(address).await?;
        let mut command = process::command(&self.shape.version.program(name)?);
        command
            .args(["--listen", &address.to_string()])
            .env("UKAI_DATABASE_URL", url.as_str())
            .env("UKAI_NATS_URL", format!("nats://{}", bus.address()))
            .env("UKAI_INTERNAL_TOKEN", INTERNAL)
            .env("UKAI_ADMIN_KEY", KEY)
            .env("UKAI_WORKER_ENROLL_TOKEN", ENROLMENT)
            .env("UKAI_HEARTBEAT_INTERVAL_MS", self.shape.heartbeat.as_millis().to_string())
            .env("UKAI_HEARTBEAT_TIMEOUT_MS", self.shape.lost.as_millis().to_string())
            .env("UKAI_AWAY_GRACE_MS", self.shape.away.as_millis().to_string())
            .env("UKAI_TASK_TIMEOUT_MS", self.shape.task_timeout.as_millis().to_string())
            .env("UKAI_DEADLINE_SLACK_MS", self.shape.slack.as_millis().to_string());
        if name == "ukai-scheduler" {
            health = free_address()?;
            command.args(["--metrics-listen", &health.to_string()]);
            command.args(["--advertise", &door.address().to_string()]);
            if let Some(points) = self.shape.points {
                command.env("FAILPOINTS", points);
            }
        }
        if name == "ukai-api" {
            let store = self.folder.join("artifacts");
            command.arg("--allow-private-targets").arg("--artifact-store").arg(store);
        }
        settle(&mut command);
        let clock = match self.shape.clock {
            Some(offset) => {
                let file = self.folder.join(format!("{name}-{number}.clock"));
                Some(WrongClock::wind(&mut command, file, offset(name, number))?)
            }
            None => None,
        };
        let process = Process::start(&format!("{name}-{number}"), command, self.folder)?;
        Ok(Service { process, address, health, door, clock, database, bus })
    }
}

/// A fleet's logs are read by the checker, as text.
pub(crate) fn settle(command: &mut Command) {
    command.env("UKAI_LOG", "info").env("NO_COLOR", "1").env("RUST_BACKTRACE", "0");
}
