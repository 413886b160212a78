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

/// Events of one message: a gateway that goes takes thousands of workers with it in one commit, and a bus has room for
/// one megabyte at least.
const MOST_BYTES: usize = 256 << 10;

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
            for (first, events) in parts(row, MOST_BYTES) {
                let row = v1::EventRow { first, job: row.job.as_bytes().to_vec(), at: row.at.0, events };
                let batch = v1::EventBatch { epoch: self.epoch, rows: vec![row] };
                let _lost = self.bus.publish(&subject, Bytes::from(batch.encode_to_vec())).await;
            }
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

/// The row's events as JSON lists of at most so many bytes, each with its first number; one that is larger is alone.
fn parts(row: &EventRow, most: usize) -> Vec<(u64, String)> {
    let mut parts: Vec<(u64, String)> = Vec::new();
    for (number, event) in (row.first..).zip(&row.events) {
        let Ok(text) = serde_json::to_string(event) else { continue };
        match parts.last_mut().filter(|(_, list)| list.len() + text.len() < most) {
            Some((_, list)) => {
                list.push(',');
                list.push_str(&text);
            }
            None => parts.push((number, format!("[{text}"))),
        }
    }
    parts.iter_mut().for_each(|(_, list)| list.push(']'));
    parts
}

#[cfg(test)]
mod tests {
    use super::parts;
    use ukai_domain::{Event, EventRow, JobId, Timestamp, WorkerId};

    #[test]
    fn a_large_row_goes_in_parts_without_a_gap() {
        let gone = |n: usize| Event::WorkerDisconnected { worker: WorkerId::NIL, reason: "x".repeat(n % 90) };
        let events: Vec<Event> = (0..1_000).map(gone).collect();
        let row = EventRow { first: 7, job: JobId::NIL, at: Timestamp(1), events: events.clone() };
        let parts = parts(&row, 4_000);
        assert!(parts.len() > 10, "{}", parts.len());
        let (mut next, mut read) = (row.first, Vec::new());
        for (first, list) in &parts {
            assert_eq!(*first, next);
            assert!(list.len() <= 4_001, "{}", list.len());
            let some: Vec<Event> = serde_json::from_str(list).unwrap();
            next += some.len() as u64;
            read.extend(some);
        }
        assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&events).unwrap());
        assert_eq!(super::parts(&row, 1).len(), events.len(), "one that is larger is alone");
    }
}
