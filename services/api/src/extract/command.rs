//! Commands that a client may repeat: the `Idempotency-Key` of a POST, with who sent what where.

use super::Fields;
use super::body::{JsonBody, parse, read, require_json};
use crate::auth::Principal;
use crate::error::ApiError;
use crate::state::App;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use sha2::{Digest, Sha256};
use ukai_rpc::v1;

/// The header.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A POST whose body doesn't matter.
#[derive(Debug)]
pub(crate) struct Command {
    /// Makes a repeat harmless, where the client sent a key.
    pub(crate) idempotency: Option<v1::Idempotency>,
}

/// A POST with a JSON object.
#[derive(Debug)]
pub(crate) struct JsonCommand {
    pub(crate) principal: Principal,
    /// As above.
    pub(crate) idempotency: Option<v1::Idempotency>,
    body: JsonBody,
}

impl JsonCommand {
    /// Who, the repeat's key and the body's members.
    pub(crate) fn into_parts(self) -> (Principal, Option<v1::Idempotency>, Fields<'static>) {
        (self.principal, self.idempotency, self.body.fields())
    }
}

impl FromRequest<App> for Command {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (_, idempotency, _) = receive(request, app).await?;
        Ok(Self { idempotency })
    }
}

impl FromRequest<App> for JsonCommand {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        require_json(request.headers())?;
        let (principal, idempotency, bytes) = receive(request, app).await?;
        Ok(Self { principal, idempotency, body: parse(&bytes, app.limits.json_depth)? })
    }
}

async fn receive(
    request: Request,
    app: &App,
) -> Result<(Principal, Option<v1::Idempotency>, Bytes), ApiError> {
    let (mut parts, body) = request.into_parts();
    let principal = Principal::from_request_parts(&mut parts, app).await?;
    let key = idempotency_key(&parts.headers)?;
    let route = format!("{} {}", parts.method, parts.uri.path());
    let bytes = read(Request::from_parts(parts, body), app).await?;
    let idempotency = key.map(|key| v1::Idempotency {
        principal: principal.id.to_string(),
        route,
        key,
        body_hash: hex::encode(Sha256::digest(&bytes)),
    });
    Ok((principal, idempotency, bytes))
}

/// 1 to 255 visible ASCII characters, at most once.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (Some(value), second) = (values.next(), values.next()) else { return Ok(None) };
    let bytes = value.as_bytes();
    let visible = bytes.iter().all(u8::is_ascii_graphic) && (1..=255).contains(&bytes.len());
    match value.to_str() {
        Ok(key) if visible && second.is_none() => Ok(Some(key.to_owned())),
        _ => {
            Err(ApiError::field("Idempotency-Key", "must be one header of 1 to 255 visible ASCII characters"))
        }
    }
}
