//! The stream to the leader: numbered batches, one in flight; what gathers meanwhile is the next. No timer batches.

use crate::announce::{self, Part, announcement};
use crate::inbox::{Item, What};
use crate::replies;
use crate::shared::Shared;
use bytes::Bytes;
use prost::Message;
use rand::RngExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use ukai_boot::Shutdown;
use ukai_boot::trace::{Span, SpanKind};
use ukai_bus::{BusError, SCHEDULER_IN};
use ukai_domain::Code;
use ukai_rpc::v1;

/// Inputs of one batch.
const MAX_INPUTS: usize = 2_000;
/// Bytes of one batch.
const MAX_BYTES: usize = 512 << 10;
/// Heartbeats alone wait for so long for company: one by one each would cost a turn of the leader.
const HEARTBEATS_WAIT: Duration = Duration::from_millis(100);
/// Pause before the same batch is sent again, drawn evenly.
const RETRY_MS: std::ops::Range<u64> = 25..100;
/// After the stop signal the last disconnects and reports may still leave for this long.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs until the stop signal and the last words.
pub(crate) async fn run(shared: Arc<Shared>, shutdown: Shutdown) {
    let mut stream =
        Stream { shared, shutdown, seq: 0, announced: None, until: None, patience: None, silent: None };
    while stream.next().await.is_some() {}
}

struct Stream {
    shared: Arc<Shared>,
    shutdown: Shutdown,
    seq: u64,
    /// The epoch whose leader knows our sessions.
    announced: Option<u64>,
    until: Option<Instant>,
    /// Until when the heartbeats that wait wait on.
    patience: Option<Instant>,
    /// Since when no leader has answered.
    silent: Option<Instant>,
}

/// What a leader said of an announcement.
enum Announced {
    /// It has all of it.
    Whole(Vec<Item>, v1::GatewayReply),
    /// Another leads by now, or this one waited too long for a part: it is told of all sessions as they are.
    Anew,
    /// It knows no parts, being of the version before, and took the first for the whole: it is told at once of all.
    TakenForWhole,
}

impl Stream {
    /// One announcement or one batch; `None` at the end.
    async fn next(&mut self) -> Option<()> {
        let forgotten = self.shared.epoch.take_forgotten();
        if forgotten || self.announced.is_none_or(|epoch| epoch < self.shared.epoch.known()) {
            return self.announce().await;
        }
        if !self.shutdown.is_stopping() && self.waits_for_more().await {
            return Some(());
        }
        let items = self.shared.inbox.take(MAX_INPUTS, MAX_BYTES);
        self.shared.metrics.queued.set(i64::try_from(self.shared.inbox.len()).unwrap_or(i64::MAX));
        if !items.is_empty() {
            return self.deliver(items).await;
        }
        if !self.shutdown.is_stopping() {
            tokio::select! {
                () = self.shared.inbox.arrived() => {}
                () = self.shutdown.stopping() => {}
            }
            return Some(());
        }
        // The sockets are being closed: their disconnects are the last words.
        if self.shared.sessions.is_empty() {
            return None;
        }
        let until = self.last_words();
        tokio::time::timeout_at(until, self.shared.inbox.arrived()).await.ok()
    }

    /// Whether it waited for company of the heartbeats that are all there is.
    async fn waits_for_more(&mut self) -> bool {
        if self.shared.inbox.is_urgent() || self.shared.inbox.len() == 0 {
            self.patience = None;
            return false;
        }
        let until = *self.patience.get_or_insert_with(|| Instant::now() + HEARTBEATS_WAIT);
        if until <= Instant::now() {
            self.patience = None;
            return false;
        }
        tokio::select! {
            () = self.shared.inbox.arrived() => {}
            () = tokio::time::sleep_until(until) => {}
            () = self.shutdown.stopping() => {}
        }
        true
    }

    /// Tells the leader of every session. The first batch is one: the leader learns that this incarnation exists.
    async fn announce(&mut self) -> Option<()> {
        self.shared.announcing.send_replace(true);
        let told = self.announce_all().await;
        self.shared.announcing.send_replace(false);
        told
    }

