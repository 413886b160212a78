//! A gateway with ten thousand workers on a NATS server with its defaults, one megabyte a message: the next leader learns
//! of all of them by an announcement in parts.

use crate::kit::until;
use bytes::Bytes;
use prost::Message;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use ukai_boot::{Health, Registry, Shutdown};
use ukai_bus::{Bus, BusError, NatsOptions, Request, SCHEDULER_IN, gateway_subject};
use ukai_domain::GatewayId;
use ukai_rpc::v1::{self, gateway_input::Input, input_reply::Reply};
use ukai_scheduler::{HEALTH_PART, Scheduler, SchedulerConfig};
use ukai_store::Store;
use ukai_store::sqlite::SqliteStore;
use ukai_testkit::nats::NatsServer;

const SESSIONS: usize = 10_500;
/// A part has as many, and so has a batch of first connects.
const AT_ONCE: usize = 1_500;
/// An answer comes within this.
const ANSWER: Duration = Duration::from_secs(60);

struct Leader {
    health: Health,
    shutdown: Shutdown,
}

impl Leader {
    async fn start(nats: &NatsServer, store: &Arc<SqliteStore>) -> Self {
        let mut registry = Registry::default();
        let bus = connect(nats, "scheduler").await;
        let store = Arc::clone(store) as Arc<dyn Store>;
        let scheduler = Scheduler::new(SchedulerConfig::default(), store, bus, &mut registry);
        let health = Health::new("test", &[HEALTH_PART], registry);
        let shutdown = Shutdown::new();
        let running = scheduler.run(health.clone(), shutdown.clone());
        shutdown.spawn(async move { running.await.unwrap() });
        until(|| health.is_ready()).await;
        Self { health, shutdown }
    }

    fn connected(&self) -> usize {
        let text = self.health.metrics();
        let line = text.lines().find(|line| line.starts_with("ukai_scheduler_connected_sessions "));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("the gauge of connected sessions")
    }
}

/// A gateway without sockets.
struct Gateway {
    id: GatewayId,
    bus: Arc<dyn Bus>,
    seq: u64,
}

impl Gateway {
    async fn send(&mut self, inputs: &[v1::Connect], part: Option<(u32, u32)>) -> v1::GatewayReply {
        self.seq += 1;
        let input = |connect: &v1::Connect| v1::GatewayInput {
            input: Some(Input::Connect(connect.clone())),
            traceparent: None,
        };
        let (number, parts) = part.unwrap_or_default();
        let batch = v1::GatewayBatch {
            gateway: self.id.as_bytes().to_vec(),
            seq: self.seq,
            epoch: 0,
            announce: part.is_some(),
            inputs: inputs.iter().map(input).collect(),
            part: number,
            parts,
        };
        let payload = Bytes::from(batch.encode_to_vec());
        // A leader is ready a moment before the server knows that it listens: a gateway sends again then.
        let begun = Instant::now();
        loop {
            match self.bus.request(SCHEDULER_IN, payload.clone(), ANSWER).await {
                Err(BusError::NoResponders) if begun.elapsed() < ANSWER => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                reply => return v1::GatewayReply::decode(reply.unwrap()).unwrap(),
            }
        }
    }

    /// All in parts; the reply to the last one.
    async fn announce(&mut self, sessions: &[v1::Connect]) -> v1::GatewayReply {
        let parts = u32::try_from(sessions.len().div_ceil(AT_ONCE)).unwrap().max(1);
        let mut chunks = sessions.chunks(AT_ONCE);
        for number in 1..parts {
            let reply = self.send(chunks.next().unwrap(), Some((number, parts))).await;
            assert!(!reply.announce_first && reply.replies.is_empty());
        }
        self.send(chunks.next().unwrap_or_default(), Some((parts, parts))).await
    }
}

async fn connect(nats: &NatsServer, name: &str) -> Arc<dyn Bus> {
    let options = NatsOptions::new(&nats.url(), name).unwrap();
    ukai_bus::connect(options, &mut Registry::default()).await.unwrap()
}

/// Confirms whatever is pushed, and notes the largest message.
async fn confirm(mut requests: mpsc::Receiver<Request>, largest: Arc<std::sync::atomic::AtomicUsize>) {
    while let Some(request) = requests.recv().await {
        largest.fetch_max(request.payload.len(), std::sync::atomic::Ordering::Relaxed);
        let batch = v1::PushBatch::decode(request.payload.clone()).unwrap();
        let reply = v1::PushReply { epoch: batch.epoch, refused: Vec::new() };
        request.respond(reply.encode_to_vec().into());
    }
}

fn enrolling(gateway: GatewayId) -> v1::Connect {
    v1::Connect {
        session: uuid::Uuid::now_v7().as_bytes().to_vec(),
        gateway: gateway.as_bytes().to_vec(),
        identity: Some(v1::connect::Identity::Enrolled(v1::Enrolled { name: None })),
        capacity: 4,
        capabilities: vec!["scrape".to_owned(), "search".to_owned()],
        announces_in_flight: true,
        in_flight: vec![v1::LeaseRef { task: uuid::Uuid::now_v7().as_bytes().to_vec(), run: 1 }; 2],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_leader_hears_of_ten_thousand_sessions_in_parts() {
    let nats = NatsServer::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let first = Leader::start(&nats, &store).await;
    let bus = connect(&nats, "gateway").await;
    let id = GatewayId(uuid::Uuid::now_v7());
    let pushes = bus.serve(&gateway_subject(&id.to_string())).await.unwrap();
    let largest = Arc::default();
    tokio::spawn(confirm(pushes, Arc::clone(&largest)));
    let mut gateway = Gateway { id, bus, seq: 0 };
    gateway.announce(&[]).await;
    let mut sessions: Vec<_> = (0..SESSIONS).map(|_| enrolling(id)).collect();
    for some in sessions.chunks_mut(AT_ONCE) {
        let reply = gateway.send(some, None).await;
        for (connect, reply) in some.iter_mut().zip(reply.replies) {
            let Some(Reply::Registered(worker)) = reply.reply else { panic!("{reply:?}") };
            connect.identity = Some(v1::connect::Identity::Worker(worker));
        }
    }
    until(|| first.connected() == SESSIONS).await;
    let bytes: usize = sessions.iter().map(Message::encoded_len).sum();
    assert!(bytes > 1 << 20, "in one message it would be refused: {bytes}");

    first.shutdown.stop();
    first.shutdown.finish(Duration::from_secs(10)).await;
    let second = Leader::start(&nats, &store).await;
    assert!(gateway.send(&[], None).await.announce_first);
    // Part 2 alone is nothing: the leader wants all.
    assert!(gateway.send(&sessions[AT_ONCE..2 * AT_ONCE], Some((2, 7))).await.announce_first);
    let reply = gateway.announce(&sessions).await;
    assert!(matches!(reply.replies[..], [v1::InputReply { reply: Some(Reply::Accepted(_)) }]), "{reply:?}");
    until(|| second.connected() == SESSIONS).await;
    assert!(!gateway.send(&[], None).await.announce_first);
    assert!(largest.load(std::sync::atomic::Ordering::Relaxed) < 600 << 10, "{largest:?}");
    second.shutdown.stop();
}
