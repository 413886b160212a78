//! Servers that misbehave: silence, protocol breaks, sizes, refusals. Spoken by hand over a plain WebSocket.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio_tungstenite::{accept_async, tungstenite::Message};
use ukai_socketio::{ConnectError, Connection, Disconnect, Incoming, Limits, Target};

use crate::server::{soon, target};

const OPEN: &str = r#"0{"sid":"e","upgrades":[],"pingInterval":100,"pingTimeout":100,"maxPayload":1000}"#;

/// A server that opens, waits for CONNECT, sends `script` and then holds the socket open.
async fn scripted(script: Vec<Message>) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = accept_async(stream).await.unwrap();
        socket.send(Message::text(OPEN)).await.unwrap();
        socket.next().await.unwrap().unwrap();
        for message in script {
            let _ = socket.send(message).await;
        }
        while let Some(Ok(_)) = socket.next().await {}
    });
    target(&address)
}

fn connected() -> Message {
    Message::text("40/w,{\"sid\":\"s\"}")
}

#[tokio::test]
async fn a_silent_server_is_left_after_interval_and_timeout() {
    let target = scripted(vec![connected()]).await;
    let mut connection = soon(Connection::open(&target, "")).await.unwrap();
    let started = std::time::Instant::now();
    assert!(matches!(soon(connection.next()).await, Err(Disconnect::PingTimeout)));
    assert!(started.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn a_server_that_never_opens_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut target = target(&listener.local_addr().unwrap().to_string());
    target.limits = Limits { connect_timeout: Duration::from_millis(200), ..Limits::default() };
    assert!(matches!(soon(Connection::open(&target, "")).await, Err(ConnectError::Timeout)));
}

#[tokio::test]
async fn a_refusal_carries_message_and_data() {
    let refusal = r#"44/w,{"message":"no entry","data":{"code":7}}"#;
    let target = scripted(vec![Message::text(refusal)]).await;
    let Err(ConnectError::Refused { message, data }) = soon(Connection::open(&target, "")).await else {
        panic!("not refused")
    };
    assert_eq!((message.as_str(), data.as_deref()), ("no entry", Some(r#"{"code":7}"#)));
}

#[tokio::test]
async fn protocol_breaks_end_the_connection_with_a_reason() {
    let breaks = [
        vec![Message::text("42/w,{}")],
        vec![Message::text("42/w,[1]")],
        vec![Message::text("nonsense")],
        vec![Message::text("4510000-/w,[\"x\"]")],
        vec![Message::binary(vec![1, 2])],
        vec![Message::text(format!("42/w,[\"x\",\"{}\"]", "a".repeat(100_000)))],
    ];
    for script in breaks {
        let shown = format!("{:.60?}", script);
        let mut target = scripted([vec![connected()], script].concat()).await;
        target.limits.max_message = 50_000;
        let mut connection = soon(Connection::open(&target, "")).await.unwrap();
        let end = soon(connection.next()).await;
        assert!(matches!(end, Err(Disconnect::Protocol(_))), "{shown}: {end:?}");
    }
}

#[tokio::test]
async fn odd_but_legal_packets_are_read() {
    let script = vec![
        connected(),
        Message::text("6"),
        Message::text("42[\"other namespace\"]"),
        Message::text("452-/w,[\"b\",{\"_placeholder\":true,\"num\":0}]"),
        Message::binary(vec![1]),
        Message::binary(vec![2]),
        Message::text("2"),
        Message::text("42/w,5[\"last\"]"),
    ];
    let target = scripted(script).await;
    let mut connection = soon(Connection::open(&target, "")).await.unwrap();
    let Incoming::Event(event) = soon(connection.next()).await.unwrap() else { panic!("no event") };
    assert_eq!((event.name(), event.raw(), event.ack), ("last", "", Some(5)));
}

#[tokio::test]
async fn a_server_that_does_not_read_fills_a_bounded_queue() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut target = target(&listener.local_addr().unwrap().to_string());
    target.limits.max_unsent = 256 << 10;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = accept_async(stream).await.unwrap();
        socket.send(Message::text(OPEN)).await.unwrap();
        socket.next().await.unwrap().unwrap();
        socket.send(connected()).await.unwrap();
        socket
    });
    let mut connection = soon(Connection::open(&target, "")).await.unwrap();
    let _unread = soon(server).await.unwrap();
    let payload = "x".repeat(10_000);
    let refused = (0..10_000).find_map(|_| connection.emit("note", &payload).err());
    assert!(matches!(refused, Some(ukai_socketio::EmitError::Full)), "{refused:?}");
}
