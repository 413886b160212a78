//! From an `Authorization` header to a principal.

use super::Principal;
use crate::error::ApiError;
use crate::secret;
use axum::http::HeaderMap;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;
use ukai_boot::http::bearer;
use ukai_domain::Code;
use ukai_store::{ApiKeyRow, Reads};

/// Remembered keys at most.
const MAX_REMEMBERED: usize = 1_024;

/// Whether requests need a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// Every request but health checks and the reference needs one.
    On,
    /// Everybody is the admin `local`.
    Off,
}

/// Checks keys.
pub(crate) struct Authenticator {
    mode: AuthMode,
    reads: Arc<dyn Reads>,
    /// How long an accepted key is remembered: a revocation works at most this much later.
    remember_for: Duration,
    /// By the hash of the whole key.
    remembered: Mutex<HashMap<[u8; 32], (Principal, Instant)>>,
}

impl Authenticator {
    pub(crate) fn new(mode: AuthMode, reads: Arc<dyn Reads>, remember_for: Duration) -> Self {
        Self { mode, reads, remember_for, remembered: Mutex::default() }
    }

    /// `AUTH_FAILED` says the same for a missing, unknown, wrong and revoked key.
    pub(crate) async fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, ApiError> {
        if self.mode == AuthMode::Off {
            return Ok(Principal::local());
        }
        let key = bearer(headers).ok_or_else(|| ApiError::new(Code::AuthFailed, "an API key is required"))?;
        let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        if let Some(principal) = self.recall(&digest) {
            return Ok(principal);
        }
        let row = self.reads.api_key(secret::prefix(key)).await?;
        let principal =
            check(row, &digest).ok_or_else(|| ApiError::new(Code::AuthFailed, "the API key is not valid"))?;
        self.remember(digest, principal.clone());
        Ok(principal)
    }

    fn recall(&self, digest: &[u8; 32]) -> Option<Principal> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered
            .get(digest)
            .filter(|(_, since)| since.elapsed() < self.remember_for)
            .map(|(principal, _)| principal.clone())
    }

    fn remember(&self, digest: [u8; 32], principal: Principal) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, (_, since)| since.elapsed() < self.remember_for);
        }
        if remembered.len() < MAX_REMEMBERED {
            remembered.insert(digest, (principal, Instant::now()));
        }
    }
}

/// Compares in constant time, also where there is no such key, so that the time tells nothing.
fn check(row: Option<ApiKeyRow>, digest: &[u8; 32]) -> Option<Principal> {
    let mut stored = [0; 32];
    let readable = row.as_ref().is_some_and(|row| hex::decode_to_slice(&row.hash, &mut stored).is_ok());
    let equal = bool::from(stored.ct_eq(digest));
    row.filter(|row| readable && equal && row.revoked_at.is_none()).map(|row| Principal {
        id: row.id,
        name: Arc::from(row.name),
        role: row.role,
    })
}
