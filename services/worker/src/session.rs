//! The worker's life on its socket: what the server says, what ends, what the clock says. It decides nothing hard and
//! never waits for an answer, so that a cancel is always heard.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use anyhow::bail;
use serde_json::json;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
    time::{Interval, MissedTickBehavior, interval_at},
};
use ukai_boot::Shutdown;
use ukai_socketio::{ClientEvent, Event};

use crate::{
    block::BlockJudge,
    clock,
    ended::next_end,
    heartbeat::{self, Stats},
    messages::{Assigned, Cancelled, ConfigUpdate, Registered, ServerError},
    network::NetworkInfo,
    outcome,
    scrape::{self, Context, Ended},
    wake::{self, Sleep},
};

/// A connection that was gone longer may have cost a run its lease.
const LONG_CUT: Duration = Duration::from_secs(5);
/// How long the server may take after a long cut to cancel what is over, before anything is reported.
const ASKING: Duration = Duration::from_secs(1);

pub(crate) struct Session {
    pub(crate) context: Arc<Context>,
    pub(crate) events: mpsc::Receiver<ClientEvent>,
    /// Tells the reporter whether the worker is registered.
    pub(crate) open: watch::Sender<bool>,
    pub(crate) network: watch::Receiver<NetworkInfo>,
    /// Has the public address asked for again.
    pub(crate) ask_network: Arc<Notify>,
    pub(crate) asleep_after: Duration,
    pub(crate) judge: BlockJudge,
    pub(crate) drain: Duration,
}

/// What changes while it runs.
pub(crate) struct Live {
    pub(crate) runs: JoinSet<Ended>,
    pub(crate) stats: Stats,
    pub(crate) beat: Interval,
    task_timeout: Duration,
    was_registered: bool,
    known_network: NetworkInfo,
    /// Since when there is no connection, or none that can be trusted.
    cut: Option<Instant>,
    /// Reports wait until then for the server's word on them.
    asking: Option<tokio::time::Instant>,
    told_unsaved: bool,
}

impl Session {
    /// Serves until `shutdown`, then hands back what has not begun and finishes what has.
    pub(crate) async fn run(mut self, shutdown: &Shutdown) -> anyhow::Result<()> {
        let mut live = Live {
            runs: JoinSet::new(),
            stats: Stats::new(Instant::now()),
            beat: beat(Duration::from_secs(10)),
            task_timeout: Duration::from_secs(60),
            was_registered: false,
            known_network: self.network.borrow().clone(),
            // What an earlier worker left may be over too.
            cut: Some(Instant::now()).filter(|_| self.context.holdings.outbox().waiting().next().is_some()),
            asking: None,
            told_unsaved: false,
        };
        let mut look = beat(wake::LOOK);
        let mut sleep = Sleep::new(self.asleep_after, (Instant::now(), SystemTime::now()));
        loop {
            tokio::select! {
                // What the server said is heard before a wait for it ends.
                biased;
                () = shutdown.stopping() => break,
                event = self.events.recv() => match event {
                    Some(event) => self.on_event(&mut live, event)?,
                    None => bail!("the connection's task has ended"),
                },
                () = next_end(&mut live.runs, &mut self.judge, &mut live.stats, &self.context) => self.heartbeat(&live),
                _ = live.beat.tick() => self.heartbeat(&live),
                Ok(()) = self.network.changed() => self.on_network(&mut live),
                _ = look.tick() => {
                    if let Some(away) = sleep.look((Instant::now(), SystemTime::now())) {
                        self.on_wake(&mut live, away);
                    }
                    self.save(&mut live);
                }
                () = until(live.asking) => {
                    live.asking = None;
                    self.open.send_replace(true);
                }
            }
        }
        self.drain(live).await;
        Ok(())
    }

