//! The client's task: attempt, serve the connection, wait, again, for ever.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rand::{SeedableRng, rngs::StdRng};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    ClientEvent, Connection, Disconnect, EmitError, Incoming, Settings,
    ack::Waiting,
    client::{Command, Shared},
};

/// Why serving a connection ended.
enum End {
    Cut(Disconnect),
    /// The owner closed the client or dropped it.
    Closed,
}

pub(crate) async fn run(
    settings: Settings,
    mut auth: impl FnMut() -> String,
    mut inbox: mpsc::Receiver<Command>,
    events: mpsc::Sender<ClientEvent>,
    shared: Arc<Shared>,
) {
    let mut random = StdRng::from_rng(&mut rand::rng());
    let mut session = 0;
    let mut failures = 0_u32;
    loop {
        let attempt = auth();
        let attempt = Connection::open(&settings.target, &attempt);
        let outcome = tokio::select! {
            outcome = attempt => outcome,
            () = closed(&mut inbox) => return,
        };
        let (told, wait) = match outcome {
            Err(error) => {
                failures = failures.saturating_add(1);
                let retry_in = settings.backoff.after_failure(failures, &mut random);
                (ClientEvent::ConnectFailed { error, retry_in }, retry_in)
            }
            Ok(mut connection) => {
                let since = Instant::now();
                session += 1;
                let Ok(room) = events.reserve().await else { return connection.close().await };
                // Before the news of it: its reader may emit at once.
                shared.session.store(session, Ordering::Release);
                room.send(ClientEvent::Connected(connection.sid().to_owned()));
                let end = Box::pin(serve(&mut connection, session, &mut inbox, &events)).await;
                shared.session.store(0, Ordering::Release);
                let reason = match end {
                    End::Closed => return connection.close().await,
                    End::Cut(reason) => reason,
                };
                let retry_in = if since.elapsed() >= settings.backoff.stable_after {
                    failures = 0;
                    settings.backoff.after_cut(&mut random)
                } else {
                    failures = failures.saturating_add(1);
                    settings.backoff.after_failure(failures, &mut random)
                };
                (ClientEvent::Disconnected { reason, retry_in }, retry_in)
            }
        };
        if events.send(told).await.is_err() || !pause(wait, &mut inbox).await {
            return;
        }
    }
}

/// Serves one connection until it ends. Waiting acknowledgements end with it.
async fn serve(
    connection: &mut Connection,
    session: u64,
    inbox: &mut mpsc::Receiver<Command>,
    events: &mpsc::Sender<ClientEvent>,
) -> End {
    let mut waiting = Waiting::default();
    let mut batch = Vec::with_capacity(64);
    // An event that the owner has no room for yet; meanwhile nothing more is read, but writing goes on.
    let mut held: Option<ClientEvent> = None;
    loop {
        tokio::select! {
            taken = inbox.recv_many(&mut batch, 64) => {
                if taken == 0 {
                    return End::Closed;
                }
                for command in batch.drain(..) {
                    match command {
                        Command::Close => {
                            let _ = tokio::time::timeout(Duration::from_secs(5), connection.flush()).await;
                            return End::Closed;
                        }
                        Command::Send { session: of, text, ack } if of == session => {
                            match connection.queue(text) {
                                Ok(()) => if let Some((id, caller)) = ack {
                                    waiting.insert(id, caller);
                                },
                                Err(EmitError::Full) => return End::Cut(Disconnect::Protocol("the server does not read")),
                                Err(_) => return End::Cut(Disconnect::Closed),
                            }
                        }
                        Command::Send { .. } => {}
                    }
                }
            }
            room = events.reserve(), if held.is_some() => match (room, held.take()) {
                (Ok(room), Some(event)) => room.send(event),
                _ => return End::Closed,
            },
            incoming = progress(connection, held.is_none()) => match incoming {
                Ok(Incoming::Ack(ack)) => waiting.resolve(ack),
                Ok(Incoming::Event(event)) => match events.try_send(ClientEvent::Event(event)) {
                    Ok(()) => {}
                    Err(mpsc::error::TrySendError::Full(event)) => held = Some(event),
                    Err(mpsc::error::TrySendError::Closed(_)) => return End::Closed,
                },
                Err(reason) => return End::Cut(reason),
            },
        }
    }
}

/// Reads and writes, or only writes. Ends with the next message, or never.
async fn progress(connection: &mut Connection, read: bool) -> Result<Incoming, Disconnect> {
    if read {
        return connection.next().await;
    }
    if connection.has_unsent() {
        connection.flush().await?;
    }
    std::future::pending().await
}

/// Waits; `false` if the client was closed meanwhile. What was sent to the ended connection is dropped.
async fn pause(wait: Duration, inbox: &mut mpsc::Receiver<Command>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(wait) => true,
        () = closed(inbox) => false,
    }
}

/// Ends when the owner closes or drops the client; drops everything else.
async fn closed(inbox: &mut mpsc::Receiver<Command>) {
    while let Some(Command::Send { .. }) = inbox.recv().await {}
}