    async fn announce_all(&mut self) -> Option<()> {
        let mut part_bytes = announce::PART_BYTES;
        loop {
            let items = announcement(&self.shared);
            let (sessions, epoch) = (items.len(), self.shared.epoch.known());
            let parts = announce::parts(items, part_bytes);
            tracing::info!(sessions, parts = parts.len(), epoch, "announcing sessions");
            match self.announce_parts(parts).await? {
                Announced::Whole(items, reply) => {
                    self.announced = Some(reply.epoch);
                    self.shared.acknowledged.send_replace(true);
                    let told: Vec<_> = items.iter().map(|item| Arc::clone(&item.session)).collect();
                    replies::apply_to_all(&self.shared, items, reply);
                    announce::repeat_leaving(&self.shared, &told);
                    return Some(());
                }
                Announced::TakenForWhole => part_bytes = usize::MAX,
                Announced::Anew => {
                    part_bytes = announce::PART_BYTES;
                    self.shared.metrics.batches.count("announce_first");
                    pause().await;
                }
            }
        }
    }

    /// Every part in its turn.
    async fn announce_parts(&mut self, parts: Vec<(Part, Vec<Item>)>) -> Option<Announced> {
        let mut told = Vec::new();
        for (part, items) in parts {
            let (mut items, inputs) = split(items);
            let reply = self.send(&inputs, Some(part), None).await?;
            if reply.announce_first {
                return Some(Announced::Anew);
            }
            told.append(&mut items);
            if part.is_last() {
                return Some(Announced::Whole(told, reply));
            }
            if !reply.replies.is_empty() {
                return Some(Announced::TakenForWhole);
            }
        }
        Some(Announced::Anew)
    }

    /// Sends the items until a leader has taken them.
    async fn deliver(&mut self, items: Vec<Item>) -> Option<()> {
        let (mut items, mut inputs) = split(items);
        self.shared.metrics.batch_inputs.observe(f64::from(u32::try_from(items.len()).unwrap_or(u32::MAX)));
        let span = self.span(&inputs);
        let traceparent = span.traceparent();
        loop {
            leave_out_the_gone(&mut items, &mut inputs);
            if inputs.is_empty() {
                return Some(());
            }
            let reply = self.send(&inputs, None, traceparent.as_deref()).await?;
            if !reply.announce_first {
                replies::apply(&self.shared, items, reply);
                return Some(());
            }
            // Nothing was done with them: after the announcement they go on under a new number.
            self.shared.metrics.batches.count("announce_first");
            self.announce().await?;
        }
    }

    /// The sending of a batch: in the trace of its first traced report, linked to the others.
    fn span(&self, inputs: &[v1::GatewayInput]) -> Span {
        let mut traces = inputs.iter().filter_map(|input| input.traceparent.as_deref());
        let Some(first) = traces.next() else { return Span::default() };
        let mut span = self.shared.config.tracer.child(Some(first), SpanKind::Client, "send reports");
        span.set("gateway.id", self.shared.id.to_string());
        span.set("batch.seq", i64::try_from(self.seq + 1).unwrap_or(i64::MAX));
        span.set("batch.inputs", i64::try_from(inputs.len()).unwrap_or(i64::MAX));
        span.link_others(first, traces);
        span
    }

    /// One numbered request, repeated as it is until the newest leader has answered it.
    async fn send(
        &mut self,
        inputs: &[v1::GatewayInput],
        announced: Option<Part>,
        traceparent: Option<&str>,
    ) -> Option<v1::GatewayReply> {
        self.seq += 1;
        let payload = self.encode(inputs, announced);
        loop {
            match self.request(payload.clone(), inputs.len(), announced, traceparent).await {
                Ok(reply) => {
                    self.shared.metrics.batches.count("answered");
                    self.heard(reply.announce_first || announced.is_some());
                    return Some(reply);
                }
                Err(reason) => {
                    self.shared.metrics.batches.count(reason);
                    tracing::debug!(seq = self.seq, reason, "leader did not answer");
                    self.unheard();
                }
            }
            pause().await;
            if self.shutdown.is_stopping() && Instant::now() > self.last_words() {
                tracing::warn!(inputs = inputs.len(), "stopping without the leader's answer");
                return None;
            }
        }
    }

    /// A leader has answered; one that doesn't know our sessions yet hasn't acknowledged this gateway.
    fn heard(&mut self, is_to_be_told: bool) {
        self.silent = None;
        if !is_to_be_told {
            self.shared.acknowledged.send_if_modified(|before| !std::mem::replace(before, true));
        }
    }

    fn unheard(&mut self) {
        let since = *self.silent.get_or_insert_with(Instant::now);
        if since.elapsed() > self.shared.config.limits.leader_silence {
            self.shared.acknowledged.send_if_modified(|before| std::mem::replace(before, false));
        }
    }

