//! Opening of the store: pools, the look at the schema, and what tests and unusual machines change.

use super::address::{Address, Purpose};
use super::leader::Seen;
use super::migrate;
use super::pool::Pool;
use crate::StoreError;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;

/// What tests and unusual machines change.
#[derive(Clone, Debug)]
pub struct Options {
    /// Named in `application_name`, for people who look at the database.
    pub service: String,
    /// Connections for reads of the api and the gateway.
    pub readers: usize,
    /// Until a connection is open.
    pub connect_timeout: Duration,
    /// Until a connection is free, opened where there is none, and looked at.
    pub acquire_timeout: Duration,
    /// The server's limit on one statement, and ours on the steps that have no longer one.
    pub statement_timeout: Duration,
    /// The server's limit on waiting for a row.
    pub lock_timeout: Duration,
    /// The server ends transactions that lie idle for so long.
    pub idle_in_transaction: Duration,
    /// Connections are replaced when they are older.
    pub lifetime: Duration,
    /// For the load of a new leader.
    pub load_timeout: Duration,
    /// For all migrations together, the wait for another process's included.
    pub migrate_timeout: Duration,
    /// Commits after which the jobs' balances are folded and the lists of their events brought up to date.
    pub gather_every: u64,
}

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            service: "ukai".to_owned(),
            readers: 2 * cores + 4,
            connect_timeout: Duration::from_secs(3),
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(2),
            idle_in_transaction: Duration::from_secs(10),
            lifetime: Duration::from_secs(600),
            load_timeout: Duration::from_secs(60),
            migrate_timeout: Duration::from_secs(120),
            gather_every: 128,
        }
    }
}

/// The leader's side. Dropping it closes its connections.
pub struct PostgresStore {
    /// Commits and the reads between them.
    pub(super) leading: Pool,
    /// The lease: never behind a commit.
    pub(super) lease: Pool,
    pub(super) reads: PostgresReads,
    /// What was seen of another's lease.
    pub(super) seen: Arc<Mutex<Option<Seen>>>,
    /// The `application_name` of the leading connections: no other process has it.
    pub(super) backend: String,
    pub(super) options: Options,
}

/// The reading side, by a role that can't write.
pub struct PostgresReads {
    pub(super) pool: Pool,
    /// On one call.
    pub(super) limit: Duration,
}

impl PostgresStore {
    /// Connects, brings the schema up to date where it is older than this program and the role may, and looks at it.
    ///
    /// # Errors
    /// [`StoreError::Address`] for an unusable address; [`StoreError::Unavailable`] while the database is away, and
    /// where the schema is missing and this role may not make it; [`StoreError::Damaged`] where the schema is of a
    /// program so much newer that this one can't use it.
    pub async fn connect(url: &str, options: Options) -> Result<Arc<Self>, StoreError> {
        migrate::at_start(url, &options).await?;
        let backend = format!("{} {}", options.service, &Uuid::new_v4().simple().to_string()[..12]);
        let leading = Address::parse(url, &options, Purpose::Lead, &backend)?;
        // A successor ends the leading connections, not this one: it tells the old leader at once.
        let lease = Address::parse(url, &options, Purpose::Lead, &format!("{} lease", options.service))?;
        Ok(Arc::new(Self {
            leading: Pool::new(leading, Purpose::Lead, &options, 3),
            lease: Pool::new(lease, Purpose::Lead, &options, 1),
            reads: PostgresReads::new(url, &options)?,
            seen: Arc::default(),
            backend,
            options,
        }))
    }
}

impl PostgresReads {
    /// Connects and looks whether the schema is there.
    ///
    /// # Errors
    /// As [`PostgresStore::connect`].
    pub async fn connect(url: &str, options: Options) -> Result<Arc<Self>, StoreError> {
        let reads = Self::new(url, &options)?;
        reads
            .pool
            .run(options.statement_timeout, |s| Box::pin(migrate::check(s)))
            .await
            .map_err(|f| f.into_store_error())?;
        Ok(Arc::new(reads))
    }

    fn new(url: &str, options: &Options) -> Result<Self, StoreError> {
        let address = Address::parse(url, options, Purpose::Read, &options.service)?;
        let pool = Pool::new(address, Purpose::Read, options, options.readers);
        Ok(Self { pool, limit: options.statement_timeout })
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").field("backend", &self.backend).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PostgresReads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresReads").finish_non_exhaustive()
    }
}
