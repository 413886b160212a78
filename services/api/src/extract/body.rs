//! Bodies as JSON objects, with a bound on size and depth.

use super::{FieldPath, Fields};
use crate::error::ApiError;
use crate::state::App;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use ukai_domain::Code;

/// The members of a JSON body that must be an object.
#[derive(Debug)]
pub(crate) struct JsonBody(Map<String, Value>);

impl JsonBody {
    pub(crate) fn fields(self) -> Fields<'static> {
        Fields::new(self.0, FieldPath::Root)
    }
}

impl FromRequest<App> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        require_json(request.headers())?;
        parse(&read(request, app).await?, app.limits.json_depth)
    }
}

/// 415 unless the content type is JSON.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    match essence.as_deref() {
        Some("application/json") => Ok(()),
        Some(other) if other.starts_with("application/") && other.ends_with("+json") => Ok(()),
        _ => Err(ApiError::new(Code::UnsupportedMediaType, "the content type must be application/json")),
    }
}

/// The whole body, within the route's limit and in bounded time.
pub(super) async fn read(request: Request, app: &App) -> Result<Bytes, ApiError> {
    let body = tokio::time::timeout(app.limits.body_time, Bytes::from_request(request, &())).await;
    let body = body.map_err(|_elapsed| ApiError::invalid("the body did not arrive in time"))?;
    body.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            ApiError::new(Code::PayloadTooLarge, "the body is too large")
        }
        _ => ApiError::invalid("the body broke off"),
    })
}

/// A JSON object of bounded depth. Lone surrogates and bytes that aren't UTF-8 are refused by the parser.
pub(super) fn parse(bytes: &[u8], max_depth: usize) -> Result<JsonBody, ApiError> {
    if depth_exceeds(bytes, max_depth) {
        return Err(ApiError::invalid(format!("the body nests deeper than {max_depth}")));
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => Ok(JsonBody(members)),
        Ok(_) => Err(ApiError::invalid("the body must be a JSON object")),
        Err(error) => Err(ApiError::invalid(format!("the body is not JSON: {error}"))),
    }
}

/// Whether brackets outside strings nest deeper than `limit`; one pass before anything is allocated.
fn depth_exceeds(bytes: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings_only() {
        assert!(!depth_exceeds(br#"{"a":"[[[[\"[[["}"#, 1));
        assert!(!depth_exceeds(b"[[],[],{}]", 2));
        assert!(depth_exceeds(b"[[[]]]", 2));
        assert!(depth_exceeds("[".repeat(100_000).as_bytes(), 32));
    }
}
