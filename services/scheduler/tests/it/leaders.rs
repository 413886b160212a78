//! Several schedulers on one store, called over TCP: one leads, the others send callers to it.

use crate::kit::faulty::Faulty;
use crate::kit::{soon, task, until};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use ukai_boot::trace::Tracer;
use ukai_boot::{Health, Registry, Shutdown};
use ukai_bus::{Bus, LocalBus};
use ukai_domain::Code;
use ukai_rpc::{Guard, LEADER_METADATA, Patience, STANDBY_METADATA, rejection_from_status, v1};
use ukai_scheduler::{HEALTH_PART, Scheduler, SchedulerConfig, serve};
use ukai_store::sqlite::SqliteStore;
use ukai_store::{Reads, Store};

const TOKEN: &str = "between us and nobody else";

/// One scheduler with its port.
struct One {
    address: String,
    health: Health,
    shutdown: Shutdown,
    port: Shutdown,
}

impl One {
    async fn start(store: &Arc<SqliteStore>, bus: &LocalBus) -> Self {
        Self::start_with(SchedulerConfig::default(), Arc::clone(store) as Arc<dyn Store>, bus).await
    }

    async fn start_with(config: SchedulerConfig, store: Arc<dyn Store>, bus: &LocalBus) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let config = SchedulerConfig { address: address.clone(), is_ready_in_standby: true, ..config };
        let mut registry = Registry::default();
        let scheduler = Scheduler::new(config, store, Arc::new(bus.clone()) as Arc<dyn Bus>, &mut registry);
        let (health, shutdown, port) =
            (Health::new("test", &[HEALTH_PART], registry), Shutdown::new(), Shutdown::new());
        let served = serve(
            listener,
            scheduler.grpc_of_many(),
            Guard::new(Some(TOKEN)),
            Tracer::default(),
            port.clone(),
        );
        port.spawn(async move { served.await.unwrap() });
        let running = scheduler.run(health.clone(), shutdown.clone());
        shutdown.spawn(async move { running.await.unwrap() });
        Self { address, health, shutdown, port }
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.shutdown.stop();
        self.port.stop();
    }
}

struct Pair {
    store: Arc<SqliteStore>,
    leader: One,
    standby: One,
    _folder: tempfile::TempDir,
}

impl Pair {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        let bus = LocalBus::new();
        let leader = One::start(&store, &bus).await;
        until(|| leader.health.is_ready()).await;
        let standby = One::start(&store, &bus).await;
        until(|| standby.health.is_ready()).await;
        Self { store, leader, standby, _folder: folder }
    }

    fn client(&self, token: Option<&str>) -> ukai_rpc::Scheduler {
        let reads: Arc<dyn Reads> = self.store.clone();
        let lookup: ukai_rpc::Lookup = Arc::new(move || {
            let reads = Arc::clone(&reads);
            Box::pin(async move { reads.leader().await.ok()??.live_address().map(str::to_owned) })
        });
        ukai_rpc::scheduler_of_leader(lookup, token, Patience::default())
    }
}

/// A client of this address alone.
fn only(address: &str) -> ukai_rpc::Scheduler {
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
    ukai_rpc::scheduler_over(channel.connect_lazy())
}

fn with_token<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
    request
}

