//! The seam's two traits on SQLite: each call goes to the writer's thread or to a reader.

use super::failure::Failure;
use super::read::{artifact, event, job, key, list, task, worker};
use super::{SqliteStore, commit, leader, load, maintain, prefetch};
use crate::{
    ApiKeyRow, Applied, ArtifactRow, CommitError, EventFilter, EventPage, JobPage, LeaderRow, Reads, Store,
    StoreError, TaskFilter, TaskPage, TaskRow, WorkerToken,
};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension};
use std::sync::Arc;
use std::time::Duration;
use ukai_domain::scheduler::{Commit, CommitId, Needs, Prefetched, Snapshot};
use ukai_domain::{ArtifactId, Counts, Job, JobId, TaskId, Timestamp, WorkerId};

const GONE: &str = "the store's writer broke off";

impl SqliteStore {
    /// A write of `epoch`.
    async fn write<T: Send + 'static>(
        &self,
        epoch: u64,
        step: impl FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, CommitError> {
        match self.writer.run(step).await {
            Some(done) => done.map_err(|f| f.into_commit_error(epoch)),
            None => Err(CommitError::Unavailable(GONE.to_owned())),
        }
    }

    /// Something else on the writer's connection.
    async fn step<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.writer.run(step).await {
            Some(done) => done.map_err(Failure::into_store_error),
            None => Err(StoreError::Unavailable(GONE.to_owned())),
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn take_over(&self, address: &str, lease: Duration) -> Result<Option<LeaderRow>, StoreError> {
        let address = address.to_owned();
        self.step(move |conn| leader::take_over(conn, &address, lease)).await
    }

    async fn renew(&self, epoch: u64, known: Timestamp, lease: Duration) -> Result<LeaderRow, CommitError> {
        self.write(epoch, move |conn| leader::renew(conn, epoch, known, lease)).await
    }

    async fn release(&self, epoch: u64) -> Result<(), StoreError> {
        self.step(move |conn| leader::release(conn, epoch)).await
    }

    async fn load(&self, epoch: u64, delayed: usize) -> Result<Snapshot, StoreError> {
        self.step(move |conn| load::load(conn, epoch, delayed)).await
    }

    async fn prefetch(&self, needs: Needs) -> Result<Prefetched, StoreError> {
        self.step(move |conn| Ok(prefetch::prefetch(conn, &needs)?)).await
    }

    async fn commit(&self, commit: Arc<Commit>) -> Result<Applied, CommitError> {
        let tails = self.tails;
        match self.writer.run(move |conn| commit::commit(conn, &commit, tails)).await {
            Some(done) => done,
            None => Err(CommitError::Unavailable(GONE.to_owned())),
        }
    }

    async fn check_epoch(&self, epoch: u64) -> Result<(), CommitError> {
        self.write(epoch, move |conn| leader::fence(conn, epoch)).await
    }

    async fn maintain(&self, epoch: u64, before: Timestamp) -> Result<(), CommitError> {
        while self.write(epoch, move |conn| maintain::step(conn, epoch, before)).await? {}
        Ok(())
    }

    async fn forget_events(&self, epoch: u64, before: Timestamp) -> Result<(), CommitError> {
        while self.write(epoch, move |conn| maintain::forget_events(conn, epoch, before)).await? {}
        Ok(())
    }

    async fn put_api_key(&self, key: ApiKeyRow) -> Result<(), StoreError> {
        self.step(move |conn| Ok(key::put(conn, &key)?)).await
    }

    async fn put_artifact(&self, row: ArtifactRow) -> Result<bool, StoreError> {
        self.step(move |conn| Ok(artifact::put(conn, &row)?)).await
    }

    async fn delete_artifacts(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.step(move |conn| Ok(artifact::delete(conn, before, limit)?)).await
    }

    async fn has_api_key(&self) -> Result<bool, StoreError> {
        self.readers
            .run(|conn| {
                conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM api_key)")?.query_row([], |row| row.get(0))
            })
            .await
    }

    async fn last_commit(&self) -> Result<Option<CommitId>, StoreError> {
        self.readers
            .run(|conn| {
                conn.prepare_cached("SELECT epoch, n FROM commit_log ORDER BY epoch DESC, n DESC LIMIT 1")?
                    .query_row([], |row| {
                        let number = |at| super::columns::unsigned(row, at);
                        Ok(CommitId { epoch: number(0)?, n: number(1)? })
                    })
                    .optional()
            })
            .await
    }
}

#[async_trait]
impl Reads for SqliteStore {
    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, StoreError> {
        self.readers.run(move |conn| task::by_id(conn, id, task::Depth::Runs)).await
    }

    async fn tasks(&self, filter: TaskFilter) -> Result<TaskPage, StoreError> {
        self.readers.run(move |conn| list::page(conn, &filter)).await
    }

    async fn job(&self, id: JobId) -> Result<Option<(Job, Counts)>, StoreError> {
        self.readers.run(move |conn| job::by_id(conn, id)).await
    }

    async fn jobs(&self, offset: u64, limit: u32) -> Result<JobPage, StoreError> {
        self.readers.run(move |conn| job::page(conn, offset, limit)).await
    }

    async fn events(&self, filter: EventFilter) -> Result<EventPage, StoreError> {
        self.readers.run(move |conn| event::page(conn, &filter)).await
    }

    async fn worker_token(&self, prefix: &str) -> Result<Option<WorkerToken>, StoreError> {
        let prefix = prefix.to_owned();
        self.readers.run(move |conn| worker::by_token(conn, &prefix)).await
    }

    async fn gone_workers(&self, workers: Vec<WorkerId>) -> Result<Vec<WorkerId>, StoreError> {
        self.readers.run(move |conn| worker::gone(conn, workers)).await
    }

    async fn api_key(&self, prefix: &str) -> Result<Option<ApiKeyRow>, StoreError> {
        let prefix = prefix.to_owned();
        self.readers.run(move |conn| key::by_prefix(conn, &prefix)).await
    }

    async fn artifact(&self, id: ArtifactId) -> Result<Option<ArtifactRow>, StoreError> {
        self.readers.run(move |conn| artifact::by_id(conn, id)).await
    }

    async fn artifacts(&self, task: TaskId) -> Result<Vec<ArtifactRow>, StoreError> {
        self.readers.run(move |conn| artifact::of_task(conn, task)).await
    }

    async fn named_artifacts(&self, hashes: Vec<String>) -> Result<Vec<String>, StoreError> {
        self.readers.run(move |conn| artifact::named(conn, hashes)).await
    }

    async fn leader(&self) -> Result<Option<LeaderRow>, StoreError> {
        self.readers.run(leader::read).await
    }

    async fn total_counts(&self) -> Result<Counts, StoreError> {
        self.readers.run(job::total).await
    }
}
