//! Who brings a file: a worker by its own token, or a holder of the enrolment token in a worker's name.

use crate::error::ApiError;
use crate::secret;
use crate::state::{App, AppState};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use ukai_boot::http::bearer;
use ukai_domain::{Code, WorkerId};

/// The enrolment token, as its hash.
pub(crate) struct Enrolment(Option<[u8; 32]>);

impl Enrolment {
    pub(crate) fn new(token: Option<&str>) -> Self {
        Self(token.map(|token| Sha256::digest(token.as_bytes()).into()))
    }
}

/// Whose token came with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bringer {
    /// This worker's.
    Worker(WorkerId),
    /// The enrolment token: the request names the worker, and the leader knows whether it has no token of its own.
    Enrolled,
}

impl FromRequestParts<App> for Bringer {
    type Rejection = ApiError;

    /// Before the body is read. `AUTH_FAILED` says the same for a missing, unknown, wrong and revoked token. A token is
    /// asked for also where keys are not.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers)
            .ok_or_else(|| ApiError::new(Code::AuthFailed, "a worker's token is required"))?;
        check(app, token).await
    }
}

async fn check(app: &AppState, token: &str) -> Result<Bringer, ApiError> {
    let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    if app.enrolment.0.is_some_and(|enrolment| bool::from(enrolment.ct_eq(&digest))) {
        return Ok(Bringer::Enrolled);
    }
    // Compared in constant time, also where there is no such token, so that the time tells nothing.
    let found = app.reads.worker_token(secret::prefix(token)).await?;
    let mut stored = [0; 32];
    let readable = found.as_ref().is_some_and(|row| hex::decode_to_slice(&row.hash, &mut stored).is_ok());
    let equal = bool::from(stored.ct_eq(&digest));
    match found {
        Some(row) if readable && equal => Ok(Bringer::Worker(row.worker)),
        _ => Err(ApiError::new(Code::AuthFailed, "the worker's token is not valid")),
    }
}
