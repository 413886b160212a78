//! The way to the server, which can be laid anew: after a sleep the old connection may look alive for a long time.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::sync::mpsc;
use ukai_socketio::{Ack, Client, ClientEvent, EmitError};

type Laid = (Client, mpsc::Receiver<ClientEvent>);

/// Shared by everybody who says something to the server.
pub(crate) struct Link {
    current: Mutex<Client>,
    lay: Box<dyn Fn() -> Laid + Send + Sync>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Link {
    /// `lay` starts a connection; what the server says comes through the receiver.
    pub(crate) fn new(lay: impl Fn() -> Laid + Send + Sync + 'static) -> (Self, mpsc::Receiver<ClientEvent>) {
        let (client, events) = lay();
        (Self { current: Mutex::new(client), lay: Box::new(lay) }, events)
    }

    /// Gives the connection up for a new one, which introduces itself with what is in flight by then.
    pub(crate) fn renew(&self) -> mpsc::Receiver<ClientEvent> {
        let (client, events) = (self.lay)();
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = client;
        events
    }

    fn client(&self) -> Client {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.client().is_connected()
    }

    pub(crate) fn emit<T: Serialize + ?Sized>(&self, event: &str, payload: &T) -> Result<(), EmitError> {
        self.client().emit(event, payload)
    }

    pub(crate) async fn emit_with_ack<T: Serialize + ?Sized>(
        &self,
        event: &str,
        payload: &T,
        timeout: Duration,
    ) -> Result<Ack, EmitError> {
        self.client().emit_with_ack(event, payload, timeout).await
    }

    pub(crate) async fn close(&self) {
        self.client().close().await;
    }
}
