//! A payload that the contract does not allow: which event, which field, what is wrong.

/// Refused; nothing changes. `Display` is the message of the `error` event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event}: {field}: {message}")]
pub struct Invalid {
    /// The event's name as it came, cut at 100 characters.
    pub event: String,
    /// A path: `result.price`; `payload` for the whole.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl Invalid {
    /// A refusal of one field.
    pub fn new(event: &str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { event: event.chars().take(100).collect(), field: field.into(), message: message.into() }
    }
}
