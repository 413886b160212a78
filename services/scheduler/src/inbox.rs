//! Where commands and batches gather while a commit is under way.

use crate::announcements::Part;
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use ukai_boot::trace::Traceparent;
use ukai_domain::scheduler::{Input, Reply};
use ukai_domain::{GatewayId, Rejection};
use ukai_rpc::v1;

/// Tasks and other commands that wait at most, also of callers who gave up: each is up to some kilobytes.
pub(crate) const MOST_COMMANDED: usize = 50_000;

/// A command's part of the room that all of them have together.
pub(crate) type Room = Option<OwnedSemaphorePermit>;

/// The sending end; clones share the queue.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    sender: mpsc::Sender<Work>,
    space: Arc<Semaphore>,
    room: usize,
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
    /// A command; the caller waits for the reply. What room it takes here is free again once a step has it.
    Command(Input, Caller, Room),
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
            Self::Command(input, ..) => size(input),
            Self::News(_) => 1,
            Self::Batch(batch) => batch.inputs.len().max(1),
        }
    }

    /// No step took it, and none will.
    pub(crate) fn give_back(self) {
        if let Self::Command(input, caller, _room) = self {
            let _gave_up = caller.send(Err(Unanswered::NotTaken(Box::new(input))));
        }
    }
}

/// `capacity` works, and so many tasks and other commands in them.
pub(crate) fn channel(capacity: usize, room: usize) -> (Inbox, Works) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Inbox { sender, space: Arc::new(Semaphore::new(room)), room }, Arc::new(Mutex::new(receiver)))
}

/// How many tasks a command brings, or what counts as one.
fn size(input: &Input) -> usize {
    match input {
        Input::Submit(submit) => submit.tasks.len(),
        _ => 1,
    }
}

impl Inbox {
    /// The reply, after the commit.
    pub(crate) async fn ask(&self, input: Input) -> Result<Reply, Unanswered> {
        let (reply, answer) = oneshot::channel();
        let size = u32::try_from(size(&input).min(self.room)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.space).acquire_many_owned(size).await.ok();
        self.sender.send(Work::Command(input, reply, room)).await.map_err(|_| Unanswered::Unknown)?;
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

#[cfg(test)]
mod tests {
    use super::{Work, channel};
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;
    use ukai_domain::TaskId;
    use ukai_domain::scheduler::Input;

    #[tokio::test]
    async fn commands_wait_at_the_door_while_others_fill_the_room() {
        let (inbox, works) = channel(10, 2);
        let mut works = works.lock().await;
        let command = || inbox.ask(Input::CancelTask { task: TaskId::NIL });
        let (mut one, mut two, mut three) = (pin!(command()), pin!(command()), pin!(command()));
        let mut asked = async || {
            poll_fn(|context| {
                assert!(one.as_mut().poll(context).is_pending() && two.as_mut().poll(context).is_pending());
                assert!(three.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
        };
        asked().await;
        let first = works.try_recv().unwrap();
        let second = works.try_recv().unwrap();
        assert!(works.try_recv().is_err(), "there is room for two");
        assert!(matches!(&first, Work::Command(..)) && matches!(&second, Work::Command(..)));
        drop(first);
        // The first caller hears that nobody knows; the third is let in.
        assert!(one.await.is_err());
        poll_fn(|context| {
            assert!(three.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        assert!(matches!(works.try_recv(), Ok(Work::Command(..))));
    }
}
