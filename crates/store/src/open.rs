//! Stores by the database's address, as services are given it.

use crate::postgres::{self, Migrated, Options, PostgresReads, PostgresStore};
use crate::{Reads, Store, StoreError};
use std::sync::Arc;

/// The writing side at `url`, `postgres://…`, with the shipped settings. Brings the schema up to date where it is
/// older than this program. `service` is what its connections are called in the database.
///
/// # Errors
/// [`StoreError::Address`]: never as it is. [`StoreError::Unavailable`]: not now; call again. [`StoreError::Damaged`]:
/// the database is too old, or used by programs so new that this one can't.
pub async fn connect(url: &str, service: &str) -> Result<Arc<dyn Store>, StoreError> {
    let store: Arc<dyn Store> = PostgresStore::connect(url, named(service)).await?;
    Ok(store)
}

/// The reading side at `url`, for a role that can't write. The schema must be there.
///
/// # Errors
/// As [`connect`].
pub async fn connect_reads(url: &str, service: &str) -> Result<Arc<dyn Reads>, StoreError> {
    let reads: Arc<dyn Reads> = PostgresReads::connect(url, named(service)).await?;
    Ok(reads)
}

/// Brings the schema at `url` up to date and sets the rights of its roles; harmless when repeated.
///
/// # Errors
/// As [`connect`].
pub async fn migrate(url: &str) -> Result<Migrated, StoreError> {
    postgres::migrate(url, &named("ukai-migrate")).await
}

fn named(service: &str) -> Options {
    Options { service: service.to_owned(), ..Options::default() }
}
