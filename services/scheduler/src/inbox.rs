//! Where commands and batches gather while a commit is under way.

use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};
use ukai_domain::scheduler::{Input, Reply};
use ukai_domain::{Code, GatewayId, Rejection};
use ukai_rpc::v1;

/// The sending end; clones share the queue.
#[derive(Clone, Debug)]
pub struct Inbox {
    sender: mpsc::Sender<Work>,
}

/// The receiving end: whoever leads holds it.
pub(crate) type Works = Arc<Mutex<mpsc::Receiver<Work>>>;

/// What waits for a step.
#[derive(Debug)]
pub(crate) enum Work {
    /// A command; the caller waits for the reply.
    Command(Input, oneshot::Sender<Result<Reply, Rejection>>),
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
    pub(crate) announce: bool,
    pub(crate) inputs: Vec<Input>,
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
}

pub(crate) fn channel(capacity: usize) -> (Inbox, Works) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Inbox { sender }, Arc::new(Mutex::new(receiver)))
}

impl Inbox {
    /// The reply, after the commit. A leader that goes away meanwhile is `UNAVAILABLE`: the outcome is unknown.
    pub async fn ask(&self, input: Input) -> Result<Reply, Rejection> {
        let (reply, answer) = oneshot::channel();
        let away = || Rejection::new(Code::Unavailable, "no scheduler leads right now, try again");
        self.sender.send(Work::Command(input, reply)).await.map_err(|_| away())?;
        answer.await.unwrap_or_else(|_| Err(away()))
    }

    /// Nobody waits for it.
    pub(crate) async fn tell(&self, input: Input) {
        let _stopped = self.sender.send(Work::News(input)).await;
    }

    pub(crate) async fn batch(&self, batch: Batch) {
        let _stopped = self.sender.send(Work::Batch(batch)).await;
    }
}
