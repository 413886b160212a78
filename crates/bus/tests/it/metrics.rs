//! The metrics are documented, served and move.

use crate::world::{answer, away, connected, soon, until};
use bytes::Bytes;
use prometheus_client::registry::Registry;
use std::time::Duration;
use ukai_bus::{Bus, BusError, NatsBus, NatsOptions};
use ukai_testkit::nats::NatsServer;

const OPERATIONS: &str = include_str!("../../../../docs/operations.md");

fn text(registry: &Registry) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
    text
}

fn value(registry: &Registry, line: &str) -> u64 {
    let text = text(registry);
    let found = text.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(' '));
    found.map_or(0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn they_move() {
    let mut server = NatsServer::start().unwrap();
    let mut registry = Registry::default();
    let options = NatsOptions::new(&server.url(), "test").unwrap();
    let bus = NatsBus::connect(options, &mut registry).await.unwrap();
    connected(&*bus).await;
    assert_eq!(value(&registry, "ukai_bus_connected"), 1);
    let quick = Duration::from_millis(20);
    assert_eq!(bus.request("ukai.x", Bytes::new(), quick).await, Err(BusError::NoResponders));
    let held = bus.serve("ukai.x").await.unwrap();
    assert_eq!(bus.request("ukai.x", Bytes::new(), quick).await, Err(BusError::Timeout));
    drop(held);
    let _served = answer(bus.serve("ukai.y").await.unwrap(), "y");
    bus.request("ukai.y", Bytes::new(), Duration::from_secs(10)).await.unwrap();
    let large = Bytes::from(vec![0; 2 << 20]);
    assert_eq!(bus.request("ukai.y", large, quick).await, Err(BusError::TooLarge));
    // More requests than a server may have waiting.
    let _busy = bus.serve("ukai.z").await.unwrap();
    let many = (0..1_100).map(|_| bus.request("ukai.z", Bytes::new(), Duration::from_millis(200)));
    futures::future::join_all(many).await;
    until(|| value(&registry, "ukai_bus_dropped_messages_total") > 0).await;
    server.kill().unwrap();
    away(&*bus).await;
    until(|| value(&registry, "ukai_bus_disconnects_total") == 1).await;
    assert_eq!(value(&registry, "ukai_bus_connected"), 0);
    assert_eq!(bus.request("ukai.y", Bytes::new(), quick).await, Err(BusError::Unavailable));
    for outcome in ["answered", "no_responders", "timeout", "too_large", "unavailable"] {
        let line = format!("ukai_bus_requests_total{{outcome=\"{outcome}\"}}");
        assert!(value(&registry, &line) > 0, "{line}\n{}", text(&registry));
    }
    server.restart().unwrap();
    connected(&*bus).await;
    until(|| value(&registry, "ukai_bus_connected") == 1).await;
    assert_eq!(value(&registry, "ukai_bus_disconnects_total"), 1);
}

#[tokio::test]
async fn each_is_documented() {
    let server = NatsServer::start().unwrap();
    let mut registry = Registry::default();
    let options = NatsOptions::new(&server.url(), "test").unwrap();
    let bus = soon(NatsBus::connect(options, &mut registry)).await.unwrap();
    // A family without a member is not served.
    let _nobody = bus.request("ukai.x", Bytes::new(), Duration::from_secs(1)).await;
    let text = text(&registry);
    let names: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next()).collect();
    assert!(names.len() >= 5, "{text}");
    for name in names {
        assert!(OPERATIONS.contains(&format!("`{name}`")), "{name} is not in docs/operations.md");
    }
}
