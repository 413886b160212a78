//! A client without manners: frames as the test writes them.

use super::{ENROLL_QUERY, Server, soon};
use futures::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub(crate) struct Raw(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Raw {
    /// Upgraded, the open packet read, connected to no namespace.
    pub(crate) async fn open(server: &Server, token: &str) -> Self {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket&token={token}", server.address);
        let (socket, _) = soon(tokio_tungstenite::connect_async(url)).await.unwrap();
        let mut raw = Self(socket);
        assert!(raw.text().await.unwrap().starts_with("0{"));
        raw
    }

    /// Connected and registered.
    pub(crate) async fn worker(server: &Server) -> Self {
        let mut raw = Self::open(server, ENROLL_QUERY).await;
        raw.send("40/workers,").await;
        assert!(raw.text().await.unwrap().starts_with("40/workers,{"));
        assert!(raw.text().await.unwrap().starts_with("42/workers,[\"worker:registered\""));
        raw
    }

    pub(crate) async fn send(&mut self, text: &str) {
        // The server may have closed already; the reading side tells.
        let _ = soon(self.0.send(Message::text(text))).await;
    }

    pub(crate) async fn send_binary(&mut self, bytes: &[u8]) {
        let _ = soon(self.0.send(Message::binary(bytes.to_vec()))).await;
    }

    /// The next text, pings of the engine apart; `None` once the server closed.
    pub(crate) async fn text(&mut self) -> Option<String> {
        loop {
            match soon(self.0.next()).await {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => self.send("3").await,
                Some(Ok(Message::Text(text))) if text.as_str() == "1" => return None,
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }
}

/// One HTTP exchange on a connection of its own: status line and body.
pub(crate) async fn http(server: &Server, request: &str) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is an answer too.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::time::timeout(Duration::from_secs(10), exchange).await.expect("no answer within ten seconds")
}

pub(crate) fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n{headers}\r\n")
}

pub(crate) fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
