//! The wall clock, read at the edge alone: times in reports are for people.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

/// Now, as ISO 8601 in UTC with milliseconds.
pub(crate) fn now() -> String {
    DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A duration in whole milliseconds, for the wire.
pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
