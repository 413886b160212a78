//! What a worker says of itself when it connects. Every key is optional: the contract alone has a token in the query.

use super::atoms::{Object, Text, uuid};
use super::shape::{Field, Shape, first_error, may, must};
use super::{Invalid, bounds};
use serde::Deserialize;
use std::num::NonZeroU32;
use std::sync::Arc;
use ukai_domain::{Run, TaskId};

/// Slots of one worker.
pub const MAX_CAPACITY: u32 = 64;
const MAX_CAPABILITIES: usize = 32;
const MAX_IN_FLIGHT: usize = 256;
const MAX_NAME: usize = 100;
const MAX_KIND: usize = 64;

/// The `auth` object of a connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectAuth {
    /// Where it isn't in the query.
    pub token: Option<String>,
    /// For a worker that registers itself.
    pub name: Option<String>,
    /// Slots, 1 to [`MAX_CAPACITY`].
    pub capacity: u32,
    /// Kinds that it can run; empty: the default kind.
    pub capabilities: Vec<Arc<str>>,
    /// What it holds; `None` from a worker that speaks the contract alone.
    pub in_flight: Option<Vec<(TaskId, Run)>>,
}

impl Default for ConnectAuth {
    fn default() -> Self {
        Self { token: None, name: None, capacity: 1, capabilities: Vec::new(), in_flight: None }
    }
}

const SHAPE: &[Field] = &[
    may("token", Shape::Text),
    may("name", Shape::Text),
    may("capacity", Shape::Run),
    may("capabilities", Shape::Texts),
    may("inFlight", Shape::Objects),
];
const HELD: &[Field] = &[must("taskId", Shape::Id), must("run", Shape::Run)];

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Auth<'a> {
    #[serde(borrow)]
    token: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    capacity: Option<NonZeroU32>,
    #[serde(borrow)]
    capabilities: Option<Vec<Text<'a>>>,
    in_flight: Option<Vec<serde_json::Value>>,
}

impl ConnectAuth {
    /// From the text of the connect packet's payload; an empty one or `null` says nothing.
    ///
    /// # Errors
    /// A key of the wrong type or out of its bounds; unknown keys are ignored.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        const EVENT: &str = "connect";
        let invalid = |field: &str, message: String| Invalid::new(EVENT, format!("auth.{field}"), message);
        if matches!(text.trim(), "" | "null") {
            return Ok(Self::default());
        }
        bounds::check(EVENT, text)?;
        let Object(auth): Object<Auth<'_>> = serde_json::from_str(text).map_err(|_| {
            let value = serde_json::from_str(text).unwrap_or_default();
            let (field, message) = first_error(&value, SHAPE)
                .unwrap_or_else(|| ("payload".to_owned(), "is not as documented".to_owned()));
            invalid(&field, message)
        })?;
        let capacity = auth.capacity.map_or(1, NonZeroU32::get);
        if capacity > MAX_CAPACITY {
            return Err(invalid("capacity", format!("must be 1 to {MAX_CAPACITY}")));
        }
        let name = auth.name.map(|n| Self::checked_name(&n.0).map_err(|m| invalid("name", m))).transpose()?;
        let capabilities = auth.capabilities.unwrap_or_default();
        if capabilities.len() > MAX_CAPABILITIES {
            return Err(invalid("capabilities", format!("must be at most {MAX_CAPABILITIES}")));
        }
        if let Some(n) = capabilities.iter().position(|c| c.0.is_empty() || c.0.len() > MAX_KIND) {
            return Err(invalid(
                &format!("capabilities[{n}]"),
                format!("must be 1 to {MAX_KIND} characters"),
            ));
        }
        let in_flight =
            auth.in_flight.map(|held| in_flight(&held).map_err(|(f, m)| invalid(&f, m))).transpose()?;
        Ok(Self {
            token: auth.token.map(|t| t.0.into_owned()).filter(|t| !t.is_empty()),
            name,
            capacity,
            capabilities: capabilities.into_iter().map(|c| Arc::from(c.0.as_ref())).collect(),
            in_flight,
        })
    }

    /// A worker's name, from here or from the query: 1 to 100 characters, none of them a control character.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn checked_name(name: &str) -> Result<String, String> {
        let name = name.trim();
        let length = name.chars().count();
        if length == 0 || length > MAX_NAME || name.chars().any(char::is_control) {
            return Err(format!("must be 1 to {MAX_NAME} characters without control characters"));
        }
        Ok(name.to_owned())
    }
}

fn in_flight(held: &[serde_json::Value]) -> Result<Vec<(TaskId, Run)>, (String, String)> {
    if held.len() > MAX_IN_FLIGHT {
        return Err(("inFlight".to_owned(), format!("must be at most {MAX_IN_FLIGHT}")));
    }
    held.iter()
        .enumerate()
        .map(|(n, value)| {
            if let Some((field, message)) = first_error(value, HELD) {
                let field = if field == "payload" { String::new() } else { format!(".{field}") };
                return Err((format!("inFlight[{n}]{field}"), message));
            }
            let task = value["taskId"].as_str().and_then(uuid).unwrap_or_default();
            let run = value["run"].as_u64().and_then(|r| u32::try_from(r).ok()).unwrap_or_default();
            Ok((TaskId(task), Run(run)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_nothing_and_everything() {
        for text in ["", "null", "{}", r#"{"other":1}"#] {
            assert_eq!(ConnectAuth::parse(text).unwrap(), ConnectAuth::default(), "{text}");
        }
        let id = "0198c0de-0000-7000-8000-000000000001";
        let text = format!(
            r#"{{"token":"t","name":" n ","capacity":4,"capabilities":["scrape"],"inFlight":[{{"taskId":"{id}","run":2}}]}}"#
        );
        let auth = ConnectAuth::parse(&text).unwrap();
        assert_eq!((auth.token.as_deref(), auth.name.as_deref(), auth.capacity), (Some("t"), Some("n"), 4));
        assert_eq!(auth.in_flight, Some(vec![(TaskId::parse(id).unwrap(), Run(2))]));
    }

    #[test]
    fn refuses_by_name() {
        let cases = [
            ("[]", "auth.payload"),
            ("7", "auth.payload"),
            (r#"{"token":7}"#, "auth.token"),
            (r#"{"capacity":0}"#, "auth.capacity"),
            (r#"{"capacity":65}"#, "auth.capacity"),
            (r#"{"capacity":1.5}"#, "auth.capacity"),
            (r#"{"capacity":"1"}"#, "auth.capacity"),
            (r#"{"name":""}"#, "auth.name"),
            (r#"{"name":"a\nb"}"#, "auth.name"),
            (r#"{"name":"\u0000"}"#, "name"),
            (r#"{"capabilities":"scrape"}"#, "auth.capabilities"),
            (r#"{"capabilities":["scrape",1]}"#, "auth.capabilities[1]"),
            (r#"{"capabilities":[""]}"#, "auth.capabilities[0]"),
            (r#"{"inFlight":{}}"#, "auth.inFlight"),
            (r#"{"inFlight":[1]}"#, "auth.inFlight[0]"),
            (r#"{"inFlight":[{"taskId":"x","run":1}]}"#, "auth.inFlight[0].taskId"),
            (r#"{"inFlight":[{"taskId":"0198c0de-0000-7000-8000-000000000001"}]}"#, "auth.inFlight[0].run"),
        ];
        for (text, field) in cases {
            assert_eq!(ConnectAuth::parse(text).unwrap_err().field, field, "{text}");
        }
    }
}
