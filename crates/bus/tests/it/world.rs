//! A bus with several users, in this process or behind a private NATS server.

use async_trait::async_trait;
use bytes::Bytes;
use prometheus_client::registry::Registry;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use ukai_bus::{Bus, LocalBus, NatsBus, NatsOptions, Request};
use ukai_testkit::nats::NatsServer;

/// What the conformance tests need of a bus.
#[async_trait]
pub(crate) trait World {
    /// A new one, empty.
    async fn new() -> Self;
    /// One more connection to it.
    async fn user(&self) -> Arc<dyn Bus>;
    /// Takes it away from all.
    async fn cut(&self);
    /// Brings it back; returns once all users are connected again.
    async fn mend(&self);
}

/// In process.
#[derive(Default)]
pub(crate) struct Local {
    bus: LocalBus,
    users: Mutex<Vec<LocalBus>>,
}

#[async_trait]
impl World for Local {
    async fn new() -> Self {
        Self::default()
    }

    async fn user(&self) -> Arc<dyn Bus> {
        let user = self.bus.another();
        self.users.lock().unwrap().push(user.clone());
        Arc::new(user)
    }

    async fn cut(&self) {
        self.users.lock().unwrap().iter().for_each(LocalBus::cut);
    }

    async fn mend(&self) {
        self.users.lock().unwrap().iter().for_each(LocalBus::mend);
    }
}

/// Behind a server.
pub(crate) struct Nats {
    pub(crate) server: Mutex<NatsServer>,
    users: Mutex<Vec<Arc<NatsBus>>>,
}

impl Nats {
    pub(crate) async fn connect(&self, name: &str) -> Arc<NatsBus> {
        self.connect_as(name, "ukai").await
    }

    /// Of the system whose subjects begin with `prefix`.
    pub(crate) async fn connect_as(&self, name: &str, prefix: &str) -> Arc<NatsBus> {
        let url = self.server.lock().unwrap().url();
        // Pings so often that a silent server is noticed within a test's patience.
        let options = NatsOptions::new(&url, name).unwrap().ping_every(Duration::from_millis(300));
        let options = options.prefix(prefix).unwrap();
        let user = NatsBus::connect(options, &mut Registry::default()).await.unwrap();
        self.users.lock().unwrap().push(Arc::clone(&user));
        connected(&*user).await;
        user
    }
}

#[async_trait]
impl World for Nats {
    async fn new() -> Self {
        Self { server: Mutex::new(NatsServer::start().unwrap()), users: Mutex::default() }
    }

    async fn user(&self) -> Arc<dyn Bus> {
        self.connect("test").await
    }

    async fn cut(&self) {
        self.server.lock().unwrap().kill().unwrap();
        let users = self.users.lock().unwrap().clone();
        for user in users {
            away(&*user).await;
        }
    }

    async fn mend(&self) {
        self.server.lock().unwrap().restart().unwrap();
        let users = self.users.lock().unwrap().clone();
        for user in users {
            connected(&*user).await;
        }
    }
}

/// Waits for `future`, at most twenty seconds.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("nothing came within twenty seconds")
}

/// Waits until `condition` holds, at most twenty seconds.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    soon(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

pub(crate) async fn connected(bus: &dyn Bus) {
    soon(bus.status().wait_for(|status| status.is_connected)).await.unwrap();
}

pub(crate) async fn away(bus: &dyn Bus) {
    soon(bus.status().wait_for(|status| !status.is_connected)).await.unwrap();
}

/// Answers every request with `word` until the handle is aborted.
pub(crate) fn answer(
    mut requests: mpsc::Receiver<Request>,
    word: &'static str,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            request.respond(Bytes::from_static(word.as_bytes()));
        }
    })
}

/// Asks until somebody answers.
pub(crate) async fn answered(bus: &dyn Bus, subject: &str) -> Bytes {
    soon(async {
        loop {
            if let Ok(answer) = bus.request(subject, Bytes::new(), Duration::from_secs(1)).await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}
