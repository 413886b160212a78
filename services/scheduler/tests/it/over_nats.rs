//! Scheduler, two gateways and a monitor, each on a connection of its own to a private NATS with the configuration
//! that ships; workers with real sockets. The server of the bus is killed, and stands still, in the middle.

use crate::kit::{submit_to, until};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use ukai_boot::http::{ListenLimits, serve};
use ukai_boot::{Health, Registry, Shutdown};
use ukai_bus::{Bus, NatsOptions};
use ukai_gateway::{Config, Gateway};
use ukai_heartbeat_monitor::{Metrics as MonitorMetrics, MonitorConfig};
use ukai_rpc::v1;
use ukai_scheduler::{HEALTH_PART, Scheduler, SchedulerConfig};
use ukai_store::sqlite::SqliteStore;
use ukai_store::{Reads, Store, TaskFilter};
use ukai_testkit::fake_worker::{Answer, Ending, FakeWorker, Happening};
use ukai_testkit::nats::NatsServer;
use ukai_wire::secret;

const SERVICES: [&str; 3] = ["scheduler", "gateway", "monitor"];

/// Task to the runs whose result was accepted.
type Accepted = Arc<Mutex<BTreeMap<String, Vec<u64>>>>;

struct Cluster {
    nats: NatsServer,
    store: Arc<SqliteStore>,
    client: ukai_rpc::Scheduler,
    accepted: Accepted,
    refused: Arc<Mutex<Vec<String>>>,
    health: Vec<Health>,
    shutdown: Shutdown,
    _folder: tempfile::TempDir,
}

impl Cluster {
    async fn start() -> Self {
        let passwords: Vec<(String, String)> = ["scheduler", "gateway", "monitor", "api"]
            .map(|user| (format!("UKAI_NATS_{}_PASSWORD", user.to_uppercase()), format!("of-{user}")))
            .to_vec();
        let passwords: Vec<(&str, &str)> =
            passwords.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/nats/nats.conf");
        let nats = NatsServer::with_config(&config, &passwords).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        let shutdown = Shutdown::new();

        let mut registry = Registry::default();
        let bus = connect(&nats, SERVICES[0], &mut registry).await;
        let scheduler = Scheduler::new(
            SchedulerConfig::default(),
            Arc::clone(&store) as Arc<dyn Store>,
            bus,
            &mut registry,
        );
        let client = ukai_rpc::scheduler_over(scheduler.grpc());
        let leading = Health::new("test", &[HEALTH_PART], registry);
        let running = scheduler.run(leading.clone(), shutdown.clone());
        shutdown.spawn(async move { running.await.unwrap() });

        let mut cluster = Self {
            nats,
            store,
            client,
            accepted: Accepted::default(),
            refused: Arc::default(),
            health: vec![leading],
            shutdown,
            _folder: folder,
        };
        for n in 0..2 {
            let url = cluster.gateway().await;
            for seed in 0..4 {
                cluster.worker(&url, n * 4 + seed).await;
            }
        }
        cluster.monitor().await;
        cluster
    }

    /// One more; its address.
    async fn gateway(&mut self) -> String {
        let mut registry = Registry::default();
        let bus = connect(&self.nats, SERVICES[1], &mut registry).await;
        let reads: Arc<dyn Reads> = self.store.clone();
        let gateway = Gateway::new(Config::default(), bus, reads, &mut registry);
        let health = Health::new("test", &[ukai_gateway::HEALTH_PART], registry);
        gateway.report_health(health.clone());
        self.health.push(health);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = ListenLimits::default();
        self.shutdown.spawn(serve(listener, gateway.routes(), self.shutdown.clone(), limits));
        let running = gateway.run(self.shutdown.clone());
        self.shutdown.spawn(async move { running.await.unwrap() });
        format!("http://{address}")
    }

    async fn monitor(&self) {
        let mut registry = Registry::default();
        let bus = connect(&self.nats, SERVICES[2], &mut registry).await;
        let metrics = MonitorMetrics::register(&mut registry);
        let config = MonitorConfig { timeout: Duration::from_secs(30) };
        let running =
            ukai_heartbeat_monitor::run(config, bus, self.client.clone(), metrics, self.shutdown.clone());
        self.shutdown.spawn(async move { running.await.unwrap() });
    }

