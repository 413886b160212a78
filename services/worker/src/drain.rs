//! The end of a worker: nothing more is taken on, what has not begun is handed back, what runs is finished and reported.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use ukai_socketio::ClientEvent;

use crate::{
    ended::next_end,
    session::{Live, Session},
};

/// The longest wait for reports, after the last page.
const FLUSH: Duration = Duration::from_secs(5);

impl Session {
    /// Hands back what waits for its pause, finishes the pages that run, delivers reports, leaves.
    pub(crate) async fn drain(&mut self, mut live: Live) {
        let _ = self.context.client.emit("worker:draining", &json!({ "reason": "shutdown" }));
        let context = Arc::clone(&self.context);
        let stop = |all: bool| {
            let running = context.holdings.running();
            running.iter().filter(|held| all || !held.started).for_each(|held| held.cancel.cancel());
        };
        stop(false);
        let until = tokio::time::Instant::now() + self.drain;
        let mut flushed_by = None;
        loop {
            let idle = live.runs.is_empty();
            if idle && flushed_by.is_none() {
                flushed_by = Some(tokio::time::Instant::now() + FLUSH);
            }
            if idle && self.context.holdings.outbox().waiting().next().is_none() {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep_until(flushed_by.unwrap_or(until)) => break,
                event = self.events.recv() => match event {
                    // Nothing new is taken on; a cancel is still obeyed.
                    Some(ClientEvent::Event(event)) if event.name() == "task:cancelled" => {
                        let _ = event.parse().map(|message| self.on_cancelled(&message));
                    }
                    Some(ClientEvent::Event(event)) if event.name() == "worker:registered" => {
                        let _ = event.parse().map(|message| self.on_registered(&mut live, &message));
                        let _ = self.context.client.emit("worker:draining", &json!({ "reason": "shutdown" }));
                    }
                    Some(ClientEvent::Disconnected { .. }) => {
                        self.open.send_replace(false);
                    }
                    Some(_) => {}
                    None => break,
                },
                () = next_end(&mut live.runs, &mut self.judge, &mut live.stats, &self.context) => self.heartbeat(&live),
                _ = live.beat.tick() => self.heartbeat(&live),
                () = tokio::time::sleep(Duration::from_millis(50)), if idle => {}
            }
        }
        stop(true);
        live.runs.shutdown().await;
        let left = self.context.holdings.outbox().waiting().count();
        if left > 0 {
            tracing::warn!(reports = left, "reports wait on disk for the next start");
        }
        let _ = tokio::time::timeout(Duration::from_secs(2), self.context.client.close()).await;
    }
}
