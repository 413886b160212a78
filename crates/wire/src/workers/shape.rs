//! What each payload must look like, as data: used only to name the field once a payload was refused.
//!
//! The fast way of `received` builds no tree and so can't say which field was wrong. A test holds the two together:
//! a payload passes the one exactly when it passes the other.

use super::atoms::{Amount, is_time, uuid};
use serde_json::Value;

/// One key of an object.
pub(crate) struct Field {
    name: &'static str,
    shape: Shape,
    optional: bool,
}

/// A key that must be there.
pub(crate) const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, optional: false }
}

/// A key that may be missing or `null`.
pub(crate) const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, optional: true }
}

/// What a value must be.
pub(crate) enum Shape {
    Text,
    TextOrNull,
    Amount,
    NumberOrNull,
    Bool,
    Id,
    Run,
    /// A whole number from 0.
    Count,
    Time,
    /// A time, or `""` where it is unknown.
    TimeOrEmpty,
    OneOf(&'static [&'static str]),
    Texts,
    Ids,
    List,
    Objects,
    Any,
    Object(&'static [Field]),
}

/// The first field of `value` that does not fit, as path and message.
pub(crate) fn first_error(value: &Value, fields: &[Field]) -> Option<(String, String)> {
    object(value, fields, "")
}

fn object(value: &Value, fields: &[Field], path: &str) -> Option<(String, String)> {
    let Value::Object(map) = value else {
        let path = if path.is_empty() { "payload" } else { path };
        return Some((path.to_owned(), "must be an object".to_owned()));
    };
    fields.iter().find_map(|field| {
        let path = if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
        match map.get(field.name) {
            None if field.optional => None,
            None => Some((path, "is missing".to_owned())),
            Some(Value::Null) if field.optional => None,
            Some(value) => value_error(value, &field.shape, path),
        }
    })
}

fn value_error(value: &Value, shape: &Shape, path: String) -> Option<(String, String)> {
    let text = |ok: fn(&str) -> bool| value.as_str().is_some_and(ok);
    let each = |ok: fn(&Value) -> bool| {
        value.as_array().map_or(Some(0), |items| items.iter().position(|item| !ok(item)))
    };
    let (fits, want) = match shape {
        Shape::Any => (true, ""),
        Shape::Text => (value.is_string(), "must be a string"),
        Shape::TextOrNull => (value.is_string() || value.is_null(), "must be a string or null"),
        Shape::Amount => (
            value.as_f64().is_some_and(|n| (0.0..=Amount::MAX).contains(&n)),
            "must be a number, not negative and at most 2^53",
        ),
        Shape::NumberOrNull => (value.is_number() || value.is_null(), "must be a number or null"),
        Shape::Bool => (value.is_boolean(), "must be true or false"),
        Shape::Id => (text(|t| uuid(t).is_some()), "must be a UUID"),
        Shape::Run => (
            value.as_u64().is_some_and(|n| (1..=u64::from(u32::MAX)).contains(&n)),
            "must be a whole number from 1",
        ),
        Shape::Count => {
            (value.as_u64().is_some_and(|n| n <= u64::from(u32::MAX)), "must be a whole number from 0")
        }
        Shape::Time => (text(is_time), "must be an ISO 8601 time"),
        Shape::TimeOrEmpty => {
            (text(|t| t.is_empty() || is_time(t)), "must be an ISO 8601 time or an empty string")
        }
        Shape::OneOf(words) => {
            let fits = value.as_str().is_some_and(|t| words.contains(&t));
            return (!fits).then(|| (path, format!("must be one of {}", words.join(", "))));
        }
        Shape::List => (value.is_array(), "must be an array"),
        Shape::Texts | Shape::Ids | Shape::Objects => {
            let (wrong, want) = match shape {
                Shape::Texts => (each(Value::is_string), "a string"),
                Shape::Ids => (each(|v| v.as_str().is_some_and(|t| uuid(t).is_some())), "a UUID"),
                _ => (each(Value::is_object), "an object"),
            };
            if !value.is_array() {
                return Some((path, "must be an array".to_owned()));
            }
            return wrong.map(|n| (format!("{path}[{n}]"), format!("must be {want}")));
        }
        Shape::Object(fields) => return object(value, fields, &path),
    };
    (!fits).then(|| (path, want.to_owned()))
}
