//! Each fault, seen from both ends.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::{Fault, FaultProxy, Faults};

const QUICK: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(5);

/// A proxy with a client and the server's end of its connection.
async fn linked() -> (FaultProxy, TcpStream, TcpStream) {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::to(server.local_addr().unwrap()).await.unwrap();
    let client = TcpStream::connect(proxy.address()).await.unwrap();
    let (accepted, _) = server.accept().await.unwrap();
    (proxy, client, accepted)
}

async fn heard(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    timeout(LONG, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
    bytes
}

#[tokio::test]
async fn passes_both_ways_and_passes_on_the_end() {
    let (_proxy, mut client, mut server) = linked().await;
    client.write_all(b"ping").await.unwrap();
    assert_eq!(heard(&mut server, 4).await, b"ping");
    server.write_all(&vec![7; 1 << 20]).await.unwrap();
    drop(server);
    let mut all = Vec::new();
    timeout(LONG, client.read_to_end(&mut all)).await.unwrap().unwrap();
    assert_eq!(all, vec![7; 1 << 20]);
}

#[tokio::test]
async fn held_bytes_arrive_when_the_fault_ends() {
    let (proxy, mut client, mut server) = linked().await;
    proxy.set(Faults { up: Fault::Hold, down: Fault::None });
    client.write_all(b"late").await.unwrap();
    assert!(timeout(QUICK, server.read_u8()).await.is_err(), "nothing passes");
    server.write_all(b"down").await.unwrap();
    assert_eq!(heard(&mut client, 4).await, b"down", "the other way is sound");
    client.shutdown().await.unwrap();
    assert!(timeout(QUICK, server.read_u8()).await.is_err(), "no end either");
    proxy.set(Faults::default());
    let mut all = Vec::new();
    timeout(LONG, server.read_to_end(&mut all)).await.unwrap().unwrap();
    assert_eq!(all, b"late");
}

#[tokio::test]
async fn replies_are_held_from_a_word_on() {
    let (proxy, mut client, mut server) = linked().await;
    proxy.set(Faults { up: Fault::Hold, down: Fault::None });
    client.write_all(b"say COMMIT").await.unwrap();
    proxy.hold_down_after(b"COMMIT", 2);
    assert!(timeout(QUICK, server.read_u8()).await.is_err(), "what is held isn't said yet");
    proxy.set(Faults::default());
    assert_eq!(heard(&mut server, 10).await, b"say COMMIT");
    server.write_all(b"done").await.unwrap();
    assert_eq!(heard(&mut client, 4).await, b"done", "it was said once");
    client.write_all(b"COMMIT again").await.unwrap();
    assert_eq!(heard(&mut server, 12).await, b"COMMIT again");
    assert_eq!(proxy.faults(), Faults { up: Fault::None, down: Fault::Hold });
    server.write_all(b"done").await.unwrap();
    assert!(timeout(QUICK, client.read_u8()).await.is_err(), "the answer is held");
}

#[tokio::test]
async fn swallowed_bytes_are_lost_and_later_ones_pass() {
    let (proxy, mut client, mut server) = linked().await;
    client.write_all(b"a").await.unwrap();
    assert_eq!(heard(&mut server, 1).await, b"a");
    proxy.set(Faults::both(Fault::Swallow));
    client.write_all(b"b").await.unwrap();
    assert!(timeout(QUICK, server.read_u8()).await.is_err());
    proxy.set(Faults::default());
    client.write_all(b"c").await.unwrap();
    assert_eq!(heard(&mut server, 1).await, b"c");
}

#[tokio::test]
async fn a_delay_moves_bytes_without_slowing_them() {
    let (proxy, mut client, mut server) = linked().await;
    proxy.set(Faults::both(Fault::Delay(Duration::from_millis(200))));
    let begun = Instant::now();
    for _ in 0..20 {
        client.write_all(b"x").await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    heard(&mut server, 20).await;
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(200), "{took:?}");
    assert!(took < Duration::from_secs(2), "twenty delays in a row would take four seconds: {took:?}");
}

#[tokio::test]
async fn a_slow_link_keeps_its_rate() {
    let (proxy, mut client, mut server) = linked().await;
    proxy.set(Faults::both(Fault::Slow(10_000)));
    let begun = Instant::now();
    client.write_all(&[1; 5_000]).await.unwrap();
    heard(&mut server, 5_000).await;
    assert!(begun.elapsed() >= Duration::from_millis(450), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_cut_resets_what_is_there_and_nothing_else() {
    let (proxy, mut client, mut server) = linked().await;
    proxy.cut();
    assert!(timeout(LONG, client.read_u8()).await.unwrap().is_err());
    assert!(timeout(LONG, server.read_u8()).await.unwrap().is_err());
    let (_proxy, mut client, mut server) = linked().await;
    client.write_all(b"n").await.unwrap();
    assert_eq!(heard(&mut server, 1).await, b"n");
}

#[tokio::test]
async fn a_refusing_link_is_a_server_that_is_away() {
    let (proxy, mut client, _server) = linked().await;
    proxy.refuse(true);
    assert!(timeout(LONG, client.read_u8()).await.unwrap().is_err());
    let mut again = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(timeout(LONG, again.read_u8()).await.unwrap().is_err());
}
