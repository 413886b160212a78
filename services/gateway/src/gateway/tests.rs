//! What a gateway keeps of requests that it refuses, seen from inside.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use ukai_boot::http::{ListenLimits, serve};
use ukai_bus::LocalBus;
use ukai_store::sqlite::SqliteStore;

#[tokio::test]
async fn invented_sessions_leave_nothing() {
    const REQUESTS: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    let reads = SqliteStore::open(folder.path()).unwrap();
    let mut registry = Registry::default();
    let gateway = Gateway::new(Config::default(), Arc::new(LocalBus::new()), reads, &mut registry);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    shutdown.spawn(serve(listener, gateway.routes(), shutdown.clone(), ListenLimits::default()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut heard = String::new();
    for number in 0..REQUESTS {
        let sid = format!("{number}{}", "x".repeat(1_000));
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket&sid={sid} HTTP/1.1\r\nHost: {address}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        while heard.matches("HTTP/1.1 ").count() <= number || !heard.ends_with('}') {
            let mut part = [0; 4_096];
            let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut part)).await.unwrap();
            let read = read.unwrap();
            assert!(read > 0, "the connection ended: {heard}");
            heard.push_str(std::str::from_utf8(&part[..read]).unwrap());
        }
    }
    assert_eq!(heard.matches("HTTP/1.1 400").count(), REQUESTS, "{heard}");
    assert_eq!(gateway.shared.upgrades_noted(), 0);
    shutdown.finish(Duration::from_secs(5)).await;
}
