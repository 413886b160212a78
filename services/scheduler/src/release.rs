//! Where the replies of a step go, and what is remembered of gateways' streams.

use crate::announcements::{Announcements, Taken};
use crate::inbox::{Batch, Caller, Unanswered, Work};
use crate::metrics::{Metrics, Reason};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Instant;
use tokio::sync::oneshot;
use ukai_domain::scheduler::{Input, Refusal, Reply, Token};
use ukai_domain::{GatewayId, Rejection};
use ukai_rpc::v1;

/// What this epoch knows of gateways' streams.
#[derive(Debug, Default)]
pub(crate) struct Gateways {
    known: BTreeMap<GatewayId, Stream>,
    announcements: Announcements,
}

#[derive(Debug)]
struct Stream {
    seq: u64,
    reply: v1::GatewayReply,
}

impl Gateways {
    /// Memory has none of their sessions any more: each is told to announce them.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    /// Forgets announcements that are not going to be whole.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.announcements.expire(now);
    }

    /// The newest batch of a gateway that was answered, or is being announced with.
    fn newest(&self, gateway: GatewayId) -> Option<u64> {
        let answered = self.known.get(&gateway).map(|stream| stream.seq);
        answered.max(self.announcements.newest(gateway))
    }
}

/// Where the replies to the inputs of one turn go, by token.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    next: Token,
    callers: BTreeMap<Token, Caller>,
    batches: Vec<PendingBatch>,
}

/// A batch that waits for the replies to its inputs.
#[derive(Debug)]
struct PendingBatch {
    gateway: GatewayId,
    seq: u64,
    tokens: Range<Token>,
    /// How many of them have no reply yet.
    missing: usize,
    replies: Vec<Option<v1::InputReply>>,
    /// Several where the gateway sent it again before the first was taken.
    senders: Vec<oneshot::Sender<v1::GatewayReply>>,
    kind: BatchKind,
}

#[derive(Debug)]
enum BatchKind {
    Reports,
    /// The last part of one, or all of it.
    Announce,
    /// Kept for the last part.
    Part,
    /// Not done: the gateway must announce first.
    AnnounceFirst,
    /// A repeat of what was answered.
    Repeat(v1::GatewayReply),
}

impl Targets {
    /// A token for an input that nobody waits for.
    pub(crate) fn nobody(&mut self) -> Token {
        let token = self.next;
        self.next += 1;
        token
    }

    /// Deals tokens to the inputs of a work. True when it carries a newer epoch than ours.
    pub(crate) fn take(
        &mut self,
        work: Work,
        epoch: u64,
        gateways: &mut Gateways,
        inputs: &mut Vec<(Token, Input)>,
    ) -> bool {
        match work {
            // Whoever gave up takes the outcome for unknown: nothing is as good as anything.
            Work::Command(_, caller, _) if caller.is_closed() => {}
            Work::Command(input, caller, _room) => {
                let token = self.nobody();
                self.callers.insert(token, caller);
                inputs.push((token, input));
            }
            Work::News(input) => inputs.push((self.nobody(), input)),
            Work::Batch(batch) if batch.epoch > epoch => return true,
            Work::Batch(batch) => self.take_batch(batch, gateways, inputs),
        }
        false
    }

    fn take_batch(&mut self, batch: Batch, gateways: &mut Gateways, inputs: &mut Vec<(Token, Input)>) {
        let newest = self.batches.iter_mut().rfind(|b| b.gateway == batch.gateway && b.seq >= batch.seq);
        if let Some(newest) = newest {
            // Its gateway sends the next batch after the answer to the one before: nobody waits for an older one, which
            // a bus may deliver late.
            if newest.seq == batch.seq {
                newest.senders.push(batch.reply);
            }
            return;
        }
        if gateways.newest(batch.gateway) > Some(batch.seq) {
            return;
        }
        let stream = gateways.known.get(&batch.gateway);
        let begin = self.next;
        let mut replies = Vec::new();
        let kind = if let Some(stream) = stream.filter(|s| s.seq == batch.seq) {
            BatchKind::Repeat(stream.reply.clone())
        } else if let Some(part) = batch.announced {
            let sessions = batch
                .inputs
                .into_iter()
                .filter_map(|input| if let Input::Connect(connect) = input { Some(connect) } else { None })
                .collect();
            match gateways.announcements.take(batch.gateway, batch.seq, part, sessions, Instant::now()) {
                Taken::Kept => BatchKind::Part,
                Taken::Missing => BatchKind::AnnounceFirst,
                Taken::Whole(sessions) => {
                    replies = vec![None; part.replies(sessions.len())];
                    inputs.push((self.nobody(), Input::Announce { gateway: batch.gateway, sessions }));
                    BatchKind::Announce
                }
            }
        } else if stream.is_none() {
            BatchKind::AnnounceFirst
        } else {
            replies = vec![None; batch.inputs.len()];
            for input in batch.inputs {
                inputs.push((self.nobody(), input));
            }
            BatchKind::Reports
        };
        let tokens = begin..self.next;
        let missing = tokens.clone().count();
        let senders = vec![batch.reply];
        let (gateway, seq) = (batch.gateway, batch.seq);
        self.batches.push(PendingBatch { gateway, seq, tokens, missing, replies, senders, kind });
    }

