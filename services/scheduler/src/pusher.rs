//! Pushes to gateways: numbered, one batch in flight a gateway, sent again until confirmed.

use crate::clock::Clock;
use crate::inbox::Inbox;
use crate::metrics::Metrics;
use bytes::Bytes;
use prost::Message;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use ukai_boot::Shutdown;
use ukai_boot::trace::{Span, SpanKind, Tracer};
use ukai_bus::{Bus, BusError, BusStatus, gateway_subject};
use ukai_domain::scheduler::{Input, Push, PushMessage};
use ukai_domain::{GatewayId, Run, SessionId, TaskId};
use ukai_rpc::v1;

/// A batch that a gateway didn't confirm by then is sent again.
const CONFIRM_WITHIN: Duration = Duration::from_secs(2);
/// Between two tries while nobody answers.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// «No responders» this often in a row: the gateway is gone.
const GONE_AFTER: u32 = 2;
/// Pushes that may wait for one gateway.
const QUEUE: usize = 65_536;
/// Pushes of one batch at most.
const MAX_BATCH: usize = 1_024;
/// Bytes of one batch at most; a larger push goes alone.
const MAX_BYTES: usize = 512 << 10;
/// After an outage of the bus «no responders» says nothing for this long: longer than a gateway waits between two tries
/// to connect, and for the second one.
const SETTLE: Duration = Duration::from_secs(8);

type Leases = Vec<(TaskId, Run)>;

/// One pusher a gateway.
pub(crate) struct Pushers {
    origin: Arc<Origin>,
    leading: Shutdown,
    queues: BTreeMap<GatewayId, mpsc::Sender<Push>>,
    /// The last batch's number a gateway: it goes on when a pusher had to start again.
    numbers: BTreeMap<GatewayId, Arc<AtomicU64>>,
    confirmed: Arc<Mutex<Leases>>,
}

/// The leader that pushes.
pub(crate) struct Origin {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) inbox: Inbox,
    pub(crate) epoch: u64,
    pub(crate) clock: Clock,
    pub(crate) tracer: Tracer,
}

impl Pushers {
    pub(crate) fn new(origin: Origin, leading: Shutdown) -> Self {
        let (queues, numbers) = (BTreeMap::new(), BTreeMap::new());
        Self { origin: Arc::new(origin), leading, queues, numbers, confirmed: Arc::default() }
    }

    /// Hand-outs confirmed since the last call: an input of the next step, which they don't hurry.
    pub(crate) fn confirmed(&self) -> Option<Input> {
        let mut confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        let leases = std::mem::take(&mut *confirmed);
        (!leases.is_empty()).then_some(Input::PushConfirmed { leases })
    }

    /// In order; never waits. A gateway whose queue is full is as good as gone: its leases return by themselves.
    pub(crate) fn send(&mut self, pushes: Vec<Push>, metrics: &Metrics) {
        for push in pushes {
            if let PushMessage::Assigned { body, run, assigned_at, .. } = &push.message {
                metrics.handed_out.inc();
                if *run == Run(1) {
                    metrics.dispatch_seconds.observe(assigned_at.since(body.created_at).as_secs_f64());
                }
            }
            if push.gateway == GatewayId::NIL {
                continue;
            }
            let gateway = push.gateway;
            let queue = match self.queues.get(&gateway).filter(|q| !q.is_closed()) {
                Some(queue) => queue.clone(),
                None => self.start(gateway),
            };
            if queue.try_send(push).is_err() {
                tracing::warn!(gateway.id = %gateway, "a gateway's queue of pushes is full");
            }
        }
    }

    fn start(&mut self, gateway: GatewayId) -> mpsc::Sender<Push> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        self.queues.insert(gateway, sender.clone());
        let pusher = Pusher {
            origin: Arc::clone(&self.origin),
            gateway,
            seq: Arc::clone(self.numbers.entry(gateway).or_default()),
            confirmed: Arc::clone(&self.confirmed),
        };
        let leading = self.leading.clone();
        self.leading.spawn(async move {
            tokio::select! {
                () = leading.stopping() => {}
                () = pusher.run(receiver) => {}
            }
        });
        sender
    }
}

struct Pusher {
    origin: Arc<Origin>,
    gateway: GatewayId,
    seq: Arc<AtomicU64>,
    confirmed: Arc<Mutex<Leases>>,
}

impl Pusher {
    /// Ends when the gateway is gone: a later push to it starts a new one.
    async fn run(self, mut queue: mpsc::Receiver<Push>) {
        let mut pushes = Vec::new();
        while queue.recv_many(&mut pushes, MAX_BATCH).await > 0 {
            let now = self.origin.clock.now();
            let mut encoded: Vec<_> = pushes.iter().map(|push| ukai_rpc::push_to_proto(push, now)).collect();
            while !encoded.is_empty() {
                let fit = fitting(encoded.iter().map(Message::encoded_len));
                let batch = encoded.drain(..fit).collect();
                let delivered: Vec<Push> = pushes.drain(..fit).collect();
                let seq = self.seq.fetch_add(1, Ordering::Relaxed) + 1;
                if !self.deliver(seq, &delivered, batch).await {
                    tracing::warn!(gateway.id = %self.gateway, "a gateway is gone");
                    self.origin.inbox.tell(Input::GatewayLost { gateway: self.gateway }).await;
                    return;
                }
            }
        }
    }

