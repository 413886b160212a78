//! A real store that finds no room or refuses what a test wants it to.

use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use ukai_domain::scheduler::{Commit, CommitId, Needs, Prefetched, Snapshot};
use ukai_domain::{ArtifactId, Counts, Job, JobId, TaskId, Timestamp, WorkerId};
use ukai_store::sqlite::SqliteStore;
use ukai_store::{
    ApiKeyRow, Applied, ArtifactRow, CommitError, EventFilter, EventPage, JobPage, LeaderRow, Reads, Store,
    StoreError, TaskFilter, TaskPage, TaskRow, WorkerToken,
};

/// A url with this in it makes its commit fail for good.
pub(crate) const POISON: &str = "poison";

/// Everything else is the real store's.
pub(crate) struct Faulty {
    pub(crate) real: Arc<SqliteStore>,
    pub(crate) is_full: AtomicBool,
    pub(crate) is_away: AtomicBool,
    /// By so many milliseconds its time is ahead of the real store's.
    pub(crate) ahead_ms: AtomicU64,
    /// So many milliseconds a load takes.
    pub(crate) load_ms: AtomicU64,
    /// Commits that were sent here.
    pub(crate) commits: AtomicUsize,
    /// Times that the lead was renewed.
    pub(crate) renewals: AtomicUsize,
    /// Times that it was asked to forget events; with `forgets_for_ever` it never comes to an end.
    pub(crate) sweeps: AtomicUsize,
    pub(crate) forgets_for_ever: AtomicBool,
    /// Commits wait here while a test has it to itself.
    pub(crate) gate: tokio::sync::RwLock<()>,
}

impl Faulty {
    /// Without a fault.
    pub(crate) fn of(real: Arc<SqliteStore>) -> Arc<Self> {
        Arc::new(Self {
            real,
            is_full: false.into(),
            is_away: false.into(),
            ahead_ms: 0.into(),
            load_ms: 0.into(),
            commits: 0.into(),
            renewals: 0.into(),
            sweeps: 0.into(),
            forgets_for_ever: false.into(),
            gate: ().into(),
        })
    }

    fn later(&self, mut row: LeaderRow) -> LeaderRow {
        row.now = row.now + Duration::from_millis(self.ahead_ms.load(Ordering::Relaxed));
        row
    }
}

#[async_trait]
impl Store for Faulty {
    async fn commit(&self, commit: Arc<Commit>) -> Result<Applied, CommitError> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        drop(self.gate.read().await);
        if self.is_away.load(Ordering::Relaxed) {
            return Err(CommitError::Unavailable("away".to_owned()));
        }
        if self.is_full.load(Ordering::Relaxed) {
            return Err(CommitError::Full("no room".to_owned()));
        }
        if commit.tasks.iter().any(|task| task.url.contains(POISON)) {
            return Err(CommitError::Refused("poison".to_owned()));
        }
        self.real.commit(commit).await
    }
    async fn take_over(&self, address: &str, lease: Duration) -> Result<Option<LeaderRow>, StoreError> {
        Ok(self.real.take_over(address, lease).await?.map(|row| self.later(row)))
    }
    async fn renew(&self, epoch: u64, known: Timestamp, lease: Duration) -> Result<LeaderRow, CommitError> {
        let row = self.later(self.real.renew(epoch, known, lease).await?);
        self.renewals.fetch_add(1, Ordering::Relaxed);
        Ok(row)
    }
    async fn release(&self, epoch: u64) -> Result<(), StoreError> {
        self.real.release(epoch).await
    }
    async fn load(&self, epoch: u64, delayed: usize) -> Result<Snapshot, StoreError> {
        tokio::time::sleep(Duration::from_millis(self.load_ms.load(Ordering::Relaxed))).await;
        self.real.load(epoch, delayed).await
    }
    async fn prefetch(&self, needs: Needs) -> Result<Prefetched, StoreError> {
        self.real.prefetch(needs).await
    }
    async fn check_epoch(&self, epoch: u64) -> Result<(), CommitError> {
        self.real.check_epoch(epoch).await
    }
    async fn maintain(&self, epoch: u64, before: Timestamp) -> Result<(), CommitError> {
        self.real.maintain(epoch, before).await
    }
    async fn forget_events(&self, epoch: u64, before: Timestamp) -> Result<(), CommitError> {
        self.sweeps.fetch_add(1, Ordering::Relaxed);
        if self.forgets_for_ever.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.real.forget_events(epoch, before).await
    }
    async fn put_api_key(&self, key: ApiKeyRow) -> Result<(), StoreError> {
        self.real.put_api_key(key).await
    }
    async fn put_artifact(&self, artifact: ArtifactRow) -> Result<bool, StoreError> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(StoreError::Full("no room".to_owned()));
        }
        self.real.put_artifact(artifact).await
    }
    async fn delete_artifacts(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.real.delete_artifacts(before, limit).await
    }
    async fn has_api_key(&self) -> Result<bool, StoreError> {
        self.real.has_api_key().await
    }
    async fn last_commit(&self) -> Result<Option<CommitId>, StoreError> {
        self.real.last_commit().await
    }
}

#[async_trait]
impl Reads for Faulty {
    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, StoreError> {
        self.real.task(id).await
    }
    async fn tasks(&self, filter: TaskFilter) -> Result<TaskPage, StoreError> {
        self.real.tasks(filter).await
    }
    async fn job(&self, id: JobId) -> Result<Option<(Job, Counts)>, StoreError> {
        self.real.job(id).await
    }
    async fn jobs(&self, offset: u64, limit: u32) -> Result<JobPage, StoreError> {
        self.real.jobs(offset, limit).await
    }
    async fn events(&self, filter: EventFilter) -> Result<EventPage, StoreError> {
        self.real.events(filter).await
    }
    async fn worker_token(&self, prefix: &str) -> Result<Option<WorkerToken>, StoreError> {
        self.real.worker_token(prefix).await
    }
    async fn gone_workers(&self, workers: Vec<WorkerId>) -> Result<Vec<WorkerId>, StoreError> {
        self.real.gone_workers(workers).await
    }
    async fn api_key(&self, prefix: &str) -> Result<Option<ApiKeyRow>, StoreError> {
        self.real.api_key(prefix).await
    }
    async fn artifact(&self, id: ArtifactId) -> Result<Option<ArtifactRow>, StoreError> {
        self.real.artifact(id).await
    }
    async fn artifacts(&self, task: TaskId) -> Result<Vec<ArtifactRow>, StoreError> {
        self.real.artifacts(task).await
    }
    async fn named_artifacts(&self, hashes: Vec<String>) -> Result<Vec<String>, StoreError> {
        self.real.named_artifacts(hashes).await
    }
    async fn leader(&self) -> Result<Option<LeaderRow>, StoreError> {
        Ok(self.real.leader().await?.map(|row| self.later(row)))
    }
    async fn total_counts(&self) -> Result<Counts, StoreError> {
        self.real.total_counts().await
    }
}