    async fn request(
        &self,
        payload: Bytes,
        inputs: usize,
        announced: Option<Part>,
        traceparent: Option<&str>,
    ) -> Result<v1::GatewayReply, &'static str> {
        let shared = &self.shared;
        let limit = shared.config.limits.request_timeout;
        let bytes = shared.bus.request_within(traceparent, SCHEDULER_IN, payload, limit).await;
        if let (Err(BusError::TooLarge), 1, None) = (&bytes, inputs, announced) {
            // A batch has room for one of any size; one that the bus doesn't take would hold up all others for ever.
            return Ok(too_large(self.seq, shared.epoch.known()));
        }
        let bytes = bytes.map_err(|error| match error {
            BusError::NoResponders => "no_responders",
            BusError::Timeout => "timeout",
            BusError::Unavailable => {
                // The bus itself was away: at its return the leader hears everything anew.
                shared.epoch.forget();
                "unavailable"
            }
            BusError::TooLarge => "too_large",
        })?;
        let reply = v1::GatewayReply::decode(bytes).map_err(|_| "malformed")?;
        if !shared.heard_epoch(reply.epoch) {
            return Err("deposed");
        }
        let replies = announced.map_or(inputs, |part| usize::from(part.is_last()));
        // A leader of the version before answers an announcement for each session.
        let is_full = reply.replies.len() == replies || reply.replies.len() == inputs;
        let is_answer = reply.announce_first || (reply.seq == self.seq && is_full);
        if is_answer { Ok(reply) } else { Err("malformed") }
    }

    /// The batch as bytes; written field by field, because the generated struct would want its own copy of the inputs.
    fn encode(&self, inputs: &[v1::GatewayInput], announced: Option<Part>) -> Bytes {
        let head = v1::GatewayBatch {
            gateway: self.shared.id.as_bytes().to_vec(),
            seq: self.seq,
            epoch: self.shared.epoch.known(),
            announce: announced.is_some(),
            inputs: Vec::new(),
            part: announced.map_or(0, |part| part.number),
            parts: announced.map_or(0, |part| part.of),
        };
        let bytes: usize = inputs.iter().map(|i| i.encoded_len() + 8).sum();
        let mut out = Vec::with_capacity(head.encoded_len() + bytes);
        head.encode_raw(&mut out);
        prost::encoding::message::encode_repeated(INPUTS_TAG, inputs, &mut out);
        Bytes::from(out)
    }

    fn last_words(&mut self) -> Instant {
        *self.until.get_or_insert_with(|| Instant::now() + LAST_WORDS)
    }
}

async fn pause() {
    let pause = Duration::from_millis(rand::rng().random_range(RETRY_MS));
    tokio::time::sleep(pause).await;
}

/// The answer to an input that can't be sent.
fn too_large(seq: u64, epoch: u64) -> v1::GatewayReply {
    let rejected = v1::Rejected {
        code: Code::PayloadTooLarge.as_str().to_owned(),
        message: "larger than the bus takes in one message".to_owned(),
    };
    let reply = v1::InputReply { reply: Some(v1::input_reply::Reply::Rejected(rejected)) };
    v1::GatewayReply { epoch, seq, replies: vec![reply], ..Default::default() }
}

/// The number of `GatewayBatch.inputs`; a test holds it to the definition.
const INPUTS_TAG: u32 = 5;

/// A connect that waited until its session was over is not told: its worker may be elsewhere by now, and the leader would
/// take that connection for the older one.
fn leave_out_the_gone(items: &mut Vec<Item>, inputs: &mut Vec<v1::GatewayInput>) {
    let is_gone = |item: &Item| item.what == What::Connect && item.session.is_gone();
    if items.iter().any(is_gone) {
        let both = std::mem::take(items).into_iter().zip(std::mem::take(inputs));
        (*items, *inputs) = both.filter(|(item, _)| !is_gone(item)).unzip();
    }
}

/// The inputs leave the items, so that they are encoded without a copy.
fn split(mut items: Vec<Item>) -> (Vec<Item>, Vec<v1::GatewayInput>) {
    let inputs = items.iter_mut().map(|item| std::mem::take(&mut item.input)).collect();
    (items, inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_that_of_the_definition() {
        let input = v1::GatewayInput {
            input: Some(v1::gateway_input::Input::Draining(v1::Draining { session: vec![7; 16] })),
            traceparent: None,
        };
        let batch = v1::GatewayBatch { inputs: vec![input.clone(), input.clone()], ..Default::default() };
        let mut out = Vec::new();
        prost::encoding::message::encode_repeated(INPUTS_TAG, &[input.clone(), input], &mut out);
        assert_eq!(out, batch.encode_to_vec());
    }
}
