//! A stream without sockets that announces more sessions than fit into one message of the bus, to a leader that a test
//! plays.

use super::*;
use crate::auth::Authenticator;
use crate::batcher;
use crate::bucket::Bucket;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::session::Session;
use bytes::Bytes;
use prost::Message;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use ukai_boot::{Registry, Shutdown};
use ukai_bus::{Bus, LocalBus, NatsOptions, Request, SCHEDULER_IN};
use ukai_domain::{GatewayId, SessionId, WorkerId};
use ukai_rpc::v1::{self, input_reply::Reply};
use ukai_store::sqlite::SqliteStore;
use ukai_testkit::nats::NatsServer;

/// A megabyte, with a word for each.
const SESSIONS: usize = 10_500;

/// After which no leader is known.
const SILENCE: Duration = Duration::from_millis(300);

/// What all parts of a gateway share, with registered sessions and no socket.
fn shared(bus: Arc<dyn Bus>, sessions: usize) -> Arc<Shared> {
    let folder = tempfile::tempdir().unwrap();
    let (mut config, mut registry) = (Config::default(), Registry::default());
    config.limits.leader_silence = SILENCE;
    let auth = Authenticator::new(None, SqliteStore::open(folder.path()).unwrap(), &config.limits);
    let id = GatewayId(uuid::Uuid::now_v7());
    let shared = Arc::new(Shared::new(id, config, bus, auth, Metrics::new(&mut registry)));
    (0..sessions).for_each(|_| add(&shared));
    shared
}

fn add(shared: &Shared) {
    let worker = WorkerId(uuid::Uuid::now_v7());
    let connect = Connect {
        session: SessionId(uuid::Uuid::now_v7()),
        gateway: shared.id,
        identity: Identity::Worker(worker),
        capacity: 2,
        capabilities: vec!["scrape".into(), "search".into()],
        in_flight: Some(vec![(ukai_domain::TaskId(uuid::Uuid::now_v7()), ukai_domain::Run(1)); 2]),
    };
    let bucket = Bucket::new(1, 1, Instant::now());
    let session = Session::new(connect, IpAddr::from([127, 0, 0, 1]), bucket, &Default::default());
    session.lock().worker = Some(worker);
    shared.sessions.add(&session);
}

fn sessions(shared: &Shared) -> BTreeSet<Vec<u8>> {
    shared.sessions.all().iter().map(|session| session.id.as_bytes().to_vec()).collect()
}

fn told(batch: &v1::GatewayBatch) -> Vec<Vec<u8>> {
    let session = |input: &v1::GatewayInput| match &input.input {
        Some(v1::gateway_input::Input::Connect(connect)) => connect.session.clone(),
        other => panic!("{other:?}"),
    };
    batch.inputs.iter().map(session).collect()
}

async fn next(requests: &mut mpsc::Receiver<Request>) -> (v1::GatewayBatch, Request) {
    let request = tokio::time::timeout(Duration::from_secs(20), requests.recv()).await.unwrap().unwrap();
    (v1::GatewayBatch::decode(request.payload.clone()).unwrap(), request)
}

/// As a leader answers a part: without a reply, or with one for all.
fn answer(batch: &v1::GatewayBatch, reply: Reply) -> Bytes {
    let replies = vec![v1::InputReply { reply: Some(reply) }; usize::from(batch.part == batch.parts)];
    Bytes::from(v1::GatewayReply { epoch: 1, seq: batch.seq, announce_first: false, replies }.encode_to_vec())
}

fn accepted() -> Reply {
    Reply::Accepted(v1::Accepted { duplicate: false })
}

/// Takes parts until the last one; all sessions that they name, and how many they were.
async fn take_all(requests: &mut mpsc::Receiver<Request>, reply: Reply) -> (BTreeSet<Vec<u8>>, u32) {
    let mut all = BTreeSet::new();
    let mut before = None::<v1::GatewayBatch>;
    loop {
        let (batch, request) = next(requests).await;
        assert!(batch.announce && request.payload.len() < 300 << 10, "{}", request.payload.len());
        let expected = before.map_or((batch.seq, 1), |b| (b.seq + 1, b.part + 1));
        assert_eq!((batch.seq, batch.part), expected);
        all.extend(told(&batch));
        request.respond(answer(&batch, reply.clone()));
        if batch.part == batch.parts {
            return (all, batch.parts);
        }
        before = Some(batch);
    }
}

