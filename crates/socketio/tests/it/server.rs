//! A Socket.IO server on a loopback port, with the namespace `/w` that the tests talk to.

use std::{sync::Arc, time::Duration};

use axum::serve::ListenerExt;
use serde_json::{Value, json};
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef, TryData},
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use ukai_socketio::{Backoff, Settings, Target};

pub struct Server {
    pub address: String,
    pub io: SocketIo,
    /// The auth object and the query of each connect.
    pub connects: mpsc::Receiver<(Value, String)>,
    /// What arrived as `note`.
    pub notes: mpsc::Receiver<Value>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start(address: &str) -> Self {
        let (connected, connects) = mpsc::channel(64);
        let (noted, notes) = mpsc::channel(4096);
        let (layer, io) = SocketIo::builder()
            .ping_interval(Duration::from_millis(200))
            .ping_timeout(Duration::from_millis(300))
            .max_buffer_size(8192)
            .build_layer();
        let noted = Arc::new(noted);
        io.ns("/w", async move |socket: SocketRef, TryData::<Value>(auth)| {
            socket.on("echo", async |Data::<Value>(data), ack: AckSender| {
                let _ = ack.send(&data);
            });
            socket.on("never", async |Data::<Value>(_)| {});
            let sender = Arc::clone(&noted);
            socket.on("note", async move |Data::<Value>(data)| {
                let _ = sender.try_send(data);
            });
            socket.on("ask-me", async |socket: SocketRef| {
                let answer = socket
                    .timeout(Duration::from_secs(2))
                    .emit_with_ack::<_, Value>("question", &json!({"n": 1}));
                let answer = match answer {
                    Ok(answer) => answer.await.unwrap_or_else(|error| json!(error.to_string())),
                    Err(error) => json!(error.to_string()),
                };
                let _ = socket.emit("answered", &answer);
            });
            socket.on("binary", async |socket: SocketRef| {
                let _ = socket.emit("blob", &socketioxide_bytes(b"\x00\x01\x02"));
                let _ = socket.emit("after", &json!("binary"));
            });
            socket.on("kick", async |socket: SocketRef| {
                let _ = socket.disconnect();
            });
            let query = socket.req_parts().uri.query().unwrap_or_default().to_owned();
            let _ = connected.try_send((auth.unwrap_or(Value::Null), query));
            let _ = socket.emit("welcome", &json!({"hello": "there"}));
        });
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = axum::Router::new().layer(layer);
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, io, connects, notes, task }
    }

    pub fn target(&self) -> Target {
        target(&self.address)
    }

    /// Ends it at once: sockets and port.
    pub async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
        tokio::time::timeout(Duration::from_secs(5), self.io.close()).await.unwrap();
    }
}

fn socketioxide_bytes(bytes: &'static [u8]) -> bytes::Bytes {
    bytes::Bytes::from_static(bytes)
}

pub fn target(address: &str) -> Target {
    Target::new(&format!("http://{address}/?token=a%26b"), "/w").unwrap()
}

pub fn settings(target: Target) -> Settings {
    Settings { backoff: Backoff::quick(), ..Settings::new(target) }
}

/// Waits for `future`, at most ten seconds.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("nothing came within ten seconds")
}
