//! The exporter's loop, on a thread and a runtime of its own: nothing that a collector does can hold up anything else.

use super::queue::{Counters, EXPORT_FAILED};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

/// Spans of one export.
const BATCH: usize = 512;
/// How long a span may wait for others.
const GATHER: Duration = Duration::from_millis(1_000);
/// An export takes no longer; then its spans are dropped.
pub(super) const EXPORT_LIMIT: Duration = Duration::from_secs(10);
/// What waits at the end is still exported within this time.
pub(super) const LAST_EXPORTS: Duration = Duration::from_secs(4);

/// The receiving end.
pub(super) struct Export {
    pub(super) exporter: SpanExporter,
    pub(super) spans: mpsc::Receiver<SpanData>,
    pub(super) counters: Counters,
    /// Whether the last export failed: an outage is told once.
    pub(super) is_away: bool,
}

impl Export {
    /// Exports until `stop`, then what waits by then.
    pub(super) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                _ = &mut stop => break,
                gathered = gather(&mut self.spans, &mut batch) => if !gathered { break },
            }
            let spans = std::mem::take(&mut batch);
            let count = spans.len();
            tokio::select! {
                // The collector may be slow: what it has in hand is told again by nobody.
                _ = &mut stop => {
                    self.counters.dropped(EXPORT_FAILED, count);
                    break;
                }
                exported = timeout(EXPORT_LIMIT, self.exporter.export(spans)) => {
                    self.tell(count, matches!(exported, Ok(Ok(()))));
                }
            }
        }
        self.last(batch).await;
    }

    async fn last(&mut self, mut batch: Vec<SpanData>) {
        let until = Instant::now() + LAST_EXPORTS;
        self.spans.close();
        loop {
            while batch.len() < BATCH
                && let Ok(span) = self.spans.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() {
                return;
            }
            let spans = std::mem::take(&mut batch);
            let count = spans.len();
            let exported = timeout_at(until, self.exporter.export(spans)).await;
            self.tell(count, matches!(exported, Ok(Ok(()))));
        }
    }

    fn tell(&mut self, count: usize, is_exported: bool) {
        match (is_exported, self.is_away) {
            (true, true) => tracing::info!("the collector takes spans again"),
            (false, false) => tracing::warn!("the collector doesn't take spans: they are dropped"),
            _ => {}
        }
        self.is_away = !is_exported;
        if is_exported {
            self.counters.exported(count);
        } else {
            self.counters.dropped(EXPORT_FAILED, count);
        }
    }
}

/// Waits for a span and for what follows it shortly; false once there will be none.
async fn gather(spans: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>) -> bool {
    if batch.is_empty() && spans.recv_many(batch, BATCH).await == 0 {
        return false;
    }
    let until = Instant::now() + GATHER;
    while batch.len() < BATCH {
        let room = BATCH - batch.len();
        match timeout_at(until, spans.recv_many(batch, room)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    true
}