async fn until(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_sessions_pass_a_nats_server_with_its_defaults() {
    let nats = NatsServer::start().unwrap();
    let connect = async |name| {
        let options = NatsOptions::new(&nats.url(), name).unwrap();
        ukai_bus::connect(options, &mut Registry::default()).await.unwrap()
    };
    let leader = connect("leader").await;
    let mut requests = leader.serve(SCHEDULER_IN).await.unwrap();
    let gateway = connect("gateway").await;
    let shared = shared(gateway, SESSIONS);
    let bytes: usize = announcement(&shared).iter().map(Item::bytes).sum();
    assert!(bytes > 1 << 20, "in one message it would be refused: {bytes}");
    let shutdown = Shutdown::new();
    shutdown.spawn(batcher::run(Arc::clone(&shared), shutdown.clone()));
    let (all, parts) = take_all(&mut requests, accepted()).await;
    assert_eq!(all, sessions(&shared));
    assert!(parts > 4, "{parts}");
    until(|| *shared.acknowledged.borrow() && !*shared.announcing.borrow()).await;
    shutdown.stop();
}

#[tokio::test]
async fn an_announcement_that_a_leader_lost_a_part_of_begins_anew_as_all_is_by_then() {
    let bus = LocalBus::new();
    let mut requests = bus.serve(SCHEDULER_IN).await.unwrap();
    let shared = shared(Arc::new(bus), 6_000);
    let shutdown = Shutdown::new();
    shutdown.spawn(batcher::run(Arc::clone(&shared), shutdown.clone()));
    let (first, request) = next(&mut requests).await;
    assert!(first.part == 1 && first.parts > 2, "{} of {}", first.part, first.parts);
    request.respond(answer(&first, accepted()));
    let (second, request) = next(&mut requests).await;
    assert_eq!((second.seq, second.part), (first.seq + 1, 2));
    add(&shared);
    let anew = v1::GatewayReply { epoch: 2, seq: second.seq, announce_first: true, replies: Vec::new() };
    request.respond(Bytes::from(anew.encode_to_vec()));
    // Another leads: it hears of all, from the first part on.
    let (again, request) = next(&mut requests).await;
    assert_eq!((again.part, again.epoch), (1, 2));
    assert!(!*shared.acknowledged.borrow());
    let reply = v1::GatewayReply { epoch: 2, seq: again.seq, ..Default::default() };
    request.respond(Bytes::from(reply.encode_to_vec()));
    let mut all: BTreeSet<_> = told(&again).into_iter().collect();
    for part in 2..=again.parts {
        let (batch, request) = next(&mut requests).await;
        assert_eq!((batch.part, batch.seq), (part, again.seq + u64::from(part) - 1));
        all.extend(told(&batch));
        let replies =
            vec![v1::InputReply { reply: Some(accepted()) }; usize::from(batch.part == batch.parts)];
        let reply = v1::GatewayReply { epoch: 2, seq: batch.seq, announce_first: false, replies };
        request.respond(Bytes::from(reply.encode_to_vec()));
    }
    assert_eq!(all, sessions(&shared));
    until(|| *shared.acknowledged.borrow()).await;
    shutdown.stop();
}

#[tokio::test]
async fn one_refusal_is_that_of_every_session() {
    let bus = LocalBus::new();
    let mut requests = bus.serve(SCHEDULER_IN).await.unwrap();
    let shared = shared(Arc::new(bus), 2_500);
    let shutdown = Shutdown::new();
    shutdown.spawn(batcher::run(Arc::clone(&shared), shutdown.clone()));
    let rejected = v1::Rejected { code: "INTERNAL_ERROR".to_owned(), message: "no".to_owned() };
    let (all, parts) = take_all(&mut requests, Reply::Rejected(rejected)).await;
    assert!(all.len() == 2_500 && parts > 1, "{parts}");
    until(|| shared.sessions.all().iter().all(|session| session.has_ended())).await;
    shutdown.stop();
}

#[tokio::test]
async fn a_leader_that_knows_no_parts_is_told_of_all_at_once() {
    let bus = LocalBus::new();
    let mut requests = bus.serve(SCHEDULER_IN).await.unwrap();
    let shared = shared(Arc::new(bus), 2_500);
    let shutdown = Shutdown::new();
    shutdown.spawn(batcher::run(Arc::clone(&shared), shutdown.clone()));
    // As it answers: one reply a session, whatever the parts' numbers.
    let for_each = |batch: &v1::GatewayBatch| {
        let replies = vec![v1::InputReply { reply: Some(accepted()) }; batch.inputs.len()];
        let reply = v1::GatewayReply { epoch: 1, seq: batch.seq, announce_first: false, replies };
        Bytes::from(reply.encode_to_vec())
    };
    let (first, request) = next(&mut requests).await;
    assert!(first.parts > 1, "{}", first.parts);
    request.respond(for_each(&first));
    let (all, request) = next(&mut requests).await;
    assert_eq!((all.part, all.parts), (1, 1));
    assert_eq!(told(&all).into_iter().collect::<BTreeSet<_>>(), sessions(&shared));
    assert!(!*shared.acknowledged.borrow());
    request.respond(for_each(&all));
    until(|| *shared.acknowledged.borrow()).await;
    assert!(!shared.sessions.all().iter().any(|session| session.has_ended()));
    shutdown.stop();
}

#[tokio::test]
async fn a_leader_that_falls_silent_is_known_no_more_until_one_answers() {
    let bus = LocalBus::new();
    let mut requests = bus.serve(SCHEDULER_IN).await.unwrap();
    let shared = shared(Arc::new(bus.clone()), 1);
    let shutdown = Shutdown::new();
    shutdown.spawn(batcher::run(Arc::clone(&shared), shutdown.clone()));
    take_all(&mut requests, accepted()).await;
    until(|| *shared.acknowledged.borrow()).await;
    drop(requests);
    let mut known = shared.acknowledged.subscribe();
    let begun = Instant::now();
    shared.epoch.forget();
    shared.inbox.wake();
    tokio::time::timeout(Duration::from_secs(10), known.wait_for(|known| !known)).await.unwrap().unwrap();
    assert!(begun.elapsed() >= SILENCE, "a takeover is no silence");
    let mut requests = bus.serve(SCHEDULER_IN).await.unwrap();
    take_all(&mut requests, accepted()).await;
    until(|| *shared.acknowledged.borrow()).await;
    shutdown.stop();
}

#[test]
fn nobody_is_a_part_too() {
    assert_eq!(
        parts(Vec::new(), PART_BYTES).iter().map(|(part, _)| *part).collect::<Vec<_>>(),
        [Part { number: 1, of: 1 }]
    );
}
