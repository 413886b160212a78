//! A worker that speaks the contract.

use super::{ENROLL_QUERY, Server, soon};
use serde_json::{Value, json};
use ukai_socketio::{Connection, Disconnect, Incoming, Target};

pub(crate) struct Worker(pub(crate) Connection);

impl Worker {
    /// Connects with the enrolment token and waits for nothing.
    pub(crate) async fn connect(server: &Server) -> Self {
        Self::connect_as(server, &format!("token={ENROLL_QUERY}"), "").await
    }

    pub(crate) async fn connect_as(server: &Server, query: &str, auth: &str) -> Self {
        let target = Target::new(&format!("http://{}/?{query}", server.address), "/workers").unwrap();
        Self(soon(Connection::open(&target, auth)).await.unwrap())
    }

    /// Connects and waits for its registration.
    pub(crate) async fn registered(server: &Server) -> Self {
        let mut worker = Self::connect(server).await;
        worker.event("worker:registered").await;
        worker
    }

    /// The payload of the next event, which must be of this name.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        match soon(self.0.next()).await.unwrap() {
            Incoming::Event(event) => {
                assert_eq!(event.name(), name, "{}", event.raw());
                event.parse().unwrap()
            }
            Incoming::Ack(ack) => panic!("an ack instead of {name}: {}", ack.raw()),
        }
    }

    /// The code and message of the next event, an `error`.
    pub(crate) async fn error(&mut self) -> (String, String) {
        let error = self.event("error").await;
        assert!(ukai_domain::Timestamp::parse_rfc3339(error["timestamp"].as_str().unwrap()).is_some());
        (error["code"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
    }

    /// Emits and waits for the ack; events that come before it are passed over.
    pub(crate) async fn ask(&mut self, event: &str, payload: &Value) -> Value {
        let id = self.0.emit_for_ack(event, payload).unwrap();
        loop {
            if let Incoming::Ack(ack) = soon(self.0.next()).await.unwrap() {
                assert_eq!(ack.id, id);
                return ack.parse().unwrap();
            }
        }
    }

    /// Emits with the wish for an ack, and is closed without one.
    pub(crate) async fn ends_unanswered(&mut self, event: &str, payload: &Value) {
        self.0.emit_for_ack(event, payload).unwrap();
        while let Ok(incoming) = soon(self.0.next()).await {
            assert!(!matches!(incoming, Incoming::Ack(_)), "it was answered");
        }
    }

    pub(crate) async fn emit(&mut self, event: &str, payload: &Value) {
        self.0.emit(event, payload).unwrap();
        soon(self.0.flush()).await.unwrap();
    }

    /// How the connection ends, passing over events.
    pub(crate) async fn end(&mut self) -> Disconnect {
        loop {
            if let Err(end) = soon(self.0.next()).await {
                return end;
            }
        }
    }
}

pub(crate) fn task(n: u128) -> String {
    uuid::Uuid::from_u128(n).to_string()
}

pub(crate) fn started(n: u128) -> Value {
    json!({"taskId": task(n), "startedAt": "2026-02-01T10:00:00.000Z"})
}

pub(crate) fn failed(n: u128) -> Value {
    json!({"taskId": task(n), "failedAt": "2026-02-01T10:00:00Z", "error": {"type": "NETWORK", "message": "no route"}})
}

pub(crate) fn completed(n: u128) -> Value {
    json!({
        "taskId": task(n), "completedAt": "2026-02-01T10:00:00.000Z",
        "result": {
            "productTitle": "Kettle", "price": 19.99, "currency": "EUR", "originalPrice": null, "rating": 4.5,
            "reviewCount": 12, "availability": "In stock", "isAvailable": true, "imageUrls": [], "asin": null,
        },
        "metrics": {"scrapeDurationMs": 900, "pageLoadTimeMs": 400},
    })
}

pub(crate) fn heartbeat(status: &str, completed: u64) -> Value {
    json!({
        "status": status,
        "networkInfo": {"externalIp": "", "ispName": "", "lastCheckedAt": ""},
        "stats": {"tasksCompleted": completed, "tasksFailed": 0, "uptime": 1.5},
    })
}
