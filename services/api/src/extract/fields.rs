//! Reads the members of a JSON object one by one and collects everything that is wrong with them.

use super::FieldPath;
use crate::error::ApiError;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;
use ukai_domain::Timestamp;
use ukai_wire::FieldError;

/// Wrong fields in one answer at most: a bad batch is told enough.
const MAX_ERRORS: usize = 1_000;

/// What is wrong with a body, collected.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<FieldError>);

impl Errors {
    pub(crate) fn add(&mut self, path: FieldPath<'_>, message: impl Into<String>) {
        if self.0.len() < MAX_ERRORS {
            self.0.push(FieldError { field: path.to_string(), message: message.into() });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An error where anything was wrong.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::fields(self.0)) }
    }
}

/// A JSON object being read. `null` counts as absent; members that nobody asks for are ignored.
#[derive(Debug)]
pub(crate) struct Fields<'p> {
    members: Map<String, Value>,
    path: FieldPath<'p>,
}

impl<'p> Fields<'p> {
    pub(crate) fn new(members: Map<String, Value>, path: FieldPath<'p>) -> Self {
        Self { members, path }
    }

    /// `value` as an object, or an error at `path`.
    pub(crate) fn of(value: Value, path: FieldPath<'p>, errors: &mut Errors) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self::new(members, path)),
            _ => {
                errors.add(path, "must be an object");
                None
            }
        }
    }

    /// Where the object stands.
    pub(crate) fn path(&self) -> FieldPath<'p> {
        self.path
    }

    /// The member, taken out of the object.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.members.get_mut(key).map(Value::take).filter(|value| !value.is_null())
    }

    /// The same, which must be there.
    pub(crate) fn required(&mut self, key: &str, errors: &mut Errors) -> Option<Value> {
        self.require(key, errors);
        self.take(key)
    }

    fn require(&self, key: &str, errors: &mut Errors) {
        if self.members.get(key).is_none_or(Value::is_null) {
            self.error(key, "is required", errors);
        }
    }

    pub(crate) fn error(&self, key: &str, message: impl Into<String>, errors: &mut Errors) {
        errors.add(self.path.key(key), message);
    }

    /// Text of a length in characters, without control characters.
    pub(crate) fn text(
        &mut self,
        key: &str,
        length: RangeInclusive<usize>,
        errors: &mut Errors,
    ) -> Option<String> {
        match self.take(key)? {
            Value::String(text) if has_control(&text) => {
                self.error(key, "must not contain control characters", errors);
                None
            }
            Value::String(text) if length.contains(&text.chars().count()) => Some(text),
            Value::String(_) => {
                let message = format!("must have {} to {} characters", length.start(), length.end());
                self.error(key, message, errors);
                None
            }
            _ => {
                self.error(key, "must be a string", errors);
                None
            }
        }
    }

    /// The same, which must be there; empty where it is wrong.
    pub(crate) fn required_text(
        &mut self,
        key: &str,
        length: RangeInclusive<usize>,
        errors: &mut Errors,
    ) -> String {
        self.require(key, errors);
        self.text(key, length, errors).unwrap_or_default()
    }

    pub(crate) fn integer(
        &mut self,
        key: &str,
        range: RangeInclusive<u32>,
        errors: &mut Errors,
    ) -> Option<u32> {
        let value = self.take(key)?;
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| range.contains(n));
        if number.is_none() {
            self.error(key, format!("must be an integer from {} to {}", range.start(), range.end()), errors);
        }
        number
    }

    /// The same, which must be there.
    pub(crate) fn required_integer(
        &mut self,
        key: &str,
        range: RangeInclusive<u32>,
        errors: &mut Errors,
    ) -> Option<u32> {
        self.require(key, errors);
        self.integer(key, range, errors)
    }

    pub(crate) fn boolean(&mut self, key: &str, errors: &mut Errors) -> Option<bool> {
        let value = self.take(key)?.as_bool();
        if value.is_none() {
            self.error(key, "must be true or false", errors);
        }
        value
    }

    /// RFC 3339 text.
    pub(crate) fn time(&mut self, key: &str, errors: &mut Errors) -> Option<Timestamp> {
        let time = self.take(key)?.as_str().and_then(Timestamp::parse_rfc3339);
        if time.is_none() {
            self.error(key, "must be an RFC 3339 time, like 2026-02-01T12:00:00Z", errors);
        }
        time
    }
}

/// NUL, other C0 and C1 control characters, DEL.
pub(crate) fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}
