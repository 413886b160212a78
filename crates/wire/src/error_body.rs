//! The one error shape: `{code, message, timestamp}`, plus `details` for validation.

use serde::{Deserialize, Serialize};
use ukai_domain::{Code, Timestamp};

/// On REST as the body, on sockets as the payload of `error`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Machine code.
    pub code: Code,
    /// For people; never internal text.
    pub message: String,
    /// RFC 3339.
    pub timestamp: String,
    /// One a field that is wrong; only for validation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<FieldError>,
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// A path: `tasks[3].productUrl`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl ErrorBody {
    /// An error without field details.
    pub fn new(code: Code, message: impl Into<String>, now: Timestamp) -> Self {
        Self { code, message: message.into(), timestamp: now.to_rfc3339(), details: Vec::new() }
    }

    /// A validation error; the message is the first field's.
    #[must_use]
    pub fn invalid(details: Vec<FieldError>, now: Timestamp) -> Self {
        let message = match details.as_slice() {
            [] => "invalid payload".to_owned(),
            [one] => format!("{}: {}", one.field, one.message),
            [first, rest @ ..] => format!("{}: {} (and {} more)", first.field, first.message, rest.len()),
        };
        Self { code: Code::InvalidPayload, message, timestamp: now.to_rfc3339(), details }
    }
}
