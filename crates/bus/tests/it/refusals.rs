//! What can't work is said: at the start, and for each message that is too large.

use crate::world::{Nats, World, soon};
use bytes::Bytes;
use prometheus_client::registry::Registry;
use std::fs;
use std::time::Duration;
use ukai_bus::{Bus, BusError, ConnectError, NatsBus, NatsOptions};
use ukai_testkit::nats::NatsServer;

async fn refused(options: NatsOptions) -> ConnectError {
    soon(NatsBus::connect(options, &mut Registry::default())).await.expect_err("refused")
}

#[tokio::test]
async fn a_wrong_password_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("nats.conf");
    fs::write(&config, "authorization { users: [ { user: me, password: $PASSWORD } ] }").unwrap();
    let server = NatsServer::with_config(&config, &[("PASSWORD", "right")]).unwrap();
    let options = |url: String| NatsOptions::new(&url, "test").unwrap();
    let address = server.address();
    for wrong in [
        options(server.url()),
        options(format!("nats://me:wrong@{address}")),
        options(server.url()).user("me", "wrong"),
    ] {
        let error = refused(wrong).await;
        assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
        assert!(error.to_string().contains(&address) && !error.to_string().contains("wrong"), "{error}");
    }
    for right in [options(format!("nats://me:right@{address}")), options(server.url()).user("me", "right")] {
        let bus = NatsBus::connect(right, &mut Registry::default()).await.unwrap();
        bus.publish("ukai.x", Bytes::new()).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_without_tls_is_said_at_the_start() {
    let server = NatsServer::start().unwrap();
    let options = NatsOptions::new(&format!("tls://{}", server.address()), "test").unwrap();
    let error = refused(options).await;
    assert!(matches!(error, ConnectError::Tls { .. }), "{error}");
    let options = NatsOptions::new(&server.url(), "test").unwrap().tls(true, Some("/nowhere/ca.pem".into()));
    let error = refused(options).await;
    assert!(matches!(error, ConnectError::File { .. }) && error.to_string().contains("ca.pem"), "{error}");
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_at_once() {
    let world = Nats::new().await;
    let (user, serving) = (world.user().await, world.user().await);
    let mut requests = serving.serve("ukai.large").await.unwrap();
    let large = Bytes::from(vec![0_u8; (1 << 20) + 1]);
    assert_eq!(user.publish("ukai.large", large.clone()).await, Err(BusError::TooLarge));
    let answer = user.request("ukai.large", large, Duration::from_secs(10)).await;
    assert_eq!(answer, Err(BusError::TooLarge));
    // One that just fits passes, and the connection stands as before.
    let connects = user.status().borrow().connects;
    let echo = tokio::spawn(async move {
        let request = requests.recv().await.unwrap();
        let payload = request.payload.clone();
        request.respond(payload);
    });
    let fits = Bytes::from(vec![7_u8; 1 << 20]);
    let answer = user.request("ukai.large", fits.clone(), Duration::from_secs(10)).await;
    assert_eq!(answer.unwrap(), fits);
    soon(echo).await.unwrap();
    assert_eq!(user.status().borrow().connects, connects);
}
