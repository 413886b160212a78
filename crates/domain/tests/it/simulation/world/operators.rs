//! What clients and operators do.

use super::{Asked, World};
use crate::kit::task;
use crate::simulation::site;
use rand::RngExt;
use rand::seq::IndexedRandom;
use std::time::Duration;
use ukai_domain::scheduler::{HostPolicy, IdempotencyKey, Input, JobAction, JobRef, NewTask, Query, Submit};
use ukai_domain::{CrawlRules, JobId, JobKind, Scope};
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
        let mut tasks: Vec<NewTask> = tasks;
        let job = match self.random.random_range(0..9) {
            8 if self.store.urls.len() < 24 => {
                let start = self.random.random_range(0..site::PAGES);
                tasks.truncate(1);
                site::start(&mut tasks[0], start);
                JobRef::New {
                    name: "c".to_owned(),
                    kind: JobKind::Crawl,
                    weight: 1,
                    crawl: Some(self.rules()),
                }
            }
            0 | 1 => JobRef::New {
                name: "n".to_owned(),
                kind: JobKind::Scrape,
                weight: self.random.random_range(1..4),
                crawl: None,
            },
            2 | 3 => JobRef::Implicit { id: JobId(Uuid::from_u128(77)), name: "loose".to_owned() },
            _ => self.jobs.choose(&mut self.random).map_or(
                JobRef::New { name: "m".to_owned(), kind: JobKind::Scrape, weight: 1, crawl: None },
                |job| JobRef::Existing(*job),
            ),
        };
        if let JobRef::Existing(id) = &job
            && self.store.jobs.get(id).is_some_and(|job| job.crawl.is_some())
        {
            for task in &mut tasks {
                site::start(task, self.random.random_range(0..site::PAGES));
            }
        }
        let n = tasks.len();
        let key = self.chance(30).then(|| IdempotencyKey {
            principal: "p".to_owned(),
            route: "POST /api/tasks".to_owned(),
            key: self.random.random_range(0..30).to_string(),
            body_hash: "h".to_owned(),
        });
        let input = Input::Submit(Submit { job, tasks, idempotency: key.clone(), trace: None });
        // A key that was used comes with the same body here; only the first submission counts.
        self.inbox.push_back((input, Asked::Submit { key, n }));
    }

    fn rules(&mut self) -> CrawlRules {
        CrawlRules {
            max_depth: self.random.random_range(0..3),
            max_pages: if self.chance(30) { 1_000 } else { self.random.random_range(1..8) },
            scope: *[Scope::SameHost, Scope::SameDomain, Scope::Any]
                .choose(&mut self.random)
                .expect("scopes"),
            exclude: if self.chance(30) { vec!["/*7".to_owned()] } else { Vec::new() },
            ..CrawlRules::default()
        }
    }

    pub(super) fn operate(&mut self) {
        if let Some((job, _)) = self.store.expansions.keys().next().copied()
            && self.chance(30)
        {
            // Just when its links are about to become tasks.
            let action = if self.chance(50) { JobAction::Pause } else { JobAction::Cancel };
            let input = Input::ControlJob { job, action, idempotency: None };
            return self.inbox.push_front((input, Asked::Other));
        }
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
