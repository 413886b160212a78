//! Frames that no decent client sends: each ends in an error or a close, and nobody else notices.

use crate::kit::raw::Raw;
use crate::kit::worker::{Worker, completed, started};
use crate::kit::{Server, soon, until};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What the gateway does about a frame.
#[derive(Debug, PartialEq)]
enum End {
    Error(String),
    Closed,
}

async fn send(server: &Server, frames: &[String]) -> End {
    let mut raw = Raw::worker(server).await;
    for frame in frames {
        raw.send(frame).await;
    }
    match raw.text().await {
        Some(text) if text.contains("\"error\"") => {
            let (_, json) = text.split_once("[\"error\",").unwrap();
            let error: serde_json::Value = serde_json::from_str(json.trim_end_matches(']')).unwrap();
            assert_eq!(error["code"], "INVALID_PAYLOAD");
            // The connection lives.
            raw.send(&format!("42/workers,9[\"task:started\",{}]", started(1))).await;
            assert_eq!(raw.text().await.as_deref(), Some("43/workers,9[{\"accepted\":true}]"));
            End::Error(error["message"].as_str().unwrap().to_owned())
        }
        Some(other) => panic!("unexpected {other}"),
        None => End::Closed,
    }
}

fn event(name: &str, payload: &str) -> String {
    format!("42/workers,[\"{name}\",{payload}]")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_frames() {
    let (server, leader) = Server::start().await;
    let mut witness = Worker::registered(&server).await;
    let error = |m: &str| End::Error(m.to_owned());
    let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
    let with_title = |title: &str| completed(1).to_string().replace("Kettle", title);
    let many_keys: Vec<String> = (0..5_100).map(|n| format!("\"k{n}\":1")).collect();
    let cases: Vec<(Vec<String>, End)> = vec![
        (vec!["42/workers,[\"task:started\",{]".into()], End::Closed),
        (vec!["42/workers,{}".into()], End::Closed),
        (vec!["42/workers,".into()], End::Closed),
        (vec!["42/workers,[]".into()], End::Closed),
        (vec!["42/workers,[1,2]".into()], End::Closed),
        (vec!["42/workers,[\"task:started\",NaN]".into()], End::Closed),
        (vec!["4nonsense".into()], End::Closed),
        (vec!["x".into()], End::Closed),
        (vec![event("task:started", &deep(10_000))], error("task:started: a: is nested deeper than 32")),
        (vec![event("task:started", &deep(200_000))], error("task:started: a: is nested deeper than 32")),
        (
            vec![event("task:completed", &with_title("a\\u0000b"))],
            error("task:completed: productTitle: contains a NUL character"),
        ),
        (
            vec![event("task:completed", &with_title("\\ud800"))],
            error("task:completed: productTitle: contains a lone surrogate"),
        ),
        (
            vec![event("task:completed", &with_title(&"x".repeat(300 << 10)))],
            error("task:completed: productTitle: holds a string of more than 262144 bytes"),
        ),
        (
            vec![event("task:completed", &completed(1).to_string().replace("19.99", "1e999"))],
            error("task:completed: price: holds a number that is too large"),
        ),
        (
            vec![event("task:started", &format!("{{{}}}", many_keys.join(",")))],
            error("task:started: k5000: has more than 5000 keys in all"),
        ),
        (vec![event("task:completed", &format!("\"{}\"", "x".repeat(2 << 20)))], End::Closed),
        (vec![event(&"n".repeat(1_000), "1")], error(&format!("{}: event: is unknown", "n".repeat(100)))),
        (
            vec![
                "451-/workers,[\"task:started\",{\"_placeholder\":true,\"num\":0}]".into(),
                "42/workers,[\"x\"]".into(),
            ],
            End::Closed,
        ),
        (vec!["4510000-/workers,[\"task:started\",{}]".into()], End::Closed),
    ];
    for (n, (frames, want)) in cases.into_iter().enumerate() {
        let shown: String = frames[0].chars().take(60).collect();
        assert_eq!(send(&server, &frames).await, want, "case {n}: {shown}");
        assert_eq!(witness.ask("task:started", &started(2)).await, json!({"accepted": true}), "case {n}");
    }
    // Sockets that were closed are gone, and nothing but good events arrived.
    until(|| server.gateway.sessions() <= 12).await;
    for input in leader.inputs() {
        use ukai_domain::scheduler::Input;
        assert!(
            matches!(input, Input::Connect(_) | Input::Disconnect { .. } | Input::Report(_)),
            "{input:?}"
        );
    }
}

#[tokio::test]
async fn attachments_are_refused() {
    let (server, _leader) = Server::start().await;
    let mut raw = Raw::worker(&server).await;
    raw.send("451-/workers,[\"task:started\",{\"_placeholder\":true,\"num\":0}]").await;
    raw.send_binary(b"\x00\x01").await;
    let answer = raw.text().await.unwrap();
    assert!(answer.contains("task:started: payload: must not have binary attachments"), "{answer}");
    raw.send_binary(b"nobody asked").await;
    assert_eq!(raw.text().await, None, "an unannounced binary frame closes");
}

#[tokio::test]
async fn a_frame_of_64_mib_is_not_buffered() {
    let (server, _leader) = Server::start().await;
    let mut raw = Raw::worker(&server).await;
    let tcp = raw.0.get_mut();
    // The header of a masked text frame of 64 MiB, and as much of it as the gateway cares to take.
    let mut header = vec![0x81, 0xFF];
    header.extend_from_slice(&(64_u64 << 20).to_be_bytes());
    header.extend_from_slice(&[1, 2, 3, 4]);
    let writing = async {
        tcp.write_all(&header).await?;
        let block = vec![b'x'; 64 << 10];
        for _ in 0..1_024 {
            tcp.write_all(&block).await?;
        }
        std::io::Result::Ok(())
    };
    let written = soon(writing).await;
    let mut rest = [0; 1];
    let closed = written.is_err() || !matches!(soon(tcp.read(&mut rest)).await, Ok(n) if n > 0);
    assert!(closed);
    until(|| server.gateway.sessions() == 0).await;
}

#[tokio::test]
async fn silent_connections_are_closed() {
    let (server, _leader) = Server::start_with(|config| {
        config.limits.connect_timeout = std::time::Duration::from_millis(200);
    })
    .await;
    for opening in ["", "GET /socket.io/ HTTP/1.1\r\nHost: x\r\nX: "] {
        let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        stream.write_all(opening.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let _reset_is_fine = soon(stream.read_to_end(&mut rest)).await;
    }
    // Upgraded, but connected to no namespace.
    let mut raw = Raw::open(&server, "x").await;
    while raw.text().await.is_some() {}
}
