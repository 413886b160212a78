//! The seam's two traits on PostgreSQL: each call goes to the pool that is for it, with its own limit in time.

use super::failure::Failure;
use super::pool::Work;
use super::read::{artifact, event, job, key, list, task, worker};
use super::session::Session;
use super::{PostgresReads, PostgresStore, columns, commit, leader, load, maintain, prefetch};
use crate::{
    ApiKeyRow, Applied, ArtifactRow, CommitError, EventFilter, EventPage, JobPage, LeaderRow, Reads, Store,
    StoreError, TaskFilter, TaskPage, TaskRow, WorkerToken,
};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use ukai_domain::scheduler::{Commit, CommitId, Needs, Prefetched, Snapshot};
use ukai_domain::{ArtifactId, Counts, Job, JobId, TaskId, Timestamp, WorkerId};

impl PostgresStore {
    fn limit(&self) -> Duration {
        self.options.statement_timeout
    }

    /// A step on the leader's connections.
    async fn step<T>(&self, work: impl for<'s> FnOnce(&'s Session) -> Work<'s, T>) -> Result<T, StoreError> {
        self.leading.run(self.limit(), work).await.map_err(Failure::into_store_error)
    }

    /// The same of `epoch`.
    async fn fenced<T>(
        &self,
        epoch: u64,
        work: impl for<'s> FnOnce(&'s Session) -> Work<'s, T>,
    ) -> Result<T, CommitError> {
        self.leading.run(self.limit(), work).await.map_err(|f| f.into_commit_error(epoch))
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn take_over(&self, address: &str, lease: Duration) -> Result<Option<LeaderRow>, StoreError> {
        let (address, backend, seen) = (address.to_owned(), self.backend.clone(), Arc::clone(&self.seen));
        let taken = self.lease.run(self.limit(), |s| {
            Box::pin(async move { leader::take_over(s, &address, &backend, lease, &seen).await })
        });
        taken.await.map_err(Failure::into_store_error)
    }

    async fn renew(&self, epoch: u64, known: Timestamp, lease: Duration) -> Result<LeaderRow, CommitError> {
        let renewed = self.lease.run(self.limit(), |s| Box::pin(leader::renew(s, epoch, known, lease))).await;
        renewed.map_err(|f| f.into_commit_error(epoch))
    }

    async fn release(&self, epoch: u64) -> Result<(), StoreError> {
        let released = self.lease.run(self.limit(), |s| Box::pin(leader::release(s, epoch))).await;
        released.map_err(Failure::into_store_error)
    }

    async fn load(&self, epoch: u64, delayed: usize) -> Result<Snapshot, StoreError> {
        let limit = self.options.load_timeout;
        let loaded =
            self.leading.run(limit, |s| Box::pin(load::load(s, epoch, delayed, limit.as_millis()))).await;
        loaded.map_err(Failure::into_store_error)
    }

    async fn prefetch(&self, needs: Needs) -> Result<Prefetched, StoreError> {
        self.step(|s| Box::pin(async move { prefetch::prefetch(s, &needs).await })).await
    }

    async fn commit(&self, commit: Arc<Commit>) -> Result<Applied, CommitError> {
        let (epoch, gather_every) = (commit.id.epoch, self.options.gather_every);
        self.fenced(epoch, |s| Box::pin(async move { commit::commit(s, &commit, gather_every).await })).await
    }

    async fn check_epoch(&self, epoch: u64) -> Result<(), CommitError> {
        self.fenced(epoch, |s| Box::pin(leader::check(s, epoch))).await
    }

    async fn maintain(&self, epoch: u64, before: Timestamp) -> Result<(), CommitError> {
        while self.fenced(epoch, |s| Box::pin(maintain::step(s, epoch, before))).await? {}
        Ok(())
    }

    async fn forget_events(&self, epoch: u64, before: Timestamp) -> Result<(), CommitError> {
        let mut behind = Some(0);
        while let Some(last) = behind {
            behind =
                self.fenced(epoch, |s| Box::pin(maintain::forget_events(s, epoch, before, last))).await?;
        }
        Ok(())
    }

    async fn put_api_key(&self, key: ApiKeyRow) -> Result<(), StoreError> {
        self.step(|s| Box::pin(async move { key::put(s, &key).await })).await
    }

    async fn put_artifact(&self, row: ArtifactRow) -> Result<bool, StoreError> {
        self.step(|s| Box::pin(async move { artifact::put(s, &row).await })).await
    }

    async fn delete_artifacts(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.step(|s| Box::pin(artifact::delete(s, before, limit))).await
    }

    async fn has_api_key(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM api_key)";
        self.step(|s| {
            Box::pin(async move { s.row(sql, &[]).await?.map_or(Ok(false), |row| columns::get(&row, 0)) })
        })
        .await
    }

    async fn last_commit(&self) -> Result<Option<CommitId>, StoreError> {
        let sql = "SELECT epoch, n FROM commit_log ORDER BY epoch DESC, n DESC LIMIT 1";
        self.step(|s| {
            Box::pin(async move {
                let Some(row) = s.row(sql, &[]).await? else { return Ok(None) };
                Ok(Some(CommitId { epoch: columns::unsigned(&row, 0)?, n: columns::unsigned(&row, 1)? }))
            })
        })
        .await
    }
}

