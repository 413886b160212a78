//! The scheduler under test with its client and a gateway.

pub(crate) mod faulty;
pub(crate) mod gateway;

use faulty::Faulty;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use ukai_boot::{Health, Registry, Shutdown};
use ukai_bus::{Bus, LocalBus};
use ukai_domain::TaskId;
use ukai_rpc::v1;
use ukai_scheduler::{HEALTH_PART, Scheduler, SchedulerConfig};
use ukai_store::sqlite::SqliteStore;
use ukai_store::{EventFilter, Reads, Store};

/// A leading scheduler; its folder goes with it.
pub(crate) struct Server {
    pub(crate) store: Arc<Faulty>,
    pub(crate) bus: LocalBus,
    pub(crate) client: ukai_rpc::Scheduler,
    health: Health,
    shutdown: Shutdown,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts it and waits until it leads.
    pub(crate) async fn start() -> Self {
        Self::start_with(SchedulerConfig::default()).await
    }

    pub(crate) async fn start_with(config: SchedulerConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let real = SqliteStore::open(folder.path()).unwrap();
        let store = Faulty::of(real);
        let bus = LocalBus::new();
        let mut registry = Registry::default();
        let scheduler = Scheduler::new(
            config,
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::new(bus.clone()) as Arc<dyn Bus>,
            &mut registry,
        );
        let client = ukai_rpc::scheduler_over(scheduler.grpc());
        let health = Health::new("test", &[HEALTH_PART], registry);
        let shutdown = Shutdown::new();
        let running = scheduler.run(health.clone(), shutdown.clone());
        shutdown.spawn(async move { running.await.unwrap() });
        let server = Self { store, bus, client, health, shutdown, _folder: folder };
        until(|| server.health.is_ready()).await;
        server
    }

    /// Submits one task.
    pub(crate) async fn submit(&self, url: &str) -> Result<TaskId, ukai_domain::Code> {
        submit_to(&self.client, url).await
    }

    /// Inputs that steps took so far.
    pub(crate) fn inputs(&self) -> u64 {
        let metrics = self.health.metrics();
        let value = |line: &str| line.strip_prefix("ukai_scheduler_inputs_total ")?.parse().ok();
        metrics.lines().find_map(value).unwrap()
    }

    /// No number of an event that was never stored is skipped, and none is there twice.
    pub(crate) async fn events_have_no_gap(&self) {
        let log = self.store.events(EventFilter { job: None, since: 0, limit: 1_000 }).await.unwrap();
        let mut expected = 1;
        for row in &log.rows {
            assert_eq!(row.first, expected);
            expected += row.events.len() as u64;
        }
        assert_eq!(log.last, expected - 1);
    }

    /// Asks it to end, and waits until all of it has.
    pub(crate) async fn stop(&self) {
        self.shutdown.finish(Duration::from_secs(60)).await;
    }

    /// Whether the store answers.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.store.is_away.store(is_away, Ordering::Relaxed);
    }

    /// Whether there is room in the store.
    pub(crate) fn set_full(&self, is_full: bool) {
        self.store.is_full.store(is_full, Ordering::Relaxed);
    }
}

/// One task in a job of its own.
pub(crate) fn task(url: &str) -> v1::SubmitTasksRequest {
    let task = v1::NewTask {
        kind: "scrape".to_owned(),
        url: url.to_owned(),
        host: "shop.test".to_owned(),
        priority: 50,
        max_attempts: 3,
        ..Default::default()
    };
    let job = v1::NewJob { name: "job".to_owned(), kind: "scrape".to_owned(), weight: 1, crawl: None };
    v1::SubmitTasksRequest {
        job: Some(v1::submit_tasks_request::Job::New(job)),
        tasks: vec![task],
        idempotency: None,
    }
}

/// Submits one task.
pub(crate) async fn submit_to(client: &ukai_rpc::Scheduler, url: &str) -> Result<TaskId, ukai_domain::Code> {
    let reply = client.clone().submit_tasks(task(url)).await;
    let reply = reply.map_err(|status| ukai_rpc::rejection_from_status(&status).code)?;
    Ok(TaskId::from_slice(&reply.into_inner().tasks[0]).unwrap())
}

/// How many commits the store was sent.
pub(crate) fn commits(server: &Server) -> usize {
    server.store.commits.load(Ordering::Relaxed)
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.stop();
    }
}

/// Waits for `future`, at most ten seconds.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("nothing came within ten seconds")
}

/// Waits until `condition` holds, at most ten seconds.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    soon(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}
