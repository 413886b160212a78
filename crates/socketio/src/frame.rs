//! Writes the packets that a client sends.

use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::EmitError;

/// `42<prefix><id>["name",payload]`.
pub(crate) fn event<T: Serialize + ?Sized>(
    prefix: &str,
    id: Option<u64>,
    name: &str,
    payload: &T,
) -> Result<Utf8Bytes, EmitError> {
    let mut out = head("42", prefix, id, 256);
    out.push(b'[');
    serde_json::to_writer(&mut out, name).map_err(EmitError::Payload)?;
    out.push(b',');
    serde_json::to_writer(&mut out, payload).map_err(EmitError::Payload)?;
    out.push(b']');
    text(out)
}

/// The same with a payload that is JSON text already.
pub(crate) fn raw_event(
    prefix: &str,
    id: Option<u64>,
    name: &str,
    json: &str,
) -> Result<Utf8Bytes, EmitError> {
    let mut out = head("42", prefix, id, json.len() + name.len() + 8);
    out.push(b'[');
    serde_json::to_writer(&mut out, name).map_err(EmitError::Payload)?;
    out.push(b',');
    out.extend_from_slice(json.as_bytes());
    out.push(b']');
    text(out)
}

/// `43<prefix><id>[payload]`.
pub(crate) fn ack<T: Serialize + ?Sized>(prefix: &str, id: u64, payload: &T) -> Result<Utf8Bytes, EmitError> {
    let mut out = head("43", prefix, Some(id), 64);
    out.push(b'[');
    serde_json::to_writer(&mut out, payload).map_err(EmitError::Payload)?;
    out.push(b']');
    text(out)
}

/// `40<prefix><auth>`; `auth` is JSON text or empty.
pub(crate) fn connect(prefix: &str, auth: &str) -> Utf8Bytes {
    format!("40{prefix}{auth}").into()
}

/// `41<prefix>`.
pub(crate) fn disconnect(prefix: &str) -> Utf8Bytes {
    format!("41{prefix}").into()
}

fn head(kind: &str, prefix: &str, id: Option<u64>, payload: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(kind.len() + prefix.len() + 22 + payload);
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(prefix.as_bytes());
    if let Some(id) = id {
        out.extend_from_slice(id.to_string().as_bytes());
    }
    out
}

fn text(bytes: Vec<u8>) -> Result<Utf8Bytes, EmitError> {
    // serde_json and the callers' text are UTF-8; a RawValue is too.
    Utf8Bytes::try_from(bytes).map_err(|error| EmitError::Payload(serde::ser::Error::custom(error)))
}

#[cfg(test)]
mod tests {
    use super::{ack, event, raw_event};

    #[test]
    fn writes_packets() {
        assert_eq!(event("/w,", Some(3), "a", &[1]).unwrap().as_str(), "42/w,3[\"a\",[1]]");
        assert_eq!(raw_event("", None, "a\"", "{}").unwrap().as_str(), "42[\"a\\\"\",{}]");
        assert_eq!(ack("/w,", 9, "ok").unwrap().as_str(), "43/w,9[\"ok\"]");
    }
}