impl PostgresReads {
    async fn read<T>(&self, work: impl for<'s> FnOnce(&'s Session) -> Work<'s, T>) -> Result<T, StoreError> {
        self.pool.run(self.limit, work).await.map_err(Failure::into_store_error)
    }
}

#[async_trait]
impl Reads for PostgresReads {
    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, StoreError> {
        self.read(|s| Box::pin(task::by_id(s, id))).await
    }

    async fn tasks(&self, filter: TaskFilter) -> Result<TaskPage, StoreError> {
        self.read(|s| Box::pin(async move { list::page(s, &filter).await })).await
    }

    async fn job(&self, id: JobId) -> Result<Option<(Job, Counts)>, StoreError> {
        self.read(|s| Box::pin(job::by_id(s, id))).await
    }

    async fn jobs(&self, offset: u64, limit: u32) -> Result<JobPage, StoreError> {
        self.read(|s| Box::pin(job::page(s, offset, limit))).await
    }

    async fn events(&self, filter: EventFilter) -> Result<EventPage, StoreError> {
        self.read(|s| Box::pin(async move { event::page(s, &filter).await })).await
    }

    async fn worker_token(&self, prefix: &str) -> Result<Option<WorkerToken>, StoreError> {
        let prefix = prefix.to_owned();
        self.read(|s| Box::pin(async move { worker::by_token(s, &prefix).await })).await
    }

    async fn gone_workers(&self, workers: Vec<WorkerId>) -> Result<Vec<WorkerId>, StoreError> {
        self.read(|s| Box::pin(async move { worker::gone(s, &workers).await })).await
    }

    async fn api_key(&self, prefix: &str) -> Result<Option<ApiKeyRow>, StoreError> {
        let prefix = prefix.to_owned();
        self.read(|s| Box::pin(async move { key::by_prefix(s, &prefix).await })).await
    }

    async fn artifact(&self, id: ArtifactId) -> Result<Option<ArtifactRow>, StoreError> {
        self.read(|s| Box::pin(artifact::by_id(s, id))).await
    }

    async fn artifacts(&self, task: TaskId) -> Result<Vec<ArtifactRow>, StoreError> {
        self.read(|s| Box::pin(artifact::of_task(s, task))).await
    }

    async fn named_artifacts(&self, hashes: Vec<String>) -> Result<Vec<String>, StoreError> {
        self.read(|s| Box::pin(async move { artifact::named(s, &hashes).await })).await
    }

    async fn leader(&self) -> Result<Option<LeaderRow>, StoreError> {
        self.read(|s| Box::pin(leader::current(s))).await
    }

    async fn total_counts(&self) -> Result<Counts, StoreError> {
        self.read(|s| Box::pin(job::total(s))).await
    }
}

/// What the leader's process reads for its api, on connections that can't write either.
#[async_trait]
impl Reads for PostgresStore {
    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, StoreError> {
        self.reads.task(id).await
    }

    async fn tasks(&self, filter: TaskFilter) -> Result<TaskPage, StoreError> {
        self.reads.tasks(filter).await
    }

    async fn job(&self, id: JobId) -> Result<Option<(Job, Counts)>, StoreError> {
        self.reads.job(id).await
    }

    async fn jobs(&self, offset: u64, limit: u32) -> Result<JobPage, StoreError> {
        self.reads.jobs(offset, limit).await
    }

    async fn events(&self, filter: EventFilter) -> Result<EventPage, StoreError> {
        self.reads.events(filter).await
    }

    async fn worker_token(&self, prefix: &str) -> Result<Option<WorkerToken>, StoreError> {
        self.reads.worker_token(prefix).await
    }

    async fn gone_workers(&self, workers: Vec<WorkerId>) -> Result<Vec<WorkerId>, StoreError> {
        self.reads.gone_workers(workers).await
    }

    async fn api_key(&self, prefix: &str) -> Result<Option<ApiKeyRow>, StoreError> {
        self.reads.api_key(prefix).await
    }

    async fn artifact(&self, id: ArtifactId) -> Result<Option<ArtifactRow>, StoreError> {
        self.reads.artifact(id).await
    }

    async fn artifacts(&self, task: TaskId) -> Result<Vec<ArtifactRow>, StoreError> {
        self.reads.artifacts(task).await
    }

    async fn named_artifacts(&self, hashes: Vec<String>) -> Result<Vec<String>, StoreError> {
        self.reads.named_artifacts(hashes).await
    }

    async fn leader(&self) -> Result<Option<LeaderRow>, StoreError> {
        self.reads.leader().await
    }

    async fn total_counts(&self) -> Result<Counts, StoreError> {
        self.reads.total_counts().await
    }
}
