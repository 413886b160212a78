//! The long-lived client: its handle and what it tells its owner.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{Ack, Backoff, ConnectError, Disconnect, EmitError, Event, Target, driver, frame};

/// How a [`Client`] behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to connect.
    pub target: Target,
    /// The waits between attempts.
    pub backoff: Backoff,
    /// How many events may wait for the owner, and how many packets for the socket.
    pub queue: usize,
}

impl Settings {
    /// The production settings for `target`.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self { target, backoff: Backoff::default(), queue: 256 }
    }
}

/// What happened on the client, in order.
#[derive(Debug)]
pub enum ClientEvent {
    /// The namespace accepted a connection; the server's id of it.
    Connected(String),
    /// An event of the server.
    Event(Event),
    /// The connection ended; the next attempt starts after `retry_in`.
    Disconnected {
        /// Why it ended.
        reason: Disconnect,
        /// The wait before the next attempt.
        retry_in: Duration,
    },
    /// An attempt failed or was refused; the next one starts after `retry_in`.
    ConnectFailed {
        /// Why it failed.
        error: ConnectError,
        /// The wait before the next attempt.
        retry_in: Duration,
    },
}

/// A handle on a connection that comes back by itself. Clones share it; the last one dropped closes it.
///
/// Never await an acknowledgement in the task that reads the event channel: with a full channel the answer can't come
/// through before its timeout.
#[derive(Debug, Clone)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
}

/// A packet for the connection with the number `session`; others drop it.
#[derive(Debug)]
pub(crate) enum Command {
    Send { session: u64, text: Utf8Bytes, ack: Option<(u64, oneshot::Sender<Ack>)> },
    Close,
}

/// What handle and task both see.
#[derive(Debug)]
pub(crate) struct Shared {
    prefix: String,
    /// The number of the standing connection, 0 while there is none.
    pub(crate) session: AtomicU64,
    next_id: AtomicU64,
}

impl Client {
    /// Starts connecting. `auth` is asked for the JSON text of the auth object before each attempt (empty for none).
    ///
    /// The channel is bounded by `settings.queue`: an owner that stops reading stops the connection, not memory.
    pub fn start(
        settings: Settings,
        auth: impl FnMut() -> String + Send + 'static,
    ) -> (Self, mpsc::Receiver<ClientEvent>) {
        let (commands, inbox) = mpsc::channel(settings.queue);
        let (events, receiver) = mpsc::channel(settings.queue);
        let shared = Arc::new(Shared {
            prefix: settings.target.packet_prefix(),
            session: AtomicU64::new(0),
            next_id: AtomicU64::new(0),
        });
        tokio::spawn(driver::run(settings, auth, inbox, events, Arc::clone(&shared)));
        (Self { commands, shared }, receiver)
    }

    /// Whether there is a connection now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared.session.load(Ordering::Acquire) != 0
    }

    /// Sends an event; a [`serde_json::value::RawValue`] is passed through as it is.
    ///
    /// # Errors
    /// `Disconnected`, `Full` or `Payload`, at once.
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, payload: &T) -> Result<(), EmitError> {
        let session = self.session()?;
        let text = frame::event(&self.shared.prefix, None, event, payload)?;
        self.send(Command::Send { session, text, ack: None })
    }

    /// Sends an event and waits for the server's answer.
    ///
    /// # Errors
    /// `Disconnected` (also when the connection ends before the answer), `Full`, `Payload` or `Timeout`.
    pub async fn emit_with_ack<T: Serialize + ?Sized>(
        &self,
        event: &str,
        payload: &T,
        timeout: Duration,
    ) -> Result<Ack, EmitError> {
        let session = self.session()?;
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let text = frame::event(&self.shared.prefix, Some(id), event, payload)?;
        let (caller, answer) = oneshot::channel();
        self.send(Command::Send { session, text, ack: Some((id, caller)) })?;
        tokio::time::timeout(timeout, answer)
            .await
            .map_err(|_| EmitError::Timeout)?
            .map_err(|_| EmitError::Disconnected)
    }

    /// Answers an event that asked for an acknowledgement; one that did not is left alone.
    ///
    /// # Errors
    /// `Disconnected`, `Full` or `Payload`, at once.
    pub fn acknowledge<T: Serialize + ?Sized>(&self, event: &Event, payload: &T) -> Result<(), EmitError> {
        let Some(id) = event.ack else { return Ok(()) };
        let session = self.session()?;
        let text = frame::ack(&self.shared.prefix, id, payload)?;
        self.send(Command::Send { session, text, ack: None })
    }

    /// Leaves the namespace, after what is queued was written. The event channel ends then.
    pub async fn close(&self) {
        if self.commands.send(Command::Close).await.is_ok() {
            self.commands.closed().await;
        }
    }

    fn session(&self) -> Result<u64, EmitError> {
        match self.shared.session.load(Ordering::Acquire) {
            0 => Err(EmitError::Disconnected),
            session => Ok(session),
        }
    }

    fn send(&self, command: Command) -> Result<(), EmitError> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => EmitError::Full,
            mpsc::error::TrySendError::Closed(_) => EmitError::Disconnected,
        })
    }
}
