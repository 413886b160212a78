//! The admin key that somebody chose, in the store. Only schedulers write there.

use sha2::{Digest, Sha256};
use std::time::{SystemTime, UNIX_EPOCH};
use ukai_domain::Timestamp;
use ukai_store::{ApiKeyRow, KeyRole, Store, StoreError};
use ukai_wire::secret;
use uuid::Uuid;

/// Stores `key` as an admin's. The same key again changes nothing: its id, and with it its implicit job, stays.
///
/// # Errors
/// The store's.
pub async fn put(store: &dyn Store, key: &str) -> Result<(), StoreError> {
    let (prefix, hash) = (secret::prefix(key).to_owned(), secret::hash(key));
    let known = store.api_key(&prefix).await?.filter(|row| row.hash == hash);
    if known.as_ref().is_some_and(|row| row.revoked_at.is_none() && row.role == KeyRole::Admin) {
        return Ok(());
    }
    let row = ApiKeyRow {
        // Two schedulers that start at once store the same.
        id: known.map_or_else(|| derived(&hash), |row| row.id),
        name: "admin".to_owned(),
        role: KeyRole::Admin,
        prefix,
        hash,
        created_at: now(),
        revoked_at: None,
    };
    store.put_api_key(row).await
}

/// Stores the key of a command line. Without one, and without any in the store, nobody could use the api: that is said.
pub(crate) async fn at_start(store: &dyn Store, key: Option<&str>) -> Result<(), StoreError> {
    match key {
        Some(key) => put(store, key).await,
        None => {
            if !store.has_api_key().await? {
                tracing::warn!("there is no API key yet: --admin-key (UKAI_ADMIN_KEY) stores one");
            }
            Ok(())
        }
    }
}

/// An id of the application's own kind (version 8) from the key's hash.
fn derived(hash: &str) -> Uuid {
    let digest = Sha256::digest(format!("ukai api key id 1 {hash}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn now() -> Timestamp {
    Timestamp(0) + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
