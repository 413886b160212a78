//! The server's side of `/workers`, scripted by the tests.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::serve::ListenerExt;
use serde_json::{Value, json};
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef, TryData},
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

/// How reports are answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    Accept,
    Stale,
    Nothing,
}

pub struct Server {
    pub address: String,
    /// The auth object of each connect.
    pub connects: mpsc::Receiver<Value>,
    /// Everything that the worker said, heartbeats apart.
    events: mpsc::Receiver<(String, Value)>,
    heartbeats: mpsc::Receiver<Value>,
    answers: Arc<Mutex<Answers>>,
    io: SocketIo,
    task: JoinHandle<()>,
}

const EVENTS: [&str; 7] = [
    "task:started",
    "task:completed",
    "task:failed",
    "worker:network_changed",
    "worker:block_detected",
    "worker:draining",
    "error",
];

impl Server {
    pub async fn start(address: &str) -> Self {
        let (connected, connects) = mpsc::channel(64);
        let (said, events) = mpsc::channel(1024);
        let (beat, heartbeats) = mpsc::channel(1024);
        let answers = Arc::new(Mutex::new(Answers::Accept));
        let (layer, io) = SocketIo::builder()
            .ping_interval(Duration::from_secs(1))
            .ping_timeout(Duration::from_secs(2))
            .build_layer();
        let rule = Arc::clone(&answers);
        io.ns("/workers", async move |socket: SocketRef, TryData::<Value>(auth)| {
            for name in EVENTS {
                let (said, rule) = (said.clone(), Arc::clone(&rule));
                socket.on(name, async move |Data::<Value>(data), ack: AckSender| {
                    let _ = said.send((name.to_owned(), data)).await;
                    let answer = *rule.lock().unwrap();
                    let _ = match answer {
                        Answers::Accept => ack.send(&json!({"accepted": true})),
                        Answers::Stale => ack.send(&json!({"accepted": false, "reason": "stale"})),
                        Answers::Nothing => Ok(()),
                    };
                });
            }
            let beat = beat.clone();
            socket.on("worker:heartbeat", async move |Data::<Value>(data)| {
                let _ = beat.try_send(data);
            });
            let auth = auth.unwrap();
            if auth["token"] != "good" {
                let refusal = json!({"code": "AUTH_FAILED", "message": "unknown token", "timestamp": "2026-01-01T00:00:00Z"});
                let _ = socket.emit("error", &refusal);
                let _ = socket.disconnect();
                return;
            }
            let _ = connected.try_send(auth);
            let registered = json!({
                "workerId": "0198c0de-0000-7000-8000-000000000009",
                "serverTime": "2026-01-01T00:00:00.000Z",
                "config": {"heartbeatInterval": 100, "taskTimeout": 20_000},
            });
            let _ = socket.emit("worker:registered", &registered);
        });
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        let router = axum::Router::new().layer(layer);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, connects, events, heartbeats, answers, io, task }
    }

    pub fn answer(&self, answers: Answers) {
        *self.answers.lock().unwrap() = answers;
    }

    pub async fn emit(&self, event: &str, payload: Value) {
        self.io.of("/workers").unwrap().emit(event, &payload).await.unwrap();
    }

    /// Hands out a task.
    pub async fn assign(&self, id: &str, run: Option<u32>, url: &str, more: Value) {
        let mut task = json!({
            "taskId": id, "productUrl": url, "priority": 50, "attemptNumber": 1,
            "assignedAt": "2026-01-01T00:00:00.000Z",
        });
        if let Some(run) = run {
            task["run"] = run.into();
        }
        for (key, value) in more.as_object().into_iter().flatten() {
            task[key] = value.clone();
        }
        self.emit("task:assigned", task).await;
    }

    /// The next event, of whatever name.
    pub async fn next(&mut self) -> (String, Value) {
        soon(self.events.recv()).await.unwrap()
    }

    /// The next event, which must have this name.
    pub async fn expect(&mut self, name: &str) -> Value {
        let (found, payload) = self.next().await;
        assert_eq!(found, name, "{payload:#}");
        payload
    }

    /// Whether nothing but heartbeats comes for a while, measured in heartbeats.
    pub async fn quiet(&mut self) -> bool {
        while self.heartbeats.try_recv().is_ok() {}
        for _ in 0..4 {
            soon(self.heartbeats.recv()).await.unwrap();
        }
        self.events.is_empty()
    }

    /// Waits for a heartbeat that fits.
    pub async fn heartbeat(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        soon(async {
            loop {
                let beat = self.heartbeats.recv().await.unwrap();
                if fits(&beat) {
                    break beat;
                }
            }
        })
        .await
    }

    pub async fn connected(&mut self) -> Value {
        soon(self.connects.recv()).await.unwrap()
    }

    /// Ends it at once: sockets and port.
    pub async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
        soon(self.io.close()).await;
    }
}

/// Waits for `future`, at most twenty seconds.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("nothing came within twenty seconds")
}
