//! Events on the bus after their commit, and the head each second.

use bytes::Bytes;
use prost::Message;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use ukai_boot::Shutdown;
use ukai_bus::{Bus, EVENT_HEAD, event_subject};
use ukai_domain::{EventRow, JobId};
use ukai_rpc::v1;

#[derive(Clone)]
pub(crate) struct Publisher {
    bus: Arc<dyn Bus>,
    epoch: u64,
    last: Arc<AtomicU64>,
}

impl Publisher {
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn new(bus: Arc<dyn Bus>, epoch: u64) -> Self {
        Self { bus, epoch, last: Arc::new(AtomicU64::new(0)) }
    }

    /// In number order. A message that is lost is found by its gap against the head.
    pub(crate) async fn publish(&self, rows: &[EventRow], last: u64) {
        for row in rows {
            let kind = if row.job == JobId::NIL { "worker" } else { "job" };
            let subject = event_subject(kind, &row.job.to_string());
            if !self.bus.is_wanted(&subject) {
                continue;
            }
            let Ok(events) = serde_json::to_string(&row.events) else { continue };
            let batch = v1::EventBatch {
                epoch: self.epoch,
                rows: vec![v1::EventRow {
                    first: row.first,
                    job: row.job.as_bytes().to_vec(),
                    at: row.at.0,
                    events,
                }],
            };
            let _lost = self.bus.publish(&subject, Bytes::from(batch.encode_to_vec())).await;
        }
        self.last.store(last, Ordering::Relaxed);
    }

    pub(crate) async fn announce_head(self, last: u64, leading: Shutdown) {
        self.last.fetch_max(last, Ordering::Relaxed);
        loop {
            let head = v1::EventHead { epoch: self.epoch, last: self.last.load(Ordering::Relaxed) };
            let _lost = self.bus.publish(EVENT_HEAD, Bytes::from(head.encode_to_vec())).await;
            tokio::select! {
                () = leading.stopping() => return,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }
}
