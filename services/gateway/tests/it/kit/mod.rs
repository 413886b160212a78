//! What the tests speak: a gateway under test, its leader, its workers.

pub(crate) mod leader;
pub(crate) mod raw;
pub(crate) mod reads;
pub(crate) mod worker;

use leader::Leader;
use reads::Tokens;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use ukai_boot::http::{ListenLimits, serve};
use ukai_boot::{Registry, Shutdown};
use ukai_bus::{Bus, LocalBus};
use ukai_gateway::{Config, Gateway};

/// The enrolment token of every gateway under test.
pub(crate) const ENROLL: &str = "enroll secret+&=";
/// The same as a query has it.
pub(crate) const ENROLL_QUERY: &str = "enroll%20secret%2B%26%3D";

/// A running gateway.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) gateway: Gateway,
    pub(crate) bus: LocalBus,
    pub(crate) shutdown: Shutdown,
    pub(crate) reads: Tokens,
    registry: Registry,
}

impl Server {
    /// With a leader that accepts everything.
    pub(crate) async fn start() -> (Self, Leader) {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> (Self, Leader) {
        let bus = LocalBus::new();
        let leader = Leader::start(&bus, 1).await;
        (Self::start_on(bus, change).await, leader)
    }

    /// On a bus that may have no leader yet.
    pub(crate) async fn start_on(bus: LocalBus, change: impl FnOnce(&mut Config)) -> Self {
        let shared: Arc<dyn Bus> = Arc::new(bus.clone());
        Self { bus, ..Self::start_over(shared, change).await }
    }

    /// On any bus; [`Server::bus`] is none of it.
    pub(crate) async fn start_over(bus: Arc<dyn Bus>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { enroll_token: Some(ENROLL.to_owned()), ..Config::default() };
        change(&mut config);
        let (mut registry, reads) = (Registry::default(), Tokens::default());
        let gateway = Gateway::new(config, bus, Arc::new(reads.clone()), &mut registry);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let limits = ListenLimits { header_timeout: Duration::from_secs(1), ..ListenLimits::default() };
        shutdown.spawn(serve(listener, gateway.routes(), shutdown.clone(), limits));
        let running = gateway.clone().run(shutdown.clone());
        shutdown.spawn(async move { running.await.unwrap() });
        Self { address, gateway, bus: LocalBus::new(), shutdown, reads, registry }
    }

    /// The value of a counter or gauge line that begins with `name`.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |value| value.parse().unwrap())
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
