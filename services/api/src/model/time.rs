//! The one public form of times.

use serde::{Serialize, Serializer};
use ukai_domain::Timestamp;
use utoipa::ToSchema;

/// RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(as = Timestamp, value_type = String, format = DateTime, example = "2026-02-01T12:00:00.000Z")]
pub(crate) struct Time(pub(crate) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339())
    }
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}