fn job() -> v1::CreateJobRequest {
    let job = v1::NewJob { name: "job".to_owned(), kind: "scrape".to_owned(), weight: 1, crawl: None };
    v1::CreateJobRequest { job: Some(job), idempotency: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_names_the_leader_and_does_nothing() {
    let pair = Pair::start().await;
    let begun = Instant::now();
    let refused = only(&pair.standby.address).create_job(with_token(job())).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(refused.code(), tonic::Code::Unavailable);
    assert!(refused.metadata().contains_key(STANDBY_METADATA));
    assert_eq!(refused.metadata().get(LEADER_METADATA).unwrap(), pair.leader.address.as_str());
    assert_eq!(pair.store.jobs(0, 10).await.unwrap().total, 0);
    only(&pair.leader.address).create_job(with_token(job())).await.unwrap();
    assert_eq!(pair.store.jobs(0, 10).await.unwrap().total, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_show_the_token_is_refused() {
    let pair = Pair::start().await;
    for client in [pair.client(None), pair.client(Some("another token than that"))] {
        let refused = client.clone().create_job(job()).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::Unauthenticated);
        assert_eq!(rejection_from_status(&refused).code, Code::InternalError);
    }
    assert_eq!(pair.store.jobs(0, 10).await.unwrap().total, 0);
    pair.client(Some(TOKEN)).probe(v1::ProbeRequest {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_on_through_a_hand_over() {
    let pair = Pair::start().await;
    let client = pair.client(Some(TOKEN));
    client.clone().create_job(job()).await.unwrap();
    // Calls that never stop, while the leader does.
    let (made, stop) = (Arc::new(std::sync::Mutex::new(Vec::new())), Shutdown::new());
    for _ in 0..4 {
        let (mut client, made, stop) = (client.clone(), Arc::clone(&made), stop.clone());
        stop.clone().spawn(async move {
            while !stop.is_stopping() {
                let begun = Instant::now();
                client.create_job(job()).await.unwrap();
                made.lock().unwrap().push((Instant::now(), begun.elapsed()));
            }
        });
    }
    until(|| made.lock().unwrap().len() > 20).await;
    let told = Instant::now();
    assert!(pair.leader.shutdown.finish(Duration::from_secs(10)).await);
    assert!(told.elapsed() < Duration::from_secs(2), "the hand-over took {:?}", told.elapsed());
    until(|| made.lock().unwrap().iter().filter(|(at, _)| *at > told + Duration::from_secs(1)).count() > 20)
        .await;
    stop.finish(Duration::from_secs(10)).await;
    let made = made.lock().unwrap().clone();
    let longest = made.iter().map(|(_, took)| *took).max().unwrap();
    assert!(longest < Duration::from_secs(2), "a call waited {longest:?}");
    assert_eq!(pair.store.jobs(0, 1).await.unwrap().total, made.len() as u64 + 1, "each call made one job");
    assert_eq!(pair.store.leader().await.unwrap().unwrap().epoch, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loads_for_longer_than_the_lease_leads_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = Faulty::of(SqliteStore::open(folder.path()).unwrap());
    store.load_ms.store(2_000, Ordering::Relaxed);
    let (lease, renew_every) = (Duration::from_millis(600), Duration::from_millis(150));
    let bus = LocalBus::new();
    let mut both = Vec::new();
    for _ in 0..2 {
        let config = SchedulerConfig { lease, renew_every, ..SchedulerConfig::default() };
        both.push(One::start_with(config, Arc::clone(&store) as Arc<dyn Store>, &bus).await);
    }
    let mut led = None;
    for one in &both {
        let mut client = only(&one.address);
        let address = one.address.clone();
        let made = soon(async {
            loop {
                let leader = store.leader().await.unwrap().map(|row| row.address);
                if leader.is_some_and(|leader| leader != address) {
                    return None;
                }
                if client.create_job(with_token(job())).await.is_ok() {
                    return Some(address);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        led = led.or(made.await);
    }
    let leader = store.leader().await.unwrap().unwrap();
    assert_eq!((Some(leader.address), leader.epoch), (led, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_to_end_while_it_loads_goes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Faulty::of(SqliteStore::open(folder.path()).unwrap());
    store.load_ms.store(3_600_000, Ordering::Relaxed);
    let one =
        One::start_with(SchedulerConfig::default(), Arc::clone(&store) as Arc<dyn Store>, &LocalBus::new())
            .await;
    soon(async {
        while store.leader().await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(one.shutdown.finish(Duration::from_secs(10)).await);
    assert_eq!(store.leader().await.unwrap().unwrap().live_address(), None, "the lease is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_leader_has_the_queue_at_once() {
    let pair = Pair::start().await;
    let mut client = pair.client(Some(TOKEN));
    client.submit_tasks(task("https://shop.test/1")).await.unwrap();
    assert!(pair.leader.shutdown.finish(Duration::from_secs(10)).await);
    let begun = Instant::now();
    let counted = soon(async {
        loop {
            if let Ok(answer) = client.get_queue(v1::GetQueueRequest {}).await {
                return answer.into_inner().document;
            }
        }
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let view: ukai_domain::scheduler::QueueView = serde_json::from_str(&counted).unwrap();
    assert_eq!((view.total.submitted, view.total.ready), (1, 1), "{counted}");
}