    async fn worker(&self, url: &str, seed: u64) {
        let token = secret::generate(secret::WORKER_TOKEN);
        let request = v1::CreateWorkerRequest {
            name: format!("fake {seed}"),
            token_hash: secret::hash(&token),
            token_prefix: secret::prefix(&token).to_owned(),
            idempotency: None,
        };
        self.client.clone().create_worker(request).await.unwrap();
        let mut worker = FakeWorker::new(url, &token, seed);
        worker.page = Duration::from_millis(20)..Duration::from_millis(200);
        worker.reconnect = Duration::from_millis(500);
        let (ending, shutdown) = (Ending::default(), self.shutdown.clone());
        let (accepted, refused) = (Arc::clone(&self.accepted), Arc::clone(&self.refused));
        let kill = ending.kill.clone();
        let working = worker.run(
            ending,
            Arc::new(move |happening| match happening {
                Happening::Answered { task, run, answer: Answer::Accepted | Answer::Duplicate } => {
                    accepted.lock().unwrap().entry(task).or_default().push(run);
                }
                Happening::Answered { answer: Answer::Refused(why), .. } => refused.lock().unwrap().push(why),
                _ => {}
            }),
        );
        self.shutdown.spawn(async move {
            tokio::select! {
                ended = working => ended.unwrap(),
                () = shutdown.stopping() => kill.cancel(),
            }
        });
    }

    async fn submit(&self, from: u32, tasks: u32) {
        for n in from..from + tasks {
            submit_to(&self.client, &format!("https://shop{}.test/{n}", n % 10)).await.unwrap();
        }
    }

    fn done(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    async fn until_done(&self, tasks: usize) {
        let begun = Instant::now();
        while self.done() < tasks {
            assert!(begun.elapsed() < Duration::from_secs(60), "{} of {tasks} are done", self.done());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Each task has one accepted result, and no run counts as failed or lost: one that never reached its worker,
    /// because the gateway had sent it away, is handed back.
    async fn all_once(&self, tasks: i64) {
        for (task, runs) in self.accepted.lock().unwrap().iter() {
            assert_eq!(runs.len(), 1, "{task} {runs:?}");
        }
        let all = self.store.tasks(TaskFilter { limit: 1_000, ..TaskFilter::default() }).await.unwrap().items;
        if let Some(task) = all.iter().find(|task| task.progress.attempts > 0) {
            panic!("a run counts: {:#?}", self.store.task(task.body.id).await.unwrap());
        }
        assert_eq!(*self.refused.lock().unwrap(), Vec::<String>::new());
        let counts = self.store.total_counts().await.unwrap();
        assert!(counts.balanced() && counts.completed == tasks && counts.submitted == tasks, "{counts:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.shutdown.stop();
    }
}

async fn connect(nats: &NatsServer, service: &str, registry: &mut Registry) -> Arc<dyn Bus> {
    let url = format!("nats://{service}:of-{service}@{}", nats.address());
    // A server that stands still is noticed within the test's patience.
    let options = NatsOptions::new(&url, service).unwrap().ping_every(Duration::from_millis(500));
    ukai_bus::connect(options, registry).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_done_once_though_the_bus_dies_and_stands_still() {
    let mut cluster = Cluster::start().await;
    until(|| cluster.health.iter().all(Health::is_ready)).await;
    cluster.submit(0, 300).await;
    cluster.until_done(60).await;

    cluster.nats.kill().unwrap();
    // Submitting needs no bus.
    cluster.submit(300, 100).await;
    until(|| cluster.health[1..].iter().all(|gateway| !gateway.is_ready())).await;
    let stood_at = cluster.done();
    assert!(stood_at < 400);
    cluster.nats.restart().unwrap();
    let back = Instant::now();
    until(|| cluster.done() > stood_at).await;
    assert!(back.elapsed() < Duration::from_secs(10), "{:?}", back.elapsed());
    cluster.until_done(stood_at.max(200)).await;

    cluster.nats.stop().unwrap();
    cluster.submit(400, 100).await;
    until(|| cluster.health[1..].iter().all(|gateway| !gateway.is_ready())).await;
    let stood_at = cluster.done();
    cluster.nats.go_on().unwrap();
    let back = Instant::now();
    until(|| cluster.done() > stood_at).await;
    assert!(back.elapsed() < Duration::from_secs(10), "{:?}", back.elapsed());

    cluster.until_done(500).await;
    cluster.all_once(500).await;
}
