//! Ended spans on their way to the exporter. Who ends one never waits: what finds no room is dropped and counted.

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::time::Duration;
use tokio::sync::mpsc;

/// Spans that may wait.
pub(super) const CAPACITY: usize = 2_048;

/// What became of spans.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    exported: Counter,
    dropped: Family<Reason, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

impl Counters {
    pub(super) fn register(&self, registry: &mut Registry) {
        // Both reasons stand there from the start: an alert needs a number to rise from.
        self.dropped(QUEUE_FULL, 0);
        self.dropped(EXPORT_FAILED, 0);
        let r = registry.sub_registry_with_prefix("ukai_otel");
        r.register("spans_exported", "Spans that the collector took", self.exported.clone());
        r.register("spans_dropped", "Spans that were dropped", self.dropped.clone());
    }

    pub(super) fn exported(&self, spans: usize) {
        self.exported.inc_by(spans as u64);
    }

    pub(super) fn dropped(&self, reason: &'static str, spans: usize) {
        self.dropped.get_or_create(&Reason { reason }).inc_by(spans as u64);
    }
}

/// More spans ended than the collector takes.
const QUEUE_FULL: &str = "queue_full";
/// The collector was away, too slow, or refused them.
pub(super) const EXPORT_FAILED: &str = "export_failed";

/// The sending end.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) spans: mpsc::Sender<SpanData>,
    pub(super) counters: Counters,
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.spans.try_send(span).is_err() {
            self.counters.dropped(QUEUE_FULL, 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _limit: Duration) -> OTelSdkResult {
        Ok(())
    }
}
