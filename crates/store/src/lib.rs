#![doc = include_str!("../README.md")]

mod error;
mod open;
pub mod postgres;
mod read;
pub mod sqlite;

pub use error::{CommitError, StoreError};
pub use open::{connect, connect_reads, migrate};
pub use read::{
    ApiKeyRow, ArtifactRow, EventFilter, EventPage, JobPage, KeyRole, Reads, TaskFilter, TaskPage, TaskRow,
    TaskStatus, WorkerToken,
};

use async_trait::async_trait;
use std::time::Duration;
use ukai_domain::Timestamp;
use ukai_domain::scheduler::{Commit, CommitId, Needs, Prefetched, Snapshot};

/// Who leads, as the leader row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderRow {
    /// The fence of all commits.
    pub epoch: u64,
    /// Where its gRPC server is; empty in one process.
    pub address: String,
    /// By the database's clock.
    pub expires_at: Timestamp,
    /// The database's clock at the reading.
    pub now: Timestamp,
}

impl LeaderRow {
    /// Where the leader is, if somebody leads and has an address.
    #[must_use]
    pub fn live_address(&self) -> Option<&str> {
        (self.expires_at > self.now && !self.address.is_empty()).then_some(self.address.as_str())
    }
}

/// Whether a commit was applied by this sending or an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// By this one.
    Now,
    /// By an earlier sending whose reply was lost: the same commit, written once.
    Before,
}

/// The writing side: one fenced leader uses it.
#[async_trait]
pub trait Store: Reads {
    /// Takes the leader row if it is free or expired (or already `address`'s own): epoch + 1, for `lease`.
    /// `None` while another leads.
    async fn take_over(&self, address: &str, lease: Duration) -> Result<Option<LeaderRow>, StoreError>;

    /// Extends the lease by `lease` from the database's now, where it ends at `known`: the end that the leader heard last.
    /// Otherwise an earlier renewal arrived whose answer was lost; the row is answered as it is, so that a leader whom no
    /// answer reaches moves its end only once. [`CommitError::Deposed`] when the row has another epoch.
    async fn renew(&self, epoch: u64, known: Timestamp, lease: Duration) -> Result<LeaderRow, CommitError>;

    /// Gives the lease up at once, for a hand-over. Harmless when deposed.
    async fn release(&self, epoch: u64) -> Result<(), StoreError>;

    /// Everything that a new leader needs in memory; ≤ 3 s with 1,000,000 waiting tasks.
    /// `delayed` bounds the timers read.
    async fn load(&self, epoch: u64, delayed: usize) -> Result<Snapshot, StoreError>;

    /// The rows named by `needs`, all from one snapshot.
    async fn prefetch(&self, needs: Needs) -> Result<Prefetched, StoreError>;

    /// One transaction: locks the leader row where epoch = mine, inserts the commit's name, then the rows.
    /// Every statement's row count is checked. Sending the same commit again after an unknown outcome is safe.
    async fn commit(&self, commit: std::sync::Arc<Commit>) -> Result<Applied, CommitError>;

    /// Confirms the epoch in a transaction of its own: for batches that write nothing.
    async fn check_epoch(&self, epoch: u64) -> Result<(), CommitError>;

    /// Deletes idempotency rows older than `before` and names of old commits, in small steps between commits.
    async fn maintain(&self, epoch: u64, before: Timestamp) -> Result<(), CommitError>;

    /// Deletes events older than `before`, the oldest first and the newest row never, in small steps between commits.
    async fn forget_events(&self, epoch: u64, before: Timestamp) -> Result<(), CommitError>;

    /// Inserts or replaces an API key: the `admin` path.
    async fn put_api_key(&self, key: ApiKeyRow) -> Result<(), StoreError>;

    /// Writes an artifact's row; the same id again changes nothing. `false` where its task isn't there (any more):
    /// then nothing is written. A task's rows go with it in the commit that purges it.
    async fn put_artifact(&self, artifact: ArtifactRow) -> Result<bool, StoreError>;

    /// Deletes at most `limit` rows of artifacts that arrived before `before`; how many.
    async fn delete_artifacts(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Whether any API key was ever made: the first start makes one.
    async fn has_api_key(&self) -> Result<bool, StoreError>;

    /// The newest commit's name, for tests and operations.
    async fn last_commit(&self) -> Result<Option<CommitId>, StoreError>;
}
