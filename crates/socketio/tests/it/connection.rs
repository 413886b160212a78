//! The single connection: handshake, events, acknowledgements, a burst.

use serde_json::{Value, json};
use ukai_socketio::{ConnectError, Connection, Incoming, Target};

use crate::server::{Server, soon};

#[tokio::test]
async fn connects_with_query_and_auth_and_hears_the_first_event() {
    let mut server = Server::start("127.0.0.1:0").await;
    let mut connection = soon(Connection::open(&server.target(), r#"{"name":"n"}"#)).await.unwrap();
    assert!(!connection.sid().is_empty());
    let (auth, query) = soon(server.connects.recv()).await.unwrap();
    assert_eq!(auth, json!({"name": "n"}));
    assert!(query.starts_with("token=a%26b&EIO=4"), "{query}");
    let Incoming::Event(event) = soon(connection.next()).await.unwrap() else { panic!("no event") };
    assert_eq!((event.name(), event.raw()), ("welcome", r#"{"hello":"there"}"#));
    connection.close().await;
}

#[tokio::test]
async fn a_burst_is_answered_completely_and_in_order() {
    let server = Server::start("127.0.0.1:0").await;
    let mut connection = soon(Connection::open(&server.target(), "")).await.unwrap();
    for n in 0..2_000 {
        assert_eq!(connection.emit_raw("echo", &n.to_string(), true).unwrap(), n);
    }
    let mut answered = vec![false; 2_000];
    let mut left = answered.len();
    while left > 0 {
        if let Incoming::Ack(ack) = soon(connection.next()).await.unwrap() {
            assert_eq!(ack.raw(), ack.id.to_string());
            let place = &mut answered[usize::try_from(ack.id).unwrap()];
            assert!(!std::mem::replace(place, true));
            left -= 1;
        }
    }
}

#[tokio::test]
async fn answers_pings_for_longer_than_the_watchdog() {
    let server = Server::start("127.0.0.1:0").await;
    let mut connection = soon(Connection::open(&server.target(), "")).await.unwrap();
    let quiet = async {
        loop {
            connection.next().await.unwrap();
        }
    };
    assert!(tokio::time::timeout(std::time::Duration::from_millis(1_500), quiet).await.is_err());
    let id = connection.emit_for_ack("echo", "still here").unwrap();
    let Incoming::Ack(ack) = soon(connection.next()).await.unwrap() else { panic!("no answer") };
    assert_eq!((ack.id, ack.parse::<String>().unwrap().as_str()), (id, "still here"));
}

#[tokio::test]
async fn binary_packets_are_left_out() {
    let server = Server::start("127.0.0.1:0").await;
    let mut connection = soon(Connection::open(&server.target(), "")).await.unwrap();
    connection.emit("binary", &Value::Null).unwrap();
    loop {
        if let Incoming::Event(event) = soon(connection.next()).await.unwrap() {
            assert_ne!(event.name(), "blob");
            if event.name() == "after" {
                break;
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_namespace_and_a_closed_port_are_told() {
    let server = Server::start("127.0.0.1:0").await;
    let target = Target::new(&format!("http://{}", server.address), "/nowhere").unwrap();
    let Err(ConnectError::Refused { message, .. }) = soon(Connection::open(&target, "")).await else {
        panic!("not refused")
    };
    assert_eq!(message, "Invalid namespace");
    let target = server.target();
    server.stop().await;
    assert!(matches!(soon(Connection::open(&target, "")).await, Err(ConnectError::Transport(_))));
}
