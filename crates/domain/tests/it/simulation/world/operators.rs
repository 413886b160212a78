//! What clients and operators do.

use super::{Asked, World};
use crate::kit::task;
use rand::RngExt;
use rand::seq::IndexedRandom;
use std::time::Duration;
use ukai_domain::scheduler::{HostPolicy, IdempotencyKey, Input, JobAction, JobRef, Query, Submit};
use ukai_domain::{JobId, JobKind};
use uuid::Uuid;

impl World {
    pub(super) fn submit(&mut self) {
        let hosts = ["a.example", "b.example", "c.example"];
        let n =
            if self.chance(90) { self.random.random_range(1..5) } else { self.random.random_range(5..25) };
        let tasks = (0..n)
            .map(|_| {
                let host = *hosts.choose(&mut self.random).expect("hosts");
                let mut new = task(host, *[10, 50, 50, 90].choose(&mut self.random).expect("priorities"));
                new.max_attempts = self.random.random_range(1..=3);
                if self.chance(15) {
                    new.not_before =
                        Some(self.now + Duration::from_millis(self.random.random_range(1..20_000)));
                }
                new
            })
            .collect();
        let job = match self.random.random_range(0..4) {
            0 => JobRef::New {
                name: "n".to_owned(),
                kind: JobKind::Scrape,
                weight: self.random.random_range(1..4),
            },
            1 => JobRef::Implicit { id: JobId(Uuid::from_u128(77)), name: "loose".to_owned() },
            _ => self
                .jobs
                .choose(&mut self.random)
                .map_or(JobRef::New { name: "m".to_owned(), kind: JobKind::Scrape, weight: 1 }, |job| {
                    JobRef::Existing(*job)
                }),
        };
        let key = self.chance(30).then(|| IdempotencyKey {
            principal: "p".to_owned(),
            route: "POST /api/tasks".to_owned(),
            key: self.random.random_range(0..30).to_string(),
            body_hash: "h".to_owned(),
        });
        let input = Input::Submit(Submit { job, tasks, idempotency: key.clone() });
        // A key that was used comes with the same body here; only the first submission counts.
        self.inbox.push_back((input, Asked::Submit { key, n }));
    }

    pub(super) fn operate(&mut self) {
        let Some(&task) = self.tasks.choose(&mut self.random) else { return };
        let input = match self.random.random_range(0..24) {
            0..4 => Input::CancelTask { task },
            4..9 => Input::RetryTask { task, idempotency: None },
            9..11 => Input::PurgeTask { task },
            11..15 => Input::Query(Query::Why(task)),
            15..21 => {
                let Some(&job) = self.jobs.choose(&mut self.random) else { return };
                let action = match self.random.random_range(0..12) {
                    0..4 => JobAction::Pause,
                    4..10 => JobAction::Resume,
                    10 => JobAction::Cancel,
                    _ => JobAction::Delete,
                };
                Input::ControlJob { job, action, idempotency: None }
            }
            21 => Input::SetHost(HostPolicy {
                host: "a.example".into(),
                min_interval_ms: self.random.random_range(0..3) * 700,
                max_concurrency: self.random.random_range(0..3),
            }),
            22 => {
                let Some(worker) = self.workers.choose(&mut self.random) else { return };
                Input::ResetWorker { worker: worker.id, idempotency: None }
            }
            _ => Input::Query(Query::Queue),
        };
        self.inbox.push_back((input, Asked::Other));
    }
}
