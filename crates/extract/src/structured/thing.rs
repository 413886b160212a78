//! An item of a vocabulary, and how its properties are read.

use serde_json::Value;

use crate::extraction::Layer;
use crate::html::collapse;

/// A described item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Thing {
    /// The syntax it was written in.
    pub(crate) layer: Layer,
    /// Whether it stands in another item (an offer's seller, a related product).
    pub(crate) nested: bool,
    /// Its properties; `@type` among them.
    pub(crate) value: Value,
}

impl Thing {
    /// Whether one of its types is the word (`Product`), in any case and with any prefix.
    pub(crate) fn is(&self, word: &str) -> bool {
        has_type(&self.value, word)
    }
}

/// Whether an item has the type.
pub(crate) fn has_type(value: &Value, word: &str) -> bool {
    let same = |value: &Value| {
        value.as_str().is_some_and(|name| {
            name.rsplit(['/', '#', ':']).next().unwrap_or(name).trim().eq_ignore_ascii_case(word)
        })
    };
    match value.get("@type") {
        Some(Value::Array(types)) => types.iter().any(same),
        Some(one) => same(one),
        None => false,
    }
}

/// The property's values: none, one or many.
pub(crate) fn values<'v>(value: &'v Value, property: &str) -> &'v [Value] {
    let found = value.get(property).or_else(|| {
        // `schema:name`, `http://schema.org/name`.
        value
            .as_object()?
            .iter()
            .find(|(key, _)| key.rsplit([':', '/', '#']).next() == Some(property))
            .map(|(_, value)| value)
    });
    match found {
        None | Some(Value::Null) => &[],
        Some(Value::Array(many)) => many,
        Some(one) => std::slice::from_ref(one),
    }
}

/// A value as text: strings, numbers, `{"@value"}`, the name or address of an item.
pub(crate) fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => collapse(&crate::html::decode(text, false)),
        Value::Number(number) => number.to_string(),
        Value::Object(object) => {
            let inner =
                ["@value", "name", "url", "contentUrl", "@id"].iter().find_map(|key| object.get(*key))?;
            match inner {
                Value::String(text) => collapse(text),
                Value::Number(number) => number.to_string(),
                Value::Array(many) => many.first().and_then(Value::as_str).map(collapse)?,
                Value::Null | Value::Bool(_) | Value::Object(_) => return None,
            }
        }
        Value::Null | Value::Bool(_) | Value::Array(_) => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// The property's first value as text.
pub(crate) fn text_of(value: &Value, property: &str) -> Option<String> {
    values(value, property).iter().find_map(plain)
}

/// The property's values as texts.
pub(crate) fn texts_of(value: &Value, property: &str) -> Vec<String> {
    values(value, property).iter().filter_map(plain).collect()
}

/// The property's first value as a number; written numbers are read in any punctuation.
pub(crate) fn number_of(value: &Value, property: &str) -> Option<f64> {
    values(value, property).iter().find_map(|value| match value {
        Value::Number(number) => number.as_f64(),
        other => {
            let text = plain(other)?;
            text.parse()
                .ok()
                .filter(|n: &f64| n.is_finite())
                .or_else(|| crate::money::parse_price(&text, None).amount)
        }
    })
}
