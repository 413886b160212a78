//! A store that knows two worker tokens and nothing else.

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use ukai_domain::{ArtifactId, Counts, Job, JobId, TaskId, WorkerId};
use ukai_store::{
    ApiKeyRow, ArtifactRow, EventFilter, EventPage, JobPage, LeaderRow, Reads, StoreError, TaskFilter,
    TaskPage, TaskRow, WorkerToken,
};

/// A worker's own token.
pub(crate) const TOKEN: &str = "ukw_0123456789ab_secretsecretsecret";
/// Its owner.
pub(crate) const OWNER: WorkerId = WorkerId(uuid::Uuid::from_u128(0xA1));

/// Counts what it was asked for; the second says whether the owner is gone.
#[derive(Clone, Default)]
pub(crate) struct Tokens(pub(crate) Arc<AtomicUsize>, pub(crate) Arc<AtomicBool>);

#[async_trait]
impl Reads for Tokens {
    async fn worker_token(&self, prefix: &str) -> Result<Option<WorkerToken>, StoreError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        if prefix == "ukw_unavailable!" {
            return Err(StoreError::Unavailable("away".to_owned()));
        }
        let hash = hex::encode(Sha256::digest(TOKEN.as_bytes()));
        Ok((prefix == &TOKEN[..16]).then_some(WorkerToken { worker: OWNER, hash }))
    }
    async fn gone_workers(&self, workers: Vec<WorkerId>) -> Result<Vec<WorkerId>, StoreError> {
        Ok(if self.1.load(Ordering::Relaxed) { workers } else { Vec::new() })
    }
    async fn task(&self, _: TaskId) -> Result<Option<TaskRow>, StoreError> {
        unreachable!("not the gateway's")
    }
    async fn tasks(&self, _: TaskFilter) -> Result<TaskPage, StoreError> {
        unreachable!("not the gateway's")
    }
    async fn job(&self, _: JobId) -> Result<Option<(Job, Counts)>, StoreError> {
        unreachable!("not the gateway's")
    }
    async fn jobs(&self, _: u64, _: u32) -> Result<JobPage, StoreError> {
        unreachable!("not the gateway's")
    }
    async fn events(&self, _: EventFilter) -> Result<EventPage, StoreError> {
        unreachable!("not the gateway's")
    }
    async fn api_key(&self, _: &str) -> Result<Option<ApiKeyRow>, StoreError> {
        unreachable!("not the gateway's")
    }
    async fn artifact(&self, _: ArtifactId) -> Result<Option<ArtifactRow>, StoreError> {
        unreachable!("not the gateway's")
    }
    async fn artifacts(&self, _: TaskId) -> Result<Vec<ArtifactRow>, StoreError> {
        unreachable!("not the gateway's")
    }
    async fn named_artifacts(&self, _: Vec<String>) -> Result<Vec<String>, StoreError> {
        unreachable!("not the gateway's")
    }
    async fn leader(&self) -> Result<Option<LeaderRow>, StoreError> {
        unreachable!("not the gateway's")
    }
    async fn total_counts(&self) -> Result<Counts, StoreError> {
        unreachable!("not the gateway's")
    }
}
