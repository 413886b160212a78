//! A worker's connection that a row drives by hand: it says what no sound worker would.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use ukai_socketio::{Connection, Incoming, Target};
use ukai_testkit::fake_worker::PRODUCT;

/// The longest wait for one word of the server.
const PATIENCE: Duration = Duration::from_secs(20);
/// A worker's clock: stored, and never used in decisions.
const TIME: &str = "2026-01-01T00:00:00.000Z";

/// One connection.
#[derive(Debug)]
pub(crate) struct Hand {
    connection: Connection,
    /// What came and wasn't asked for yet.
    events: Vec<(String, Value)>,
    answers: BTreeMap<u64, Value>,
}

impl Hand {
    /// Connects, and waits until the worker is registered.
    ///
    /// # Errors
    /// It isn't.
    pub(crate) async fn connect(url: &str, token: &str, auth: &Value) -> anyhow::Result<Self> {
        let mut hand = Self::knock(url, token, auth).await?;
        hand.event("worker:registered").await?;
        Ok(hand)
    }

    /// Connects, whatever the server thinks of it.
    ///
    /// # Errors
    /// There is no connection.
    pub(crate) async fn knock(url: &str, token: &str, auth: &Value) -> anyhow::Result<Self> {
        let mut target = Target::new(url, "/workers")?;
        target.url.query_pairs_mut().append_pair("token", token);
        let connection = Connection::open(&target, &auth.to_string()).await?;
        Ok(Self { connection, events: Vec::new(), answers: BTreeMap::new() })
    }

    /// The next event of that name.
    ///
    /// # Errors
    /// It doesn't come, or the connection ends.
    pub(crate) async fn event(&mut self, name: &str) -> anyhow::Result<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.events.iter().position(|(event, _)| event == name) {
                return Ok(self.events.remove(at).1);
            }
            self.hear(until).await.with_context(|| format!("waiting for {name}"))?;
        }
    }

    /// The next task: its id and run.
    ///
    /// # Errors
    /// As [`Hand::event`].
    pub(crate) async fn task(&mut self) -> anyhow::Result<(String, u64)> {
        let task = self.event("task:assigned").await?;
        let id = task["taskId"].as_str().context("a task's id")?;
        Ok((id.to_owned(), task["run"].as_u64().context("a run")?))
    }

    /// Says something that is answered; the number of its answer.
    ///
    /// # Errors
    /// The connection ended.
    pub(crate) fn ask(&mut self, event: &str, payload: &Value) -> anyhow::Result<u64> {
        Ok(self.connection.emit_raw(event, &payload.to_string(), true)?)
    }

    /// Says something that isn't answered.
    ///
    /// # Errors
    /// The connection ended.
    pub(crate) fn say(&mut self, event: &str, payload: &Value) -> anyhow::Result<()> {
        Ok(self.connection.emit_raw(event, &payload.to_string(), false).map(|_| ())?)
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// The connection ended.
    pub(crate) async fn flush(&mut self) -> anyhow::Result<()> {
        Ok(timeout(PATIENCE, self.connection.flush()).await??)
    }

    /// The answer of that number.
    ///
    /// # Errors
    /// It doesn't come, or the connection ends.
    pub(crate) async fn answer(&mut self, number: u64) -> anyhow::Result<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = self.answers.remove(&number) {
                return Ok(answer);
            }
            self.hear(until).await.context("waiting for an answer")?;
        }
    }

    /// Hears until the server closes the connection; the last `error` that it told.
    ///
    /// # Errors
    /// It doesn't.
    pub(crate) async fn closed(&mut self) -> anyhow::Result<Value> {
        let until = Instant::now() + PATIENCE;
        while self.hear(until).await.is_ok() {}
        anyhow::ensure!(Instant::now() < until, "the connection stands");
        let last = self.events.iter().rev().find(|(event, _)| event == "error");
        Ok(last.map(|(_, error)| error.clone()).unwrap_or_default())
    }

    async fn hear(&mut self, until: Instant) -> anyhow::Result<()> {
        match tokio::time::timeout_at(until, self.connection.next()).await {
            Ok(Ok(Incoming::Event(event))) => {
                self.events.push((event.name().to_owned(), event.parse().unwrap_or_default()));
            }
            Ok(Ok(Incoming::Ack(ack))) => {
                self.answers.insert(ack.id, ack.parse().unwrap_or_default());
            }
            Ok(Err(ended)) => bail!("the connection ended: {ended}"),
            Err(_elapsed) => bail!("nothing came; before: {:?}", self.events),
        }
        Ok(())
    }
}

/// What a worker says of itself that holds these runs.
pub(crate) fn holding(runs: &[(&str, u64)]) -> Value {
    let held: Vec<_> = runs.iter().map(|(task, run)| json!({ "taskId": task, "run": run })).collect();
    json!({ "capacity": 1, "capabilities": ["scrape"], "inFlight": held })
}

/// `task:started`.
pub(crate) fn started(task: &str, run: u64) -> Value {
    json!({ "taskId": task, "run": run, "startedAt": TIME })
}

/// `task:completed`.
pub(crate) fn completed(task: &str, run: u64) -> Value {
    let product: Value = serde_json::from_str(PRODUCT).unwrap_or_default();
    json!({ "taskId": task, "run": run, "completedAt": TIME, "result": product,
        "metrics": { "scrapeDurationMs": 1_840, "pageLoadTimeMs": 920 } })
}

/// `task:failed` with words of one's own.
pub(crate) fn failed(task: &str, run: u64, message: &str) -> Value {
    json!({ "taskId": task, "run": run, "failedAt": TIME,
        "error": { "type": "NETWORK", "message": message } })
}

/// `worker:heartbeat`.
pub(crate) fn heartbeat(task: Option<&str>) -> Value {
    let mut beat = json!({
        "status": if task.is_some() { "busy" } else { "idle" },
        "networkInfo": { "externalIp": "192.0.2.7", "ispName": "Example Net", "lastCheckedAt": TIME },
        "stats": { "tasksCompleted": 0, "tasksFailed": 0, "uptime": 1 },
    });
    if let Some(task) = task {
        beat["currentTaskId"] = Value::from(task);
    }
    beat
}
