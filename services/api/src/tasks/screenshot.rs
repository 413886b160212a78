//! The option `screenshot` of a task: whether, and of what.

use crate::extract::{Errors, FieldPath, Fields};
use serde_json::{Map, Value};

/// The longest selector, in characters.
const LONGEST_SELECTOR: usize = 1_000;
const FORMATS: [&str; 2] = ["png", "webp"];

/// `true`, `false`, or an object with `format`, `fullPage` and `selector`; what the worker gets of it.
pub(super) fn read(value: Value, path: FieldPath<'_>, errors: &mut Errors) -> Option<Value> {
    let members = match value {
        Value::Bool(_) => return Some(value),
        Value::Object(members) => members,
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            errors.add(path, "must be true, false or an object");
            return None;
        }
    };
    let mut fields = Fields::new(members, path);
    let mut kept = Map::new();
    match fields.take("format") {
        None => {}
        Some(Value::String(format)) if FORMATS.contains(&format.as_str()) => {
            kept.insert("format".to_owned(), Value::String(format));
        }
        Some(_) => fields.error("format", "must be png or webp", errors),
    }
    if let Some(full) = fields.boolean("fullPage", errors) {
        kept.insert("fullPage".to_owned(), Value::Bool(full));
    }
    if let Some(selector) = fields.text("selector", 1..=LONGEST_SELECTOR, errors) {
        kept.insert("selector".to_owned(), Value::String(selector));
    }
    Some(Value::Object(kept))
}
