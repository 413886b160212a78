//! The store's reading side.

use super::Shared;
use async_trait::async_trait;
use ukai_domain::{ArtifactId, Counts, EventRow, Job, JobId, TaskId, WorkerId};
use ukai_store::{
    ApiKeyRow, ArtifactRow, EventFilter, EventPage, JobPage, LeaderRow, Reads, StoreError, TaskFilter,
    TaskPage, TaskRow, WorkerToken,
};

pub(crate) struct FakeReads(pub(crate) Shared);

impl FakeReads {
    fn read<T>(&self, read: impl FnOnce(&mut super::World) -> T) -> Result<T, StoreError> {
        let mut world = self.0.lock().expect("no test panicked");
        if world.store_down {
            return Err(StoreError::Unavailable("a secret path".to_owned()));
        }
        Ok(read(&mut world))
    }
}

#[async_trait]
impl Reads for FakeReads {
    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, StoreError> {
        self.read(|world| world.tasks.get(&id).cloned())
    }

    async fn tasks(&self, filter: TaskFilter) -> Result<TaskPage, StoreError> {
        self.read(|world| {
            let fits = |row: &&TaskRow| {
                (filter.status.is_empty() || filter.status.contains(&row.status))
                    && filter.worker.is_none_or(|w| row.worker == Some(w))
                    && filter.job.is_none_or(|j| row.body.job == j)
                    && filter.from.is_none_or(|t| row.body.created_at >= t)
                    && filter.to.is_none_or(|t| row.body.created_at < t)
            };
            let all: Vec<&TaskRow> = world.tasks.values().rev().filter(fits).collect();
            let total = all.len().min(10_000) as u64;
            let offset =
                if filter.before.is_some() { 0 } else { usize::try_from(filter.offset).expect("small") };
            let items = all
                .iter()
                .filter(|row| filter.before.is_none_or(|b| row.body.id < b))
                .skip(offset)
                .take(filter.limit as usize)
                .map(|row| TaskRow {
                    runs: Vec::new(),
                    result: row.result.clone().filter(|_| filter.with_result),
                    ..(*row).clone()
                })
                .collect();
            TaskPage { items, total, total_is_estimate: all.len() > 10_000 }
        })
    }

    async fn job(&self, id: JobId) -> Result<Option<(Job, Counts)>, StoreError> {
        self.read(|world| world.jobs.get(&id).cloned())
    }

    async fn jobs(&self, offset: u64, limit: u32) -> Result<JobPage, StoreError> {
        self.read(|world| {
            let offset = usize::try_from(offset).expect("small");
            let items = world.jobs.values().rev().skip(offset).take(limit as usize).cloned().collect();
            JobPage { items, total: world.jobs.len() as u64 }
        })
    }

    async fn events(&self, filter: EventFilter) -> Result<EventPage, StoreError> {
        self.read(|world| {
            let rows = world
                .events
                .iter()
                .filter(|row| row.last() > filter.since && filter.job.is_none_or(|job| row.job == job))
                .take(filter.limit as usize)
                .cloned()
                .collect();
            EventPage {
                rows,
                oldest: world.events.first().map_or(1, |row| row.first),
                last: world.events.last().map_or(0, EventRow::last),
            }
        })
    }

    async fn worker_token(&self, prefix: &str) -> Result<Option<WorkerToken>, StoreError> {
        self.read(|world| {
            let rows = world.workers.values().map(|view| &view.row);
            let mut rows = rows.filter(|row| row.token_prefix.as_deref() == Some(prefix));
            rows.find_map(|row| Some(WorkerToken { worker: row.id, hash: row.token_hash.clone()? }))
        })
    }

    async fn gone_workers(&self, workers: Vec<WorkerId>) -> Result<Vec<WorkerId>, StoreError> {
        self.read(|world| workers.into_iter().filter(|id| !world.workers.contains_key(id)).collect())
    }

    async fn api_key(&self, prefix: &str) -> Result<Option<ApiKeyRow>, StoreError> {
        self.read(|world| {
            world.key_reads += 1;
            world.keys.iter().find(|key| key.prefix == prefix).cloned()
        })
    }

    async fn artifact(&self, id: ArtifactId) -> Result<Option<ArtifactRow>, StoreError> {
        self.read(|world| world.artifacts.iter().find(|row| row.id == id).cloned())
    }

    async fn artifacts(&self, task: TaskId) -> Result<Vec<ArtifactRow>, StoreError> {
        self.read(|world| world.artifacts.iter().filter(|row| row.task == task).cloned().collect())
    }

    async fn named_artifacts(&self, hashes: Vec<String>) -> Result<Vec<String>, StoreError> {
        self.read(|world| {
            let names = |hash: &String| {
                let is = |row: &ArtifactRow| row.sha256 == *hash || row.thumbnail.as_ref() == Some(hash);
                world.artifacts.iter().any(is)
            };
            hashes.into_iter().filter(names).collect()
        })
    }

    async fn leader(&self) -> Result<Option<LeaderRow>, StoreError> {
        Ok(None)
    }

    async fn total_counts(&self) -> Result<Counts, StoreError> {
        self.read(|world| world.total())
    }
}