    /// Gives the replies to whom they belong. A batch without all of its replies gets no answer: its gateway sends
    /// it again. Callers that gave up are no error.
    pub(crate) fn answer(
        mut self,
        replies: Vec<(Token, Result<Reply, Rejection>)>,
        epoch: u64,
        gateways: &mut Gateways,
        metrics: &Metrics,
    ) {
        for (token, reply) in replies {
            if let Ok(Reply::Refused(refusal)) = &reply {
                count_refusal(metrics, *refusal);
            }
            if let Some(caller) = self.callers.remove(&token) {
                let _gave_up = caller.send(reply.map_err(Unanswered::Refused));
            } else if let Some(at) = self.batch_of(token) {
                self.batches[at].take(token, &reply);
            }
        }
        for batch in self.batches.into_iter().filter(|batch| batch.missing == 0) {
            batch.answer(epoch, gateways);
        }
    }

    fn batch_of(&self, token: Token) -> Option<usize> {
        let at = self.batches.partition_point(|b| b.tokens.start <= token).checked_sub(1)?;
        self.batches[at].tokens.contains(&token).then_some(at)
    }

    /// Whether a batch of the same gateway as the work's is among them.
    pub(crate) fn has_gateway_of(&self, work: &Work) -> bool {
        matches!(work, Work::Batch(batch) if self.batches.iter().any(|b| b.gateway == batch.gateway))
    }

    /// Whether the input came from a gateway.
    pub(crate) fn is_of_gateway(&self, token: Token) -> bool {
        self.batch_of(token).is_some()
    }

    /// Gateways get no answer to their reports: they announce first, then send them again.
    pub(crate) fn drop_batches(&mut self) {
        self.batches.clear();
    }

    /// The commands without a reply are refused. A gateway's reports are not: a worker would delete what it reported.
    pub(crate) fn refuse_commands(&mut self, rejection: &Rejection) {
        for caller in std::mem::take(&mut self.callers).into_values() {
            let _gave_up = caller.send(Err(Unanswered::Refused(rejection.clone())));
        }
    }
}

impl PendingBatch {
    fn take(&mut self, token: Token, reply: &Result<Reply, Rejection>) {
        self.missing = self.missing.saturating_sub(1);
        if matches!(self.kind, BatchKind::Announce) {
            self.replies.fill(Some(ukai_rpc::reply_to_proto(reply)));
            return;
        }
        let at = usize::try_from(token - self.tokens.start).unwrap_or(usize::MAX);
        if let Some(slot) = self.replies.get_mut(at) {
            *slot = Some(ukai_rpc::reply_to_proto(reply));
        }
    }

    fn answer(self, epoch: u64, gateways: &mut Gateways) {
        let reply = match self.kind {
            BatchKind::Repeat(reply) => reply,
            BatchKind::AnnounceFirst => {
                v1::GatewayReply { epoch, seq: self.seq, announce_first: true, replies: Vec::new() }
            }
            BatchKind::Part => v1::GatewayReply { epoch, seq: self.seq, ..Default::default() },
            BatchKind::Announce | BatchKind::Reports => {
                let replies = self.replies.into_iter().flatten().collect();
                let reply = v1::GatewayReply { epoch, seq: self.seq, announce_first: false, replies };
                gateways.known.insert(self.gateway, Stream { seq: self.seq, reply: reply.clone() });
                reply
            }
        };
        for sender in self.senders {
            let _gave_up = sender.send(reply.clone());
        }
    }
}

fn count_refusal(metrics: &Metrics, refusal: Refusal) {
    let reason = match refusal {
        Refusal::Stale => "stale",
        Refusal::NotAssigned => "not_assigned",
        Refusal::UnknownSession => "unknown_session",
    };
    metrics.refused_reports.get_or_create(&Reason { reason }).inc();
}

#[cfg(test)]
mod tests;
