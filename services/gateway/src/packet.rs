//! Raw text out of the socket library: payloads are parsed once, by the dialect.

use bytes::Bytes;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::AckSender;
use socketioxide::handler::{FromConnectParts, FromMessageParts, Value};
use socketioxide::socket::Socket;
use std::convert::Infallible;
use std::sync::Arc;

/// An event as it came: the packet's array as text, shared with the socket's read buffer.
pub(crate) struct Packet {
    text: Bytes,
    /// Whether binary attachments came with it.
    pub(crate) has_attachments: bool,
    /// Where an acknowledgement is asked for.
    pub(crate) ack: Option<AckSender>,
}

impl Packet {
    /// The array as text.
    pub(crate) fn text(&self) -> &str {
        // The library has validated it; were it not so, the empty text has no event name.
        std::str::from_utf8(&self.text).unwrap_or("")
    }
}

impl FromMessageParts<LocalAdapter> for Packet {
    type Error = Infallible;

    fn from_message_parts(
        socket: &Arc<Socket<LocalAdapter>>,
        value: &mut Value,
        ack: &Option<i64>,
    ) -> Result<Self, Infallible> {
        let (text, has_attachments) = match value {
            Value::Str(text, attachments) => (text.clone().into(), attachments.is_some()),
            Value::Bytes(_) => (Bytes::new(), true),
        };
        let ack = match ack {
            Some(_) => Some(AckSender::from_message_parts(socket, value, ack)?),
            None => None,
        };
        Ok(Self { text, has_attachments, ack })
    }
}

/// The payload of a connect packet as text; empty where none came.
pub(crate) struct AuthText(pub(crate) String);

impl FromConnectParts<LocalAdapter> for AuthText {
    type Error = Infallible;

    fn from_connect_parts(_: &Arc<Socket<LocalAdapter>>, auth: &Option<Value>) -> Result<Self, Infallible> {
        Ok(Self(
            auth.as_ref().and_then(|value| value.as_str()).map(|text| text.to_string()).unwrap_or_default(),
        ))
    }
}
