//! The official client's first transport: HTTP long polling, with no connection to close.

use crate::kit::raw::{get, http, post};
use crate::kit::worker::started;
use crate::kit::{ENROLL_QUERY, Server, until};
use ukai_domain::scheduler::Input;
use ukai_rpc::v1::{self, push::Message as Word};

struct Poller<'a> {
    server: &'a Server,
    path: String,
}

impl<'a> Poller<'a> {
    async fn open(server: &'a Server, token: &str) -> Self {
        let path = format!("/socket.io/?EIO=4&transport=polling&token={token}");
        let open = http(server, &get(&path, "")).await;
        assert!(open.contains(r#""pingInterval":25000,"pingTimeout":60000,"maxPayload":1048576"#), "{open}");
        let (_, rest) = open.split_once("\"sid\":\"").unwrap();
        let sid = rest.split('"').next().unwrap();
        Self { server, path: format!("{path}&sid={sid}") }
    }

    async fn send(&self, packet: &str) -> String {
        http(self.server, &post(&self.path, packet)).await
    }

    async fn poll(&self) -> String {
        http(self.server, &get(&self.path, "")).await
    }

    async fn poll_until(&self, wanted: &str) -> String {
        for _ in 0..20 {
            let text = self.poll().await;
            if text.contains(wanted) {
                return text;
            }
            assert!(text.starts_with("HTTP/1.1 200"), "{wanted} never came: {text}");
        }
        panic!("{wanted} never came");
    }
}

#[tokio::test]
async fn a_polling_worker_is_registered_and_dropped() {
    let (server, leader) = Server::start().await;
    let worker = Poller::open(&server, ENROLL_QUERY).await;
    assert!(worker.send("40/workers,").await.ends_with("ok"));
    worker.poll_until("worker:registered").await;
    worker.send(&format!("42/workers,1[\"task:started\",{}]", started(1))).await;
    worker.poll_until("43/workers,1[{\"accepted\":true}]").await;
    let session = leader.connects()[0].session;
    let drop = Word::Drop(v1::Drop { code: "CONFLICT".into(), message: "replaced".into() });
    leader.push(&server.gateway, session, vec![drop]).await;
    worker.poll_until("replaced").await;
    leader.until_input(|i| matches!(i, Input::Disconnect { .. })).await;
    until(|| server.gateway.sessions() == 0).await;
    assert!(worker.poll().await.starts_with("HTTP/1.1 400"), "its session is gone");
}

#[tokio::test]
async fn a_polling_stranger_is_refused_and_forgotten() {
    let (server, _leader) = Server::start().await;
    let stranger = Poller::open(&server, "wrong").await;
    stranger.send("40/workers,").await;
    stranger.poll_until("AUTH_FAILED").await;
    let gone = async { while !stranger.poll().await.starts_with("HTTP/1.1 400") {} };
    crate::kit::soon(gone).await;
}