    /// Sends one batch until it is confirmed; false when nobody is there.
    async fn deliver(&self, seq: u64, pushes: &[Push], encoded: Vec<v1::Push>) -> bool {
        let batch = v1::PushBatch { epoch: self.origin.epoch, seq, pushes: encoded };
        let payload = Bytes::from(batch.encode_to_vec());
        let subject = gateway_subject(&self.gateway.to_string());
        let span = self.span(seq, pushes);
        let traceparent = span.traceparent();
        let mut absent = 0;
        loop {
            let sent = self.origin.bus.request_within(
                traceparent.as_deref(),
                &subject,
                payload.clone(),
                CONFIRM_WITHIN,
            );
            match sent.await {
                Ok(reply) => {
                    if let Ok(reply) = v1::PushReply::decode(reply) {
                        self.confirm(pushes, &reply).await;
                        return true;
                    }
                }
                // After an outage gateways take a moment to come back, each at its own time.
                Err(BusError::NoResponders)
                    if is_settling(*self.origin.bus.status().borrow(), Instant::now()) => {}
                Err(BusError::NoResponders) => {
                    absent += 1;
                    if absent >= GONE_AFTER {
                        return false;
                    }
                }
                Err(BusError::Timeout | BusError::Unavailable) => {}
                Err(BusError::TooLarge) => {
                    // Not at once: they may be handed out to the same gateway again.
                    tokio::time::sleep(RETRY_AFTER).await;
                    self.give_back(pushes).await;
                    return true;
                }
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// The sending of a batch: in the trace of its first traced hand-out, linked to the others.
    fn span(&self, seq: u64, pushes: &[Push]) -> Span {
        if !self.origin.tracer.is_on() {
            return Span::default();
        }
        let mut traces = pushes.iter().filter_map(|push| match &push.message {
            PushMessage::Assigned { body, .. } => body.trace.as_deref(),
            _ => None,
        });
        let Some(first) = traces.next() else { return Span::default() };
        let mut span = self.origin.tracer.child(Some(first), SpanKind::Client, "send pushes");
        span.set("batch.epoch", i64::try_from(self.origin.epoch).unwrap_or(i64::MAX));
        span.set("batch.seq", i64::try_from(seq).unwrap_or(i64::MAX));
        span.set("batch.pushes", i64::try_from(pushes.len()).unwrap_or(i64::MAX));
        span.set("gateway.id", self.gateway.to_string());
        span.link_others(first, traces);
        span
    }

    /// Hand-outs that the bus can't carry go back: sending them again is of no use.
    async fn give_back(&self, pushes: &[Push]) {
        for push in pushes {
            if let PushMessage::Assigned { body, run, .. } = &push.message {
                let (session, task) = (push.session, body.id);
                self.origin.inbox.tell(Input::PushRefused { session, task, run: *run }).await;
            }
        }
    }

    async fn confirm(&self, pushes: &[Push], reply: &v1::PushReply) {
        let mut refused = Vec::new();
        for push in &reply.refused {
            let lease = push.lease.as_ref();
            let found = lease.and_then(|l| Some((TaskId::from_slice(&l.task)?, Run(l.run))));
            if let (Some(session), Some(lease)) = (SessionId::from_slice(&push.session), found) {
                refused.push((session, lease));
            }
        }
        let confirmed: Leases = pushes
            .iter()
            .filter_map(|push| match &push.message {
                PushMessage::Assigned { body, run, .. } => Some((body.id, *run)),
                _ => None,
            })
            .filter(|lease| !refused.iter().any(|(_, r)| r == lease))
            .collect();
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).extend(confirmed);
        for (session, (task, run)) in refused {
            self.origin.inbox.tell(Input::PushRefused { session, task, run }).await;
        }
    }
}

/// Whether the bus came back just now.
fn is_settling(status: BusStatus, now: Instant) -> bool {
    status.connects > 1 && now.saturating_duration_since(status.since) < SETTLE
}

/// How many of them fit into one batch: at least one.
fn fitting(sizes: impl Iterator<Item = usize>) -> usize {
    let mut room = MAX_BYTES;
    let fit = sizes.take_while(|bytes| {
        let fits = *bytes <= room;
        room = room.saturating_sub(*bytes);
        fits
    });
    fit.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_bounded_in_bytes() {
        assert_eq!(fitting([MAX_BYTES + 1, 1].into_iter()), 1);
        assert_eq!(fitting([MAX_BYTES - 1, 1, 1].into_iter()), 2);
        assert_eq!(fitting([1; 2_000].into_iter()), 2_000);
    }

    #[test]
    fn after_an_outage_gateways_have_time_to_come_back() {
        let now = Instant::now();
        let status = |connects| BusStatus { is_connected: true, since: now, connects };
        assert!(is_settling(status(2), now) && !is_settling(status(1), now));
        assert!(!is_settling(status(2), now + SETTLE));
    }
}
