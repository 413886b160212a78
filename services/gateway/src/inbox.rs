//! The one queue of all inputs, in the order of their receipt, bounded in number and bytes.

use crate::session::Session;
use prost::Message;
use socketioxide::extract::AckSender;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use ukai_boot::trace::Span;
use ukai_domain::{Run, TaskId, scheduler};
use ukai_rpc::v1;

/// What one input is to its session once the reply is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The connection itself.
    Connect,
    /// Its end.
    Disconnect,
    /// A word on a task, of the run that it names; `ended` where the run is over with it.
    Report { task: TaskId, run: Option<Run>, ended: bool },
    /// Everything else.
    Other,
}

/// One input and where its reply goes.
pub(crate) struct Item {
    pub(crate) input: v1::GatewayInput,
    pub(crate) session: Arc<Session>,
    pub(crate) ack: Option<AckSender>,
    pub(crate) what: What,
    /// Of a traced run's end, until it is answered.
    pub(crate) span: Span,
    bytes: usize,
    /// A heartbeat: nobody waits for what follows from it.
    can_wait: bool,
}

impl Item {
    /// `None` for inputs that don't come from gateways.
    pub(crate) fn new(
        session: &Arc<Session>,
        input: &scheduler::Input,
        what: What,
        ack: Option<AckSender>,
    ) -> Option<Self> {
        let input = ukai_rpc::input_to_proto(input)?;
        let bytes = input.encoded_len() + 8;
        let can_wait = matches!(input.input, Some(v1::gateway_input::Input::Heartbeat(_))) && ack.is_none();
        let span = Span::default();
        Some(Self { input, session: Arc::clone(session), ack, what, span, bytes, can_wait })
    }

    /// The same within a trace.
    pub(crate) fn within(mut self, span: Span) -> Self {
        if let Some(place) = span.traceparent() {
            self.input.traceparent = Some(place.as_ref().to_owned());
            self.bytes += place.len() + 2;
        }
        Self { span, ..self }
    }

    /// Of the encoded input, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether its session would have more than this in the queue.
    fn exceeds(&self, inputs: usize, bytes: usize) -> bool {
        let [queued, queued_bytes] = self.session.queued.each_ref().map(|c| c.load(Ordering::Relaxed));
        queued >= inputs || queued_bytes + self.bytes > bytes
    }

    /// It is no longer in the queue that counts so much.
    fn leave(&self, bytes: &mut usize, urgent: &mut usize) {
        *bytes -= self.bytes;
        *urgent -= usize::from(!self.can_wait);
        self.count(|counter, by| counter.fetch_sub(by, Ordering::Relaxed));
        if self.what == What::Connect {
            self.session.connect_waits.store(false, Ordering::Relaxed);
        }
    }

    fn count(&self, change: impl Fn(&AtomicUsize, usize) -> usize) {
        let [inputs, bytes] = &self.session.queued;
        change(inputs, 1);
        change(bytes, self.bytes);
    }
}

/// One session may fill this part of the queue, so that it can't crowd out the others.
const SHARE: usize = 8;

/// The queue. Pushing never waits.
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    arrived: Notify,
    max_inputs: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    /// Those that can't wait.
    urgent: usize,
}

impl Inbox {
    pub(crate) fn new(max_inputs: usize, max_bytes: usize) -> Self {
        Self { queue: Mutex::default(), arrived: Notify::new(), max_inputs, max_bytes }
    }

    /// Queues an event; `false` when there is no room, or its session has filled its share.
    pub(crate) fn push(&self, item: Item) -> bool {
        self.add(item, true)
    }

    /// Queues a connect or disconnect: their number is bounded by the sockets.
    pub(crate) fn push_always(&self, item: Item) {
        self.add(item, false);
    }

    /// Takes back all of a session whose connect still waits: nobody was told of it. `false` where it does not.
    pub(crate) fn take_back(&self, session: &Arc<Session>) -> bool {
        let mut queue = self.lock();
        if !session.connect_waits.load(Ordering::Relaxed) {
            return false;
        }
        let Queue { items, bytes, urgent } = &mut *queue;
        items.retain(|item| {
            let is_of_it = Arc::ptr_eq(&item.session, session);
            if is_of_it {
                item.leave(bytes, urgent);
            }
            !is_of_it
        });
        true
    }

    fn add(&self, item: Item, bounded: bool) -> bool {
        let is_news = {
            let mut queue = self.lock();
            let is_full = queue.items.len() >= self.max_inputs || queue.bytes + item.bytes > self.max_bytes;
            if bounded && (is_full || item.exceeds(self.max_inputs / SHARE, self.max_bytes / SHARE)) {
                return false;
            }
            item.count(|counter, by| counter.fetch_add(by, Ordering::Relaxed));
            if item.what == What::Connect {
                item.session.connect_waits.store(true, Ordering::Relaxed);
            }
            if item.ack.is_none() && matches!(item.what, What::Report { ended: true, .. }) {
                item.session.reports_once();
            }
            queue.bytes += item.bytes;
            queue.urgent += usize::from(!item.can_wait);
            let is_news = !item.can_wait || queue.items.is_empty();
            queue.items.push_back(item);
            is_news
        };
        if is_news {
            self.arrived.notify_one();
        }
        true
    }

    /// What has gathered, at most `inputs` and `bytes`, but at least one.
    pub(crate) fn take(&self, inputs: usize, bytes: usize) -> Vec<Item> {
        let mut queue = self.lock();
        let mut taken = 0;
        let mut room = bytes;
        for item in queue.items.iter().take(inputs) {
            if taken > 0 && item.bytes > room {
                break;
            }
            room = room.saturating_sub(item.bytes);
            taken += 1;
        }
        let items: Vec<Item> = queue.items.drain(..taken).collect();
        let Queue { bytes, urgent, .. } = &mut *queue;
        items.iter().for_each(|item| item.leave(bytes, urgent));
        items
    }

    /// Whether anything but heartbeats waits.
    pub(crate) fn is_urgent(&self) -> bool {
        self.lock().urgent > 0
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Wakes whoever waits in [`Inbox::arrived`].
    pub(crate) fn wake(&self) {
        self.arrived.notify_one();
    }

    /// Returns once something was pushed (of heartbeats, the first that waits), or on [`Inbox::wake`].
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
