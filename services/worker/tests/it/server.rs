//! The server's side of `/workers`, scripted by the tests. What the worker says must pass the gateway's own reader.
//!
//! Tests name tasks by short words; on the wire each is a UUID.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
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
use ukai_domain::SessionId;
use ukai_wire::workers::{ConnectAuth, parse};
use uuid::Uuid;

use crate::files::Files;

/// How reports are answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    Accept,
    Stale,
    Nothing,
}

/// The tests' words by the wire's ids.
type Words = Arc<Mutex<HashMap<String, String>>>;

/// The id of a word.
pub fn id(word: &str) -> String {
    let mut hasher = DefaultHasher::new();
    word.hash(&mut hasher);
    Uuid::from_u64_pair(0x0198_c0de_0000_7000, hasher.finish() >> 2 | 1 << 63).to_string()
}

fn cancelled(word: &str, run: u32) -> Value {
    json!({"taskId": id(word), "reason": "operator", "run": run})
}

/// Puts the words back in the place of ids.
fn in_words(words: &Words, mut value: Value) -> Value {
    match &mut value {
        Value::String(text) => {
            if let Some(word) = words.lock().unwrap().get(text) {
                word.clone_into(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = in_words(words, item.take())),
        Value::Object(fields) => fields.values_mut().for_each(|field| *field = in_words(words, field.take())),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    value
}

/// What the gateway would say of an event: its name if it is as documented, else the refusal in its place.
fn judged(name: &str, data: &Value) -> String {
    match parse(SessionId(Uuid::nil()), name, &data.to_string()) {
        Ok(_) => name.to_owned(),
        Err(refusal) => format!("{name} is invalid: {refusal:?}"),
    }
}

pub struct Server {
    pub address: String,
    /// The auth object of each connect.
    pub connects: mpsc::Receiver<Value>,
    /// Everything that the worker said, heartbeats apart.
    events: mpsc::Receiver<(String, Value)>,
    heartbeats: mpsc::Receiver<Value>,
    answers: Arc<Mutex<Answers>>,
    words: Words,
    /// What every worker that connects is told to drop.
    over: Arc<Mutex<Vec<Value>>>,
    /// Files that were brought, and what the next ones are answered.
    pub files: Files,
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
        Self::start_with(address, 20_000).await
    }

    /// With another limit of a run.
    pub async fn start_with(address: &str, task_timeout_ms: u64) -> Self {
        let (connected, connects) = mpsc::channel(64);
        let (said, events) = mpsc::channel(1024);
        let (beat, heartbeats) = mpsc::channel(1024);
        let answers = Arc::new(Mutex::new(Answers::Accept));
        let (layer, io) = SocketIo::builder()
            .ping_interval(Duration::from_secs(1))
            .ping_timeout(Duration::from_secs(2))
            .build_layer();
        let rule = Arc::clone(&answers);
        let words = Words::default();
        let known = Arc::clone(&words);
        let over = Arc::<Mutex<Vec<Value>>>::default();
        let drops = Arc::clone(&over);
        io.ns("/workers", async move |socket: SocketRef, TryData::<Value>(auth)| {
            for name in EVENTS {
                let (said, rule, known) = (said.clone(), Arc::clone(&rule), Arc::clone(&known));
                socket.on(name, async move |Data::<Value>(data), ack: AckSender| {
                    let _ = said.send((judged(name, &data), in_words(&known, data))).await;
                    let answer = *rule.lock().unwrap();
                    let _ = match answer {
                        Answers::Accept => ack.send(&json!({"accepted": true})),
                        Answers::Stale => ack.send(&json!({"accepted": false, "reason": "stale"})),
                        Answers::Nothing => Ok(()),
                    };
                });
            }
            let (beat, said, words) = (beat.clone(), said.clone(), Arc::clone(&known));
            socket.on("worker:heartbeat", async move |Data::<Value>(data)| {
                let name = judged("worker:heartbeat", &data);
                if name == "worker:heartbeat" {
                    let _ = beat.try_send(in_words(&words, data));
                } else {
                    let _ = said.send((name, data)).await;
                }
            });
            let auth = auth.unwrap();
            if ConnectAuth::parse(&auth.to_string()).is_err() {
                return;
            }
            if auth["token"] != "good" {
                let refusal = json!({"code": "AUTH_FAILED", "message": "unknown token", "timestamp": "2026-01-01T00:00:00Z"});
                let _ = socket.emit("error", &refusal);
                let _ = socket.disconnect();
                return;
            }
            let _ = connected.try_send(in_words(&known, auth));
            let registered = json!({
                "workerId": "0198c0de-0000-7000-8000-000000000009",
                "serverTime": "2026-01-01T00:00:00.000Z",
                "config": {"heartbeatInterval": 100, "taskTimeout": task_timeout_ms},
            });
            let _ = socket.emit("worker:registered", &registered);
            for cancel in drops.lock().unwrap().iter() {
                let _ = socket.emit("task:cancelled", cancel);
            }
        });
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        let files = Files::default();
        let router = files.routes().layer(layer);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, connects, events, heartbeats, answers, words, over, files, io, task }
    }

    pub fn answer(&self, answers: Answers) {
        *self.answers.lock().unwrap() = answers;
    }

    pub async fn emit(&self, event: &str, payload: Value) {
        self.io.of("/workers").unwrap().emit(event, &payload).await.unwrap();
    }

    /// Cancels a run.
    pub async fn cancel(&self, word: &str, run: u32) {
        self.emit("task:cancelled", cancelled(word, run)).await;
    }

    /// From now on, whoever connects is told right behind its registration that a run is over.
    pub fn is_over(&self, word: &str, run: u32) {
        self.over.lock().unwrap().push(cancelled(word, run));
    }

    /// Forgets what came so far.
    pub fn forget(&mut self) {
        while self.connects.try_recv().is_ok() {}
        while self.events.try_recv().is_ok() {}
    }

    /// Makes the word of an id known that another server handed out.
    pub fn knows(&self, word: &str) {
        self.words.lock().unwrap().insert(id(word), word.to_owned());
    }

    /// Hands out a task.
    pub async fn assign(&self, word: &str, run: Option<u32>, url: &str, more: Value) {
        self.words.lock().unwrap().insert(id(word), word.to_owned());
        let mut task = json!({
            "taskId": id(word), "productUrl": url, "priority": 50, "attemptNumber": 1,
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
