//! One connection without a task of its own: the caller polls it, and what is queued leaves at the next poll.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{Sink, Stream, ready};
use serde::{Deserialize, Serialize};
use tokio::{
    net::TcpStream,
    time::{Instant, Sleep},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{self, Message, Utf8Bytes, protocol::WebSocketConfig},
};

use crate::{
    Ack, ConnectError, Disconnect, EmitError, Event, Target,
    error::transport,
    frame,
    packet::{Packet, decode},
};

/// What the server sent.
#[derive(Debug, Clone)]
pub enum Incoming {
    /// An event.
    Event(Event),
    /// The answer to an event of ours.
    Ack(Ack),
}

/// One connected namespace.
#[derive(Debug)]
pub struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    namespace: String,
    prefix: String,
    sid: String,
    silence: Duration,
    watchdog: Pin<Box<Sleep>>,
    unsent: bool,
    attachments_due: usize,
    max_attachments: usize,
    next_id: u64,
}

#[derive(Deserialize)]
struct Open {
    #[serde(rename = "pingInterval")]
    interval: u32,
    #[serde(rename = "pingTimeout")]
    timeout: u32,
}

#[derive(Deserialize)]
struct Connected {
    #[serde(default)]
    sid: String,
}

#[derive(Deserialize)]
struct Refused<'a> {
    #[serde(default)]
    message: String,
    #[serde(borrow, default)]
    data: Option<&'a serde_json::value::RawValue>,
}

impl Connection {
    /// Dials `target` and connects its namespace with `auth` (JSON text, or empty for none).
    ///
    /// # Errors
    /// Every [`ConnectError`]; the whole takes at most `limits.connect_timeout`.
    pub async fn open(target: &Target, auth: &str) -> Result<Self, ConnectError> {
        let limit = target.limits.connect_timeout;
        tokio::time::timeout(limit, Box::pin(Self::handshake(target, auth)))
            .await
            .map_err(|_| ConnectError::Timeout)?
    }

    async fn handshake(target: &Target, auth: &str) -> Result<Self, ConnectError> {
        if matches!(target.url.scheme(), "https" | "wss") {
            // Fails only where a provider is installed already, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let limits = target.limits;
        let config = WebSocketConfig::default()
            .read_buffer_size(16 << 10)
            .write_buffer_size(32 << 10)
            .max_write_buffer_size(limits.max_unsent.max(64 << 10))
            .max_message_size(Some(limits.max_message))
            .max_frame_size(Some(limits.max_message));
        let (socket, _response) = connect_async_with_config(target.websocket_url(), Some(config), true)
            .await
            .map_err(|error| match error {
                tungstenite::Error::Http(response) => ConnectError::Status(response.status().as_u16()),
                tungstenite::Error::Url(error) => ConnectError::Address(error.to_string()),
                other => ConnectError::Transport(Box::new(other)),
            })?;
        let mut connection = Self {
            socket,
            namespace: target.namespace.clone(),
            prefix: target.packet_prefix(),
            sid: String::new(),
            silence: limits.connect_timeout,
            watchdog: Box::pin(tokio::time::sleep(limits.connect_timeout)),
            unsent: false,
            attachments_due: 0,
            max_attachments: limits.max_attachments,
            next_id: 0,
        };
        loop {
            let text = std::future::poll_fn(|cx| connection.poll_text(cx)).await.map_err(refusal)?;
            match decode(text.as_str(), &target.namespace).map_err(ConnectError::Protocol)? {
                Packet::Open(json) => {
                    let open: Open = serde_json::from_str(json)
                        .map_err(|_| ConnectError::Protocol("a malformed open packet"))?;
                    connection.silence =
                        Duration::from_millis(u64::from(open.interval) + u64::from(open.timeout));
                    connection.heard();
                    connection
                        .queue(frame::connect(&connection.prefix, auth))
                        .map_err(|_| ConnectError::Protocol("no room for the connect packet"))?;
                }
                Packet::Connected(json) => {
                    if let Ok(connected) = serde_json::from_str::<Connected>(json) {
                        connection.sid = connected.sid;
                    }
                    return Ok(connection);
                }
                Packet::Refused(json) => {
                    let refused: Refused<'_> = serde_json::from_str(json)
                        .map_err(|_| ConnectError::Protocol("a malformed connect_error packet"))?;
                    return Err(ConnectError::Refused {
                        message: refused.message,
                        data: refused.data.map(|data| data.get().to_owned()),
                    });
                }
                Packet::Close | Packet::Disconnected => {
                    return Err(ConnectError::Protocol("closed during the handshake"));
                }
                _ => {}
            }
        }
    }

    /// The id that the server gave this connection.
    #[must_use]
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// The next event or acknowledgement. Also answers pings and writes what is queued. Cancel safe.
    ///
    /// # Errors
    /// Why the connection ended; it is of no further use then.
    pub async fn next(&mut self) -> Result<Incoming, Disconnect> {
        std::future::poll_fn(|cx| self.poll_incoming(cx)).await
    }

    /// Queues an event; it leaves with the next poll of [`next`](Self::next) or [`flush`](Self::flush).
    ///
    /// # Errors
    /// `Full`, `Payload` or `Disconnected`.
    pub fn emit<T: Serialize + ?Sized>(&mut self, event: &str, payload: &T) -> Result<(), EmitError> {
        let text = frame::event(&self.prefix, None, event, payload)?;
        self.queue(text)
    }

    /// Queues an event whose payload is JSON text already; with `want_ack` the server's [`Ack`] carries the returned id.
    ///
    /// # Errors
    /// `Full` or `Disconnected`.
    pub fn emit_raw(&mut self, event: &str, json: &str, want_ack: bool) -> Result<u64, EmitError> {
        let id = self.next_id;
        let text = frame::raw_event(&self.prefix, want_ack.then_some(id), event, json)?;
        self.queue(text)?;
        self.next_id += u64::from(want_ack);
        Ok(id)
    }

    /// Queues an event and returns the id of the [`Ack`] to expect.
    ///
    /// # Errors
    /// `Full`, `Payload` or `Disconnected`.
    pub fn emit_for_ack<T: Serialize + ?Sized>(
        &mut self,
        event: &str,
        payload: &T,
    ) -> Result<u64, EmitError> {
        let id = self.next_id;
        let text = frame::event(&self.prefix, Some(id), event, payload)?;
        self.queue(text)?;
        self.next_id += 1;
        Ok(id)
    }

    /// Writes what is queued. Not needed where `next` is polled. Cancel safe.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn flush(&mut self) -> Result<(), Disconnect> {
        std::future::poll_fn(|cx| self.poll_unsent(cx)).await
    }

