//! An event and an acknowledgement as they came: raw JSON text, parsed only when the caller asks.

use std::{borrow::Cow, ops::Range};

use serde::de::DeserializeOwned;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// An event of the server.
#[derive(Debug, Clone)]
pub struct Event {
    text: Utf8Bytes,
    name: Name,
    args: Range<usize>,
    /// The id under which the server waits for an acknowledgement.
    pub ack: Option<u64>,
}

#[derive(Debug, Clone)]
enum Name {
    Slice(Range<usize>),
    Unescaped(Box<str>),
}

impl Event {
    /// Takes the array `data` of `text` apart: a name, then arguments.
    pub(crate) fn new(text: Utf8Bytes, data: Range<usize>, ack: Option<u64>) -> Result<Self, &'static str> {
        const SHAPE: &str = "an event without a name";
        let array = &text.as_str()[data.clone()];
        let inner = &array[1..array.len() - 1];
        let start = inner.find(|c: char| !c.is_ascii_whitespace()).ok_or(SHAPE)?;
        if inner.as_bytes()[start] != b'"' {
            return Err(SHAPE);
        }
        let bytes = inner.as_bytes();
        let mut end = start + 1;
        let mut escaped = false;
        while *bytes.get(end).ok_or(SHAPE)? != b'"' {
            if bytes[end] == b'\\' {
                escaped = true;
                end += 1;
            }
            end += 1;
        }
        let offset = data.start + 1;
        let name = if escaped {
            Name::Unescaped(serde_json::from_str(&inner[start..=end]).map_err(|_| SHAPE)?)
        } else {
            Name::Slice(offset + start + 1..offset + end)
        };
        let rest = &inner[end + 1..];
        let args = match rest.find(|c: char| !c.is_ascii_whitespace()) {
            None => offset + inner.len()..offset + inner.len(),
            Some(comma) if rest.as_bytes()[comma] == b',' => {
                offset + end + 1 + comma + 1..offset + inner.len()
            }
            Some(_) => return Err(SHAPE),
        };
        Ok(Self { text, name, args, ack })
    }

    /// The event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.name {
            Name::Slice(range) => &self.text.as_str()[range.clone()],
            Name::Unescaped(name) => name,
        }
    }

    /// The arguments as they came: JSON values separated by commas, empty for none. One argument is plain JSON.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.text.as_str()[self.args.clone()]
    }

    /// The first argument; further ones are ignored, a missing one reads as `null`.
    ///
    /// # Errors
    /// The JSON error if it is malformed or not of that shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        first(self.raw())
    }
}

/// The server's answer to an event.
#[derive(Debug, Clone)]
pub struct Ack {
    text: Utf8Bytes,
    args: Range<usize>,
    /// The id of the event that is answered.
    pub id: u64,
}

impl Ack {
    pub(crate) fn new(text: Utf8Bytes, data: Range<usize>, id: u64) -> Self {
        Self { text, args: data.start + 1..data.end - 1, id }
    }

    /// The arguments as they came: JSON values separated by commas, empty for none.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.text.as_str()[self.args.clone()]
    }

    /// The first argument; further ones are ignored, a missing one reads as `null`.
    ///
    /// # Errors
    /// The JSON error if it is malformed or not of that shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        first(self.raw())
    }
}

fn first<T: DeserializeOwned>(args: &str) -> Result<T, serde_json::Error> {
    let text = if args.trim_ascii().is_empty() { Cow::Borrowed("null") } else { Cow::Borrowed(args) };
    T::deserialize(&mut serde_json::Deserializer::from_str(&text))
}

#[cfg(test)]
mod tests {
    use super::Event;

    fn event(array: &str) -> Result<Event, &'static str> {
        let text = format!("42{array}");
        let end = text.len();
        Event::new(text.into(), 2..end, None)
    }

    #[test]
    fn splits_name_and_arguments() {
        let cases = [
            (r#"["a:b",{"x":1}]"#, "a:b", r#"{"x":1}"#),
            (r#"[ "a" , 1 , 2 ]"#, "a", " 1 , 2 "),
            (r#"["a"]"#, "a", ""),
            (r#"["q\"\u0041",null]"#, "q\"A", "null"),
        ];
        for (array, name, args) in cases {
            let event = event(array).unwrap();
            assert_eq!((event.name(), event.raw()), (name, args), "{array}");
        }
    }

    #[test]
    fn parses_the_first_argument_only() {
        assert_eq!(event(r#"["a",[1,2],"more"]"#).unwrap().parse::<Vec<u8>>().unwrap(), [1, 2]);
        assert_eq!(event(r#"["a"]"#).unwrap().parse::<Option<u8>>().unwrap(), None);
        assert!(event(r#"["a",{]"#).unwrap().parse::<serde_json::Value>().is_err());
    }

    #[test]
    fn refuses_events_without_a_name() {
        for array in ["[]", "[1]", "[\"a]", "[\"a\\\"]", "[\"a\" 1]"] {
            assert!(event(array).is_err(), "{array}");
        }
    }
}
