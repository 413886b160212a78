//! What can go wrong, told apart where a caller acts differently.

use std::io;

/// Why a connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not one that this client can dial.
    #[error("the server address is not usable: {0}")]
    Address(String),
    /// The namespace refused the connection (`connect_error`).
    #[error("the server refused the connection: {message}")]
    Refused {
        /// The server's text.
        message: String,
        /// The server's `data` object as JSON text, if it sent one.
        data: Option<String>,
    },
    /// The HTTP upgrade was answered with another status, for example 503.
    #[error("the server answered the upgrade with HTTP status {0}")]
    Status(u16),
    /// TCP, TLS or WebSocket failed.
    #[error("the connection failed")]
    Transport(#[source] Box<tokio_tungstenite::tungstenite::Error>),
    /// The handshake did not end in time.
    #[error("the server did not answer the handshake in time")]
    Timeout,
    /// The server spoke something else than Engine.IO 4 / Socket.IO 4.
    #[error("the server broke the protocol: {0}")]
    Protocol(&'static str),
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Disconnect {
    /// The server disconnected this namespace.
    #[error("disconnected by the server")]
    Server,
    /// The transport was closed or cut.
    #[error("the transport was closed")]
    Closed,
    /// No ping for `pingInterval + pingTimeout`.
    #[error("the server has fallen silent")]
    PingTimeout,
    /// This side closed it.
    #[error("closed by this side")]
    Local,
    /// The server broke the protocol, or a message was over the limit.
    #[error("the server broke the protocol: {0}")]
    Protocol(&'static str),
    /// Reading or writing failed.
    #[error("the transport failed")]
    Transport(#[source] Box<tokio_tungstenite::tungstenite::Error>),
}

/// Why an event was not sent, or its acknowledgement not received.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// There is no connection now, or it ended before the acknowledgement came.
    #[error("not connected")]
    Disconnected,
    /// More is queued than the limits allow: the server does not read fast enough.
    #[error("the send queue is full")]
    Full,
    /// The acknowledgement did not come in time.
    #[error("no acknowledgement in time")]
    Timeout,
    /// The payload can't be written as JSON.
    #[error("the payload can't be written as JSON")]
    Payload(#[source] serde_json::Error),
}

pub(crate) fn transport(error: tokio_tungstenite::tungstenite::Error) -> Disconnect {
    use tokio_tungstenite::tungstenite::Error;
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Disconnect::Closed,
        Error::Io(ref cause)
            if matches!(
                cause.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof
            ) =>
        {
            Disconnect::Closed
        }
        Error::Protocol(
            tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => Disconnect::Closed,
        Error::Capacity(_) => Disconnect::Protocol("a message over the size limit"),
        other => Disconnect::Transport(Box::new(other)),
    }
}