    /// Leaves the namespace and closes the transport, waiting at most a second for the last bytes.
    pub async fn close(mut self) {
        let goodbye = async {
            let _ = self.queue(frame::disconnect(&self.prefix));
            let _ = self.flush().await;
            let _ = self.socket.close(None).await;
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
    }

    /// Whether something waits to be written.
    pub(crate) fn has_unsent(&self) -> bool {
        self.unsent
    }

    /// Queues one packet.
    pub(crate) fn queue(&mut self, text: Utf8Bytes) -> Result<(), EmitError> {
        self.unsent = true;
        Pin::new(&mut self.socket).start_send(Message::Text(text)).map_err(|error| match error {
            tungstenite::Error::WriteBufferFull(_) => EmitError::Full,
            _ => EmitError::Disconnected,
        })
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, Disconnect>> {
        loop {
            let text = ready!(self.poll_text(cx))?;
            match decode(text.as_str(), &self.namespace).map_err(Disconnect::Protocol)? {
                Packet::Event { id, data } => {
                    let event = Event::new(text, data, id).map_err(Disconnect::Protocol)?;
                    return Poll::Ready(Ok(Incoming::Event(event)));
                }
                Packet::Ack { id, data } => return Poll::Ready(Ok(Incoming::Ack(Ack::new(text, data, id)))),
                Packet::Binary { attachments } if attachments > self.max_attachments => {
                    return Poll::Ready(Err(Disconnect::Protocol("too many attachments")));
                }
                Packet::Binary { attachments } => self.attachments_due = attachments,
                Packet::Close => return Poll::Ready(Err(Disconnect::Closed)),
                Packet::Disconnected | Packet::Refused(_) => return Poll::Ready(Err(Disconnect::Server)),
                Packet::Open(_) | Packet::Ping(_) | Packet::Connected(_) | Packet::Noop => {}
            }
        }
    }

    /// The next text message; pings are answered here, binary messages are left out.
    fn poll_text(&mut self, cx: &mut Context<'_>) -> Poll<Result<Utf8Bytes, Disconnect>> {
        loop {
            if self.unsent
                && let Poll::Ready(result) = self.poll_unsent(cx)
            {
                result?;
            }
            let message = match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(Some(message)) => message.map_err(transport)?,
                Poll::Ready(None) => return Poll::Ready(Err(Disconnect::Closed)),
                Poll::Pending => {
                    ready!(self.watchdog.as_mut().poll(cx));
                    return Poll::Ready(Err(Disconnect::PingTimeout));
                }
            };
            match message {
                Message::Text(text) => {
                    if let Some(payload) = text.as_str().strip_prefix('2') {
                        self.heard();
                        let pong = Utf8Bytes::from(format!("3{payload}"));
                        self.queue(pong).map_err(|_| Disconnect::Closed)?;
                        continue;
                    }
                    return Poll::Ready(Ok(text));
                }
                Message::Binary(_) => match self.attachments_due.checked_sub(1) {
                    Some(left) => self.attachments_due = left,
                    None => return Poll::Ready(Err(Disconnect::Protocol("an unexpected binary message"))),
                },
                Message::Close(_) => return Poll::Ready(Err(Disconnect::Closed)),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Disconnect>> {
        ready!(Pin::new(&mut self.socket).poll_flush(cx)).map_err(transport)?;
        self.unsent = false;
        Poll::Ready(Ok(()))
    }

    fn heard(&mut self) {
        let deadline = Instant::now() + self.silence;
        self.watchdog.as_mut().reset(deadline);
    }
}

fn refusal(end: Disconnect) -> ConnectError {
    match end {
        Disconnect::PingTimeout => ConnectError::Timeout,
        Disconnect::Protocol(what) => ConnectError::Protocol(what),
        Disconnect::Transport(error) => ConnectError::Transport(error),
        Disconnect::Server | Disconnect::Closed | Disconnect::Local => {
            ConnectError::Protocol("closed during the handshake")
        }
    }
}
