//! What comes with an upgrade, or in pieces larger than any buffer, is read whole.

use crate::kit::raw::Raw;
use crate::kit::{ENROLL_QUERY, Server, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A text of less than 126 bytes as a client's frame; its mask changes nothing.
fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

#[tokio::test]
async fn frames_in_one_piece_with_the_request_are_not_lost() {
    let (server, _leader) = Server::start().await;
    let mut bytes = format!(
        "GET /socket.io/?EIO=4&transport=websocket&token={ENROLL_QUERY} HTTP/1.1\r\nHost: gateway.test\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes();
    bytes.extend(frame("40/workers,"));
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    soon(async {
        while !String::from_utf8_lossy(&answer).contains("[\"worker:registered\"") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed");
        }
    })
    .await;
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    assert!(answer.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{answer}");
    assert!(answer.contains("40/workers,{"), "{answer}");
}

#[tokio::test]
async fn messages_of_any_size_are_read_whole_and_in_order() {
    let (server, _leader) = Server::start().await;
    let mut raw = Raw::worker(&server).await;
    for (number, bytes) in [0, 100, 500, 20_000, 400_000, 10].into_iter().enumerate() {
        let status = "x".repeat(bytes);
        raw.send(&format!("42/workers,{number}[\"worker:heartbeat\",{{\"status\":\"{status}\"}}]")).await;
    }
    let mut acks = Vec::new();
    while acks.len() < 6 {
        let text = raw.text().await.unwrap();
        if let Some(ack) = text.strip_prefix("43/workers,") {
            acks.push(ack.split_once('[').unwrap().0.parse::<usize>().unwrap());
        }
    }
    assert_eq!(acks, (0..6).collect::<Vec<_>>());
}
