//! JSON that passes through as a worker sent it.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A JSON object as a worker sent it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(as = JsonObject, value_type = Object)]
pub(crate) struct RawJson(Box<RawValue>);

impl RawJson {
    /// `None` for text that is no JSON: the gateway lets none in, so that is a damaged row.
    pub(crate) fn new(text: String) -> Option<Self> {
        match RawValue::from_string(text) {
            Ok(raw) => Some(Self(raw)),
            Err(error) => {
                tracing::error!(%error, "a stored result is not JSON");
                None
            }
        }
    }
}
