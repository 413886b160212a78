//! NATS goes away in each way that it can, and comes back.

use crate::world::{Nats, World, answer, answered, away, connected, soon};
use bytes::Bytes;
use prometheus_client::registry::Registry;
use std::time::{Duration, Instant};
use ukai_bus::{Bus, BusError, NatsBus, NatsOptions};
use ukai_testkit::nats::NatsServer;

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_server_that_stands_still_is_noticed_by_its_pings() {
    let world = Nats::new().await;
    let user = world.user().await;
    world.server.lock().unwrap().stop().unwrap();
    let begun = Instant::now();
    let outcome = user.request("ukai.nobody", Bytes::new(), LONG).await;
    let took = begun.elapsed();
    world.server.lock().unwrap().go_on().unwrap();
    assert_eq!(outcome, Err(BusError::Unavailable));
    // Pings each 0.3 s here; three of them without an answer.
    assert!(took < Duration::from_secs(10), "{took:?}");
    connected(&*user).await;
    assert_eq!(user.request("ukai.nobody", Bytes::new(), LONG).await, Err(BusError::NoResponders));
}

#[tokio::test]
async fn a_server_that_restarts_again_and_again_is_found_each_time() {
    let world = Nats::new().await;
    let (asking, serving) = (world.user().await, world.user().await);
    let _served = answer(serving.serve("ukai.x").await.unwrap(), "x");
    for _ in 0..3 {
        world.cut().await;
        let begun = Instant::now();
        world.mend().await;
        assert_eq!(answered(&*asking, "ukai.x").await, "x");
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_server_that_comes_later_is_waited_for() {
    let mut server = NatsServer::start().unwrap();
    server.kill().unwrap();
    let options = NatsOptions::new(&server.url(), "test").unwrap();
    let bus = soon(NatsBus::connect(options, &mut Registry::default())).await.unwrap();
    assert!(!bus.status().borrow().is_connected);
    assert_eq!(bus.request("ukai.x", Bytes::new(), LONG).await, Err(BusError::Unavailable));
    let _served = answer(bus.serve("ukai.x").await.unwrap(), "x");
    server.restart().unwrap();
    connected(&*bus).await;
    assert_eq!(answered(&*bus, "ukai.x").await, "x");
}

#[tokio::test]
async fn what_was_published_leaves_before_the_close() {
    let world = Nats::new().await;
    let (publisher, other) = (world.user().await, world.user().await);
    let mut received = other.subscribe("ukai.last").await.unwrap();
    for n in 0..1_000_u32 {
        publisher.publish("ukai.last", Bytes::copy_from_slice(&n.to_be_bytes())).await.unwrap();
    }
    let begun = Instant::now();
    publisher.close().await;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    for n in 0..1_000_u32 {
        assert_eq!(soon(received.next()).await.unwrap().payload[..], n.to_be_bytes());
    }
    assert_eq!(publisher.publish("ukai.last", Bytes::new()).await, Err(BusError::Unavailable));
    away(&*publisher).await;
}

#[tokio::test]
async fn a_close_ends_subscriptions_and_servers() {
    let world = Nats::new().await;
    let user = world.user().await;
    let mut subscription = user.subscribe("ukai.x").await.unwrap();
    let mut requests = user.serve("ukai.y").await.unwrap();
    user.close().await;
    assert!(soon(subscription.next()).await.is_none());
    assert!(soon(requests.recv()).await.is_none());
}

#[tokio::test]
async fn a_close_while_the_server_is_away_does_not_wait() {
    let world = Nats::new().await;
    let user = world.user().await;
    world.cut().await;
    let begun = Instant::now();
    user.close().await;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}
