//! One connection of a fake worker, from the dial to the cut.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use ukai_socketio::{Ack, Connection, Event, Incoming, Target};

use super::messages::{self, Answered, Registered, Task};
use super::{Answer, Ended, FakeWorker, Happening, Held, Memory, Observer};

/// How long a draining worker listens on.
const LAST_PUSHES: Duration = Duration::from_millis(300);

/// Reports without an answer: ack id to task and run.
type Waiting = HashMap<u64, (String, u64)>;

/// Works until the connection is cut or the worker has drained.
pub(super) async fn run(
    worker: &FakeWorker,
    target: &Target,
    memory: &mut Memory,
    drain: &CancellationToken,
    observe: &Observer,
) -> Ended {
    let held = memory.held.iter().map(|(task, held)| (task.as_str(), held.run));
    let auth = messages::auth(worker.capacity, worker.links.is_some(), held);
    let connection = match Connection::open(target, &auth).await {
        Ok(connection) => connection,
        Err(error) => {
            observe(Happening::Cut(error.to_string()));
            return Ended::Cut;
        }
    };
    let mut session =
        Session { worker, memory, observe, connection, waiting: Waiting::new(), draining: None };
    session.report_again();
    session.work(drain).await
}

struct Session<'a> {
    worker: &'a FakeWorker,
    memory: &'a mut Memory,
    observe: &'a Observer,
    connection: Connection,
    waiting: Waiting,
    /// What the server pushed before it heard of the drain arrives until then.
    draining: Option<Instant>,
}

impl Session<'_> {
    async fn work(mut self, drain: &CancellationToken) -> Ended {
        // Until `worker:registered` tells the interval; from then on at once and regularly.
        let first = Duration::from_secs(10);
        let mut beat = tokio::time::interval_at(Instant::now() + first, first);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut drained = std::pin::pin!(drain.cancelled());
        loop {
            let left = self.draining.filter(|_| self.memory.held.is_empty());
            if left.is_some_and(|left| left <= Instant::now()) {
                self.connection.close().await;
                return Ended::Drained;
            }
            let due = self.next_due();
            tokio::select! {
                incoming = self.connection.next() => match incoming {
                    Ok(Incoming::Event(event)) => {
                        if let Some(interval) = self.event(&event) {
                            beat = tokio::time::interval(interval);
                            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
                        }
                    }
                    Ok(Incoming::Ack(ack)) => self.answered(&ack),
                    Err(reason) => {
                        (self.observe)(Happening::Cut(reason.to_string()));
                        return Ended::Cut;
                    }
                },
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.finish(),
                _ = beat.tick() => self.heartbeat(),
                () = tokio::time::sleep_until(left.unwrap_or_else(Instant::now)), if left.is_some() => {}
                () = &mut drained, if self.draining.is_none() => {
                    self.draining = Some(Instant::now() + LAST_PUSHES);
                    self.say("worker:draining", "{}");
                }
            }
        }
    }

    /// When the next page is done.
    fn next_due(&self) -> Option<Instant> {
        self.memory.held.values().filter(|held| !held.reported).map(|held| held.due).min()
    }

    /// Gives the heartbeat interval where the event tells it.
    fn event(&mut self, event: &Event) -> Option<Duration> {
        match event.name() {
            "task:assigned" => {
                if let Ok(task) = event.parse::<Task>() {
                    self.assigned(task);
                }
            }
            "task:cancelled" => {
                if let Ok(task) = event.parse::<Task>() {
                    if !self.worker.ignores_cancels {
                        self.memory.held.remove(&task.task_id);
                    }
                    (self.observe)(Happening::Cancelled { task: task.task_id });
                }
            }
            "worker:registered" => {
                (self.observe)(Happening::Registered);
                let registered = event.parse::<Registered>().ok()?;
                return Some(Duration::from_millis(registered.config.heartbeat_interval.max(10)));
            }
            "error" => (self.observe)(Happening::Error(event.raw().to_owned())),
            _ => {}
        }
        None
    }

    fn assigned(&mut self, task: Task) {
        (self.observe)(Happening::Assigned { task: task.task_id.clone(), run: task.run });
        // The same run pushed twice is one run.
        if self.memory.held.get(&task.task_id).is_some_and(|held| held.run == task.run) {
            return;
        }
        self.say("task:started", &messages::started(&task.task_id, task.run));
        let page = self.memory.page(&self.worker.page);
        let (run, due) = (task.run, Instant::now() + page);
        let held = Held { run, url: task.product_url, due, reported: page.is_zero() };
        if held.reported {
            self.report(&task.task_id, run, &held.url);
        }
        self.memory.held.insert(task.task_id, held);
    }

    /// Reports the pages that are done.
    fn finish(&mut self) {
        let now = Instant::now();
        let mut done = Vec::new();
        for (task, held) in self.memory.held.iter_mut().filter(|(_, held)| !held.reported && held.due <= now)
        {
            held.reported = true;
            done.push((task.clone(), held.run, held.url.clone()));
        }
        for (task, run, url) in done {
            self.report(&task, run, &url);
        }
    }

    /// Results without an answer go out again on a new connection.
    fn report_again(&mut self) {
        let unanswered = self.memory.held.iter().filter(|(_, held)| held.reported);
        let unanswered: Vec<_> =
            unanswered.map(|(task, held)| (task.clone(), held.run, held.url.clone())).collect();
        for (task, run, url) in unanswered {
            self.report(&task, run, &url);
        }
    }

    fn report(&mut self, task: &str, run: u64, url: &str) {
        let links = self.worker.links.map(|links| links(url));
        let message = messages::completed(task, run, links);
        if let Ok(id) = self.connection.emit_raw("task:completed", &message, true) {
            self.waiting.insert(id, (task.to_owned(), run));
            (self.observe)(Happening::Reported { task: task.to_owned(), run });
        }
    }

    fn answered(&mut self, ack: &Ack) {
        let Some((task, run)) = self.waiting.remove(&ack.id) else { return };
        let answer = match ack.parse::<Answered>() {
            Ok(Answered { accepted: true, reason: Some(reason) }) if reason == "duplicate" => {
                Answer::Duplicate
            }
            Ok(Answered { accepted: true, .. }) => Answer::Accepted,
            Ok(Answered { reason: Some(reason), .. }) if reason == "duplicate" => Answer::Duplicate,
            Ok(Answered { reason, .. }) => Answer::Refused(reason.unwrap_or_default()),
            Err(_) => Answer::Refused(format!("unreadable: {}", ack.raw())),
        };
        self.memory.completed += u64::from(answer == Answer::Accepted);
        if self.memory.held.get(&task).is_some_and(|held| held.run == run) {
            self.memory.held.remove(&task);
        }
        (self.observe)(Happening::Answered { task, run, answer });
    }

    fn heartbeat(&mut self) {
        let current = self.memory.held.keys().next().cloned();
        let uptime = self.memory.begun.elapsed().as_secs();
        let message = messages::heartbeat(current.as_deref(), self.memory.completed, uptime);
        self.say("worker:heartbeat", &message);
    }

    /// What can't be queued on a cut connection shows as its end at the next poll.
    fn say(&mut self, event: &str, json: &str) {
        let _the_end_is_seen_by_next = self.connection.emit_raw(event, json, false);
    }
}