    fn on_event(&mut self, live: &mut Live, event: ClientEvent) -> anyhow::Result<()> {
        match event {
            ClientEvent::Connected(_) => live.stats = Stats::new(Instant::now()),
            ClientEvent::Disconnected { reason, retry_in } => {
                self.open.send_replace(false);
                live.asking = None;
                live.cut.get_or_insert_with(Instant::now);
                tracing::warn!(%reason, retry_ms = clock::millis(retry_in), "disconnected");
            }
            ClientEvent::ConnectFailed { error, retry_in } => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, retry_ms = clock::millis(retry_in), "no connection");
            }
            ClientEvent::Event(event) => return self.on_server_event(live, &event),
        }
        Ok(())
    }

    fn on_server_event(&mut self, live: &mut Live, event: &Event) -> anyhow::Result<()> {
        let read = match event.name() {
            "worker:registered" => event.parse().map(|message| self.on_registered(live, &message)),
            "task:assigned" => event.parse().map(|message| self.on_assigned(live, message)),
            "task:cancelled" => event.parse().map(|message| self.on_cancelled(&message)),
            "worker:config_update" => event.parse().map(|message| self.on_config(live, &message)),
            "error" => match event.parse::<ServerError>() {
                Ok(error) if error.code == "AUTH_FAILED" && !live.was_registered => {
                    return Err(crate::Refused(error.message).into());
                }
                Ok(error) => {
                    tracing::error!(
                        code = error.code,
                        message = error.message,
                        "the server reports an error"
                    );
                    Ok(())
                }
                Err(error) => Err(error),
            },
            name => {
                tracing::debug!(event = name, "an event that this version does not know");
                Ok(())
            }
        };
        if let Err(error) = read {
            tracing::error!(event = event.name(), %error, "the server sent an event that is not as documented");
            self.say_error("INVALID_PAYLOAD", &format!("{}: {error}", event.name()));
        }
        Ok(())
    }

    pub(crate) fn on_registered(&mut self, live: &mut Live, message: &Registered) {
        let heartbeat = Duration::from_millis(message.config.heartbeat_interval.clamp(100, 600_000));
        live.beat = beat(heartbeat);
        live.task_timeout = Duration::from_millis(message.config.task_timeout.clamp(1_000, 3_600_000));
        if live.was_registered {
            self.ask_network.notify_one();
        }
        let first = !live.was_registered;
        live.was_registered = true;
        tracing::info!(worker.id = message.worker_id, "registered");
        self.context.artifacts.introduce(&message.worker_id);
        for held in self.context.holdings.running().iter().filter(|held| held.started) {
            let _ = self
                .context
                .client
                .emit("task:started", &outcome::started(&held.task_id, held.run, &clock::now()));
        }
        self.heartbeat(live);
        let cut = live.cut.take();
        if cut.is_some_and(|since| first || since.elapsed() > LONG_CUT) {
            live.asking = Some(tokio::time::Instant::now() + ASKING);
        } else {
            self.open.send_replace(true);
        }
    }

    /// Whatever was known of leases is old: nothing is reported before a new connection has named what is in flight and
    /// the server has cancelled what is over.
    fn on_wake(&mut self, live: &mut Live, away: Duration) {
        tracing::warn!(
            away_ms = clock::millis(away),
            "this machine slept, the server is asked what still counts"
        );
        self.open.send_replace(false);
        live.asking = None;
        live.cut = Instant::now().checked_sub(LONG_CUT * 2).or(live.cut).or_else(|| Some(Instant::now()));
        self.events = self.context.client.renew();
    }

    /// Reports that a full disk did not take are tried again, and the server is told of it once.
    fn save(&self, live: &mut Live) {
        let unsaved = self.context.holdings.outbox().is_unsaved();
        if unsaved && !live.told_unsaved {
            self.say_error(
                "INTERNAL_ERROR",
                "this worker's disk takes no reports: they wait in memory alone",
            );
        }
        if !unsaved && live.told_unsaved {
            tracing::info!("reports are on disk again");
        }
        live.told_unsaved = unsaved;
        if unsaved {
            let holdings = Arc::clone(&self.context.holdings);
            tokio::task::spawn_blocking(move || holdings.outbox().save());
        }
    }

    fn on_assigned(&mut self, live: &mut Live, task: Assigned) {
        let Some(cancel) = self.context.holdings.take_on(&task.task_id, task.run) else {
            tracing::debug!(task.id = task.task_id, run = task.run, "assigned again");
            return;
        };
        // A server without our reset hands out work to a blocked worker when it has reset it. From ours a task may come
        // that was on its way when the block was told.
        if task.run.is_none() {
            self.judge.reset_if_blocked();
        }
        live.runs.spawn(scrape::run(Arc::clone(&self.context), task, cancel, live.task_timeout));
    }

    pub(crate) fn on_cancelled(&self, message: &Cancelled) {
        let running = self.context.holdings.running();
        let meant = running.iter().filter(|held| held.task_id == message.task_id);
        for held in meant.filter(|held| message.run.is_none() || held.run == message.run) {
            tracing::info!(task.id = held.task_id, run = held.run, reason = message.reason, "cancelled");
            held.cancel.cancel();
        }
        drop(running);
        // A report that waits for a run that is over is not wanted any more, from this moment.
        let reports: Vec<_> = {
            let mut outbox = self.context.holdings.outbox();
            let waiting = outbox.waiting().filter(|report| report.task_id == message.task_id);
            let meant = waiting.filter(|report| message.run.is_none() || report.run == message.run);
            let meant: Vec<_> = meant.map(|report| (report.task_id.clone(), report.run)).collect();
            meant.into_iter().filter(|(task_id, run)| outbox.forget(task_id, *run)).collect()
        };
        for (task_id, run) in reports {
            tracing::info!(task.id = task_id, run, "a report of a run that is over is dropped");
            let holdings = Arc::clone(&self.context.holdings);
            tokio::task::spawn_blocking(move || holdings.outbox().note(&task_id, run));
        }
    }

    fn on_config(&mut self, live: &Live, message: &ConfigUpdate) {
        if let Some(limit) = message.rate_limit {
            let mut pauses = self.context.pauses.lock().unwrap_or_else(PoisonError::into_inner);
            pauses.set(Duration::from_millis(limit.min_delay_ms), Duration::from_millis(limit.max_delay_ms));
        }
        if message.reset {
            self.judge.reset();
            self.heartbeat(live);
        }
        if message.screenshot {
            let context = &self.context;
            context.camera.take(&context.holdings, &context.artifacts, message);
        }
        if let Some(headless) = message.headless {
            let context = Arc::clone(&self.context);
            tokio::spawn(async move {
                if let Err(why) = context.fetcher.set_headless(headless).await {
                    tracing::error!(headless, why, "the browser's mode can't be changed");
                    let message = format!("headless:{headless} is not possible here: {why}");
                    let _ = context.client.emit("error", &error("INTERNAL_ERROR", &message));
                }
            });
        }
    }

    fn on_network(&mut self, live: &mut Live) {
        let current = self.network.borrow_and_update().clone();
        let before = std::mem::replace(&mut live.known_network, current.clone());
        let same = before.external_ip == current.external_ip && before.isp_name == current.isp_name;
        if same || before.external_ip.is_empty() {
            return;
        }
        let _ = self.context.client.emit(
            "worker:network_changed",
            &json!({
                "previousIp": before.external_ip,
                "currentIp": current.external_ip,
                "previousIsp": before.isp_name,
                "currentIsp": current.isp_name,
                "changedAt": clock::now(),
            }),
        );
    }

    pub(crate) fn heartbeat(&self, live: &Live) {
        if !live.was_registered {
            return;
        }
        let running = self.context.holdings.running();
        // A run that waits for its pause keeps the worker busy too: the server must hand out nothing more for it.
        let current = running.iter().find(|held| held.started).or(running.first());
        let current = current.map(|held| held.task_id.as_str());
        let network = self.network.borrow();
        let payload =
            heartbeat::payload(self.judge.is_blocked(), current, &network, &live.stats, Instant::now());
        let _ = self.context.client.emit("worker:heartbeat", &payload);
    }

    fn say_error(&self, code: &str, message: &str) {
        let _ = self.context.client.emit("error", &error(code, message));
    }
}

fn error(code: &str, message: &str) -> serde_json::Value {
    json!({ "code": code, "message": message, "timestamp": clock::now() })
}

async fn until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn beat(every: Duration) -> Interval {
    let mut beat = interval_at(tokio::time::Instant::now() + every, every);
    // A machine that slept says once that it is alive, not a hundred times.
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}
