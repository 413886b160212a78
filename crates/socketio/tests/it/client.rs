//! The client that comes back by itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::mpsc;
use ukai_socketio::{Client, ClientEvent, Disconnect, EmitError, Event};

use crate::server::{Server, settings, soon, target};

async fn connected(events: &mut mpsc::Receiver<ClientEvent>) {
    while !matches!(soon(events.recv()).await.unwrap(), ClientEvent::Connected(_)) {}
}

async fn event(events: &mut mpsc::Receiver<ClientEvent>, name: &str) -> Event {
    loop {
        if let ClientEvent::Event(event) = soon(events.recv()).await.unwrap()
            && event.name() == name
        {
            return event;
        }
    }
}

#[tokio::test]
async fn acknowledges_both_ways() {
    let server = Server::start("127.0.0.1:0").await;
    let (client, mut events) = Client::start(settings(server.target()), String::new);
    connected(&mut events).await;
    let answer = client.emit_with_ack("echo", &json!({"a": 1}), Duration::from_secs(5)).await.unwrap();
    assert_eq!(answer.parse::<Value>().unwrap(), json!({"a": 1}));
    client.emit("ask-me", &Value::Null).unwrap();
    let question = event(&mut events, "question").await;
    client.acknowledge(&question, &json!({"forty": 2})).unwrap();
    assert_eq!(event(&mut events, "answered").await.raw(), r#"{"forty":2}"#);
    let silence = client.emit_with_ack("never", &1, Duration::from_millis(100)).await;
    assert!(matches!(silence, Err(EmitError::Timeout)));
}

#[tokio::test]
async fn comes_back_with_fresh_auth_after_the_server_died() {
    let mut server = Server::start("127.0.0.1:0").await;
    let address = server.address.clone();
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let (client, mut events) = Client::start(settings(server.target()), move || {
        json!({"n": count.fetch_add(1, Ordering::Relaxed)}).to_string()
    });
    connected(&mut events).await;
    assert_eq!(soon(server.connects.recv()).await.unwrap().0, json!({"n": 0}));
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.emit_with_ack("never", &1, Duration::from_secs(30)).await }
    });
    server.stop().await;
    while !matches!(soon(events.recv()).await.unwrap(), ClientEvent::Disconnected { .. }) {}
    assert!(matches!(client.emit("note", &1), Err(EmitError::Disconnected)), "fails fast while down");
    assert!(matches!(soon(waiting).await.unwrap(), Err(EmitError::Disconnected)), "ends with the connection");
    while !matches!(soon(events.recv()).await.unwrap(), ClientEvent::ConnectFailed { .. }) {}
    let mut server = Server::start(&address).await;
    connected(&mut events).await;
    let (auth, _) = soon(server.connects.recv()).await.unwrap();
    assert_eq!(auth["n"], asked.load(Ordering::Relaxed) - 1, "asked again for this attempt");
    client.emit("note", &"back").unwrap();
    assert_eq!(soon(server.notes.recv()).await.unwrap(), json!("back"));
}

#[tokio::test]
async fn a_kick_is_told_and_followed_by_a_new_attempt() {
    let server = Server::start("127.0.0.1:0").await;
    let (client, mut events) = Client::start(settings(server.target()), String::new);
    connected(&mut events).await;
    client.emit("kick", &Value::Null).unwrap();
    let reason = loop {
        if let ClientEvent::Disconnected { reason, .. } = soon(events.recv()).await.unwrap() {
            break reason;
        }
    };
    assert!(matches!(reason, Disconnect::Server), "{reason}");
    connected(&mut events).await;
}

#[tokio::test]
async fn closing_writes_what_is_queued_and_ends_the_channel() {
    let mut server = Server::start("127.0.0.1:0").await;
    let (client, mut events) = Client::start(settings(server.target()), String::new);
    connected(&mut events).await;
    for n in 0..100 {
        client.emit("note", &n).unwrap();
    }
    client.close().await;
    for _ in 0..100 {
        soon(server.notes.recv()).await.unwrap();
    }
    while soon(events.recv()).await.is_some() {}
    assert!(!client.is_connected());
}

#[tokio::test]
async fn an_owner_that_does_not_read_stops_the_connection_and_nothing_else() {
    let server = Server::start("127.0.0.1:0").await;
    let (client, mut events) =
        Client::start(ukai_socketio::Settings { queue: 2, ..settings(server.target()) }, String::new);
    connected(&mut events).await;
    for _ in 0..20 {
        while client.emit("binary", &Value::Null).is_err() {
            tokio::task::yield_now().await;
        }
    }
    for _ in 0..20 {
        event(&mut events, "after").await;
    }
}

#[tokio::test]
async fn a_dropped_client_stops_trying() {
    let (client, mut events) = Client::start(settings(target("127.0.0.1:1")), String::new);
    assert!(matches!(soon(events.recv()).await.unwrap(), ClientEvent::ConnectFailed { .. }));
    drop(client);
    while soon(events.recv()).await.is_some() {}
}
