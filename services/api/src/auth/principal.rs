//! The identity behind a request, and the job of its tasks that name none.

use crate::error::ApiError;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use ukai_domain::{Code, JobId};
use ukai_store::KeyRole;
use uuid::Uuid;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    /// Of the API key.
    pub(crate) id: Uuid,
    /// Of the API key.
    pub(crate) name: Arc<str>,
    /// What it may do.
    pub(crate) role: KeyRole,
}

impl Principal {
    /// Everybody, where authentication is off.
    pub(crate) fn local() -> Self {
        Self { id: Uuid::nil(), name: Arc::from("local"), role: KeyRole::Admin }
    }

    /// The name of the job of tasks that name none.
    pub(crate) fn implicit_job_name(&self) -> String {
        format!("default ({})", self.name)
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = ApiError;

    /// Set by the guard of the route's role; a route without one has no principal and fails closed.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| ApiError::new(Code::AuthFailed, "an API key is required"))
    }
}

/// The id of a key's implicit job: always the same, and smaller than every id that a leader makes, because those
/// begin with the time.
#[must_use]
pub fn implicit_job(key: Uuid) -> JobId {
    let digest = Sha256::new().chain_update(b"ukai implicit job 1").chain_update(key.as_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes[6..].copy_from_slice(&digest[..10]);
    JobId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implicit_jobs_are_stable_distinct_and_small() {
        let a = implicit_job(Uuid::nil());
        assert_eq!(a, implicit_job(Uuid::nil()));
        assert_ne!(a, implicit_job(Uuid::max()));
        assert_eq!(a.0.get_version_num(), 8);
        let oldest = uuid::Builder::from_unix_timestamp_millis(1, &[0; 10]).into_uuid();
        assert!(a.0 < oldest, "{a} sorts before ids made from a clock");
    }
}
