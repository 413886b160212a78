//! Where commands and batches gather while a commit is under way.

use crate::announcements::Part;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};
use ukai_boot::trace::Traceparent;
use ukai_domain::scheduler::{Input, Reply};
use ukai_domain::{GatewayId, Rejection};
use ukai_rpc::v1;

/// The sending end; clones share the queue.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    sender: mpsc::Sender<Work>,
}

/// The receiving end: whoever leads holds it.
pub(crate) type Works = Arc<Mutex<mpsc::Receiver<Work>>>;

/// Where a command's reply goes.
pub(crate) type Caller = oneshot::Sender<Result<Reply, Unanswered>>;

/// Why a command has no reply of the core's.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The core refused it.
    Refused(Rejection),
    /// No leader took it: nothing was done, and here it is again.
    NotTaken(Box<Input>),
    /// A leader took it and went away: the outcome is unknown.
    Unknown,
}

/// What waits for a step.
#[derive(Debug)]
pub(crate) enum Work {
    /// A command; the caller waits for the reply.
    Command(Input, Caller),
    /// News of our own that nobody waits for.
    News(Input),
    /// A gateway's batch.
    Batch(Batch),
}

/// A gateway's batch and where its reply goes.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) gateway: GatewayId,
    pub(crate) seq: u64,
    /// The newest epoch that the gateway heard of.
    pub(crate) epoch: u64,
    /// Where it is one of an announcement's.
    pub(crate) announced: Option<Part>,
    pub(crate) inputs: Vec<Input>,
    /// Of some of the inputs, by their index: what stands above their commit in a trace.
    pub(crate) traces: Vec<(usize, Traceparent)>,
    pub(crate) reply: oneshot::Sender<v1::GatewayReply>,
}

impl Work {
    /// How many inputs it brings to a step.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Command(Input::Submit(submit), _) => submit.tasks.len(),
            Self::Command(..) | Self::News(_) => 1,
            Self::Batch(batch) => batch.inputs.len().max(1),
        }
    }

    /// No step took it, and none will.
    pub(crate) fn give_back(self) {
        if let Self::Command(input, caller) = self {
            let _gave_up = caller.send(Err(Unanswered::NotTaken(Box::new(input))));
        }
    }
}

pub(crate) fn channel(capacity: usize) -> (Inbox, Works) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Inbox { sender }, Arc::new(Mutex::new(receiver)))
}

impl Inbox {
    /// The reply, after the commit.
    pub(crate) async fn ask(&self, input: Input) -> Result<Reply, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.sender.send(Work::Command(input, reply)).await.map_err(|_| Unanswered::Unknown)?;
        answer.await.unwrap_or(Err(Unanswered::Unknown))
    }

    /// Nobody waits for it.
    pub(crate) async fn tell(&self, input: Input) {
        let _stopped = self.sender.send(Work::News(input)).await;
    }

    pub(crate) async fn batch(&self, batch: Batch) {
        let _stopped = self.sender.send(Work::Batch(batch)).await;
    }
}

/// Gives back what waits, at the end of an epoch: gateways send their batches again, callers may ask another leader.
pub(crate) fn give_back(works: &mut mpsc::Receiver<Work>) {
    while let Ok(work) = works.try_recv() {
        work.give_back();
    }
}
