//! Where the replies of a step go, and what is remembered of gateways' streams.

use crate::inbox::{Batch, Work};
use crate::metrics::{Metrics, Reason};
use std::collections::BTreeMap;
use tokio::sync::oneshot;
use ukai_domain::scheduler::{Input, Refusal, Reply, Token};
use ukai_domain::{Code, GatewayId, Rejection};
use ukai_rpc::v1;

type Caller = oneshot::Sender<Result<Reply, Rejection>>;

/// What this epoch knows of gateways' streams.
#[derive(Debug, Default)]
pub(crate) struct Gateways {
    known: BTreeMap<GatewayId, Stream>,
}

#[derive(Debug)]
struct Stream {
    seq: u64,
    reply: v1::GatewayReply,
}

/// Where the replies to the inputs of one turn go, by token.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    next: Token,
    callers: BTreeMap<Token, Caller>,
    batches: Vec<PendingBatch>,
}

/// A batch whose inputs have the tokens from `first` on.
#[derive(Debug)]
struct PendingBatch {
    gateway: GatewayId,
    first: Token,
    seq: u64,
    replies: Vec<Option<v1::InputReply>>,
    reply: oneshot::Sender<v1::GatewayReply>,
    kind: BatchKind,
}

#[derive(Debug)]
enum BatchKind {
    Reports,
    Announce,
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
        gateways: &Gateways,
        inputs: &mut Vec<(Token, Input)>,
    ) -> bool {
        match work {
            Work::Command(input, caller) => {
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

    fn take_batch(&mut self, batch: Batch, gateways: &Gateways, inputs: &mut Vec<(Token, Input)>) {
        let stream = gateways.known.get(&batch.gateway);
        let mut pending = PendingBatch {
            gateway: batch.gateway,
            first: self.next,
            seq: batch.seq,
            replies: Vec::new(),
            reply: batch.reply,
            kind: BatchKind::Reports,
        };
        if let Some(stream) = stream.filter(|s| s.seq == batch.seq) {
            pending.kind = BatchKind::Repeat(stream.reply.clone());
        } else if batch.announce {
            pending.kind = BatchKind::Announce;
            pending.replies = vec![None; batch.inputs.len()];
            let sessions = batch
                .inputs
                .into_iter()
                .filter_map(|input| if let Input::Connect(connect) = input { Some(connect) } else { None })
                .collect();
            inputs.push((self.nobody(), Input::Announce { gateway: batch.gateway, sessions }));
        } else if stream.is_none() {
            pending.kind = BatchKind::AnnounceFirst;
        } else {
            pending.replies = vec![None; batch.inputs.len()];
            for input in batch.inputs {
                inputs.push((self.nobody(), input));
            }
        }
        self.batches.push(pending);
    }

    /// Gives the replies to whom they belong. Callers that gave up are no error.
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
                let _gave_up = caller.send(reply);
            } else if let Some((batch, at)) = self.batch_of(token) {
                batch.replies[at] = Some(ukai_rpc::reply_to_proto(&reply));
            }
        }
        for batch in self.batches {
            batch.answer(epoch, gateways);
        }
    }

    fn batch_of(&mut self, token: Token) -> Option<(&mut PendingBatch, usize)> {
        let at = self.batches.partition_point(|b| b.first <= token).checked_sub(1)?;
        let batch = &mut self.batches[at];
        let index = usize::try_from(token - batch.first).ok().filter(|i| *i < batch.replies.len())?;
        matches!(batch.kind, BatchKind::Reports).then_some((batch, index))
    }

    /// Nothing of the turn was stored. Gateways get no answer and send their batches again.
    pub(crate) fn refuse_all(self, rejection: &Rejection) {
        for caller in self.callers.into_values() {
            let _gave_up = caller.send(Err(rejection.clone()));
        }
    }
}

impl PendingBatch {
    fn answer(self, epoch: u64, gateways: &mut Gateways) {
        let unhandled = || {
            let rejection = Rejection::new(Code::InternalError, "the input could not be processed");
            ukai_rpc::reply_to_proto(&Err(rejection))
        };
        let reply = match self.kind {
            BatchKind::Repeat(reply) => reply,
            BatchKind::AnnounceFirst => {
                v1::GatewayReply { epoch, seq: self.seq, announce_first: true, replies: Vec::new() }
            }
            BatchKind::Announce => {
                let accepted = ukai_rpc::reply_to_proto(&Ok(Reply::Accepted { duplicate: false }));
                let replies = self.replies.iter().map(|_| accepted.clone()).collect();
                v1::GatewayReply { epoch, seq: self.seq, announce_first: false, replies }
            }
            BatchKind::Reports => {
                let replies = self.replies.into_iter().map(|r| r.unwrap_or_else(unhandled)).collect();
                v1::GatewayReply { epoch, seq: self.seq, announce_first: false, replies }
            }
        };
        if !reply.announce_first {
            gateways.known.insert(self.gateway, Stream { seq: self.seq, reply: reply.clone() });
        }
        let _gave_up = self.reply.send(reply);
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
