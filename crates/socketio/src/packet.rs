//! Reads Engine.IO and Socket.IO packets without parsing their JSON: a packet is slices of its message.

use std::ops::Range;

/// One text message of the transport, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// Engine.IO open, with its JSON.
    Open(&'a str),
    /// Engine.IO close.
    Close,
    /// Engine.IO ping, with what the pong must repeat.
    Ping(&'a str),
    /// Engine.IO noop and anything that asks for no reaction.
    Noop,
    /// The namespace accepted the connection; JSON or nothing.
    Connected(&'a str),
    /// The namespace refused the connection; JSON.
    Refused(&'a str),
    /// The server disconnected the namespace.
    Disconnected,
    /// An event: its acknowledgement id and its JSON array.
    Event { id: Option<u64>, data: Range<usize> },
    /// An acknowledgement and its JSON array.
    Ack { id: u64, data: Range<usize> },
    /// An event or acknowledgement that is followed by so many binary messages.
    Binary { attachments: usize },
}

/// Takes `text` apart; packets of other namespaces than `namespace` are [`Packet::Noop`].
pub(crate) fn decode<'a>(text: &'a str, namespace: &str) -> Result<Packet<'a>, &'static str> {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b'0') => Ok(Packet::Open(&text[1..])),
        Some(b'1') => Ok(Packet::Close),
        Some(b'2') => Ok(Packet::Ping(&text[1..])),
        Some(b'3' | b'6') => Ok(Packet::Noop),
        Some(b'4') => message(text, namespace),
        Some(_) => Err("an unknown Engine.IO packet"),
        None => Err("an empty packet"),
    }
}

fn message<'a>(text: &'a str, namespace: &str) -> Result<Packet<'a>, &'static str> {
    let bytes = text.as_bytes();
    let kind = *bytes.get(1).ok_or("an empty Socket.IO packet")?;
    let mut at = 2;
    let mut attachments = 0;
    if matches!(kind, b'5' | b'6') {
        let (count, end) = number(bytes, at).ok_or("a binary packet without a count")?;
        if bytes.get(end) != Some(&b'-') {
            return Err("a binary packet without a count");
        }
        attachments = usize::try_from(count).unwrap_or(usize::MAX);
        at = end + 1;
    }
    let mut named = "/";
    if bytes.get(at) == Some(&b'/') {
        let end = text[at..].find(',').map_or(text.len(), |length| at + length);
        named = text[at..end].split('?').next().unwrap_or("/");
        at = (end + 1).min(text.len());
    }
    let foreign = named != namespace;
    if matches!(kind, b'5' | b'6') {
        return Ok(Packet::Binary { attachments });
    }
    if foreign {
        return Ok(Packet::Noop);
    }
    match kind {
        b'0' => Ok(Packet::Connected(&text[at..])),
        b'1' => Ok(Packet::Disconnected),
        b'4' => Ok(Packet::Refused(&text[at..])),
        b'2' | b'3' => {
            let (id, start) = match number(bytes, at) {
                Some((id, end)) => (Some(id), end),
                None => (None, at),
            };
            let data = start..text.len();
            if !(text[start..].starts_with('[') && text.ends_with(']')) {
                return Err("a payload that is no JSON array");
            }
            match (kind, id) {
                (b'2', id) => Ok(Packet::Event { id, data }),
                (_, Some(id)) => Ok(Packet::Ack { id, data }),
                (_, None) => Err("an acknowledgement without an id"),
            }
        }
        _ => Err("an unknown Socket.IO packet"),
    }
}

/// The decimal number that starts at `at`, and where it ends; at most 19 digits.
fn number(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut end = at;
    let mut value = 0_u64;
    while let Some(digit) = bytes.get(end).filter(|byte| byte.is_ascii_digit()) {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        end += 1;
    }
    (end > at).then_some((value, end))
}

#[cfg(test)]
mod tests {
    use super::{Packet, decode};

    #[test]
    fn takes_packets_apart() {
        let cases: [(&str, Packet<'_>); 11] = [
            ("0{\"sid\":1}", Packet::Open("{\"sid\":1}")),
            ("1", Packet::Close),
            ("2probe", Packet::Ping("probe")),
            ("6", Packet::Noop),
            ("40/w,{\"sid\":\"a\"}", Packet::Connected("{\"sid\":\"a\"}")),
            ("44/w,{\"message\":\"no\"}", Packet::Refused("{\"message\":\"no\"}")),
            ("41/w,", Packet::Disconnected),
            ("42/w,[\"x\",1]", Packet::Event { id: None, data: 5..12 }),
            ("42/w,17[\"x\"]", Packet::Event { id: Some(17), data: 7..12 }),
            ("43/w,3[]", Packet::Ack { id: 3, data: 6..8 }),
            ("451-/w,[\"x\",{}]", Packet::Binary { attachments: 1 }),
        ];
        for (text, packet) in cases {
            assert_eq!(decode(text, "/w"), Ok(packet), "{text}");
        }
        assert_eq!(decode("42[\"x\"]", "/"), Ok(Packet::Event { id: None, data: 2..7 }));
        assert_eq!(decode("42[\"x\"]", "/w"), Ok(Packet::Noop), "another namespace");
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reader(tail in "[0-6][0-6/,\\-\\[\\]\"\\\\a\u{e9}\u{1f600} {}:]{0,40}") {
            if let Ok(Packet::Event { id, data }) = decode(&tail, "/")
                && let Ok(event) = crate::Event::new(tail.as_str().into(), data, id)
            {
                let _ = (event.name().len(), event.raw().len(), event.parse::<serde_json::Value>());
            }
        }
    }

    #[test]
    fn refuses_malformed_packets() {
        for text in
            ["", "9", "4", "49", "42", "42/w,", "42{}", "43[]", "45[]", "42/w,99999999999999999999999[1]"]
        {
            assert!(!matches!(decode(text, "/"), Ok(Packet::Event { .. } | Packet::Ack { .. })), "{text}");
        }
    }
}
