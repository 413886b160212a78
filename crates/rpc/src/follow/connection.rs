//! One HTTP/2 connection to a scheduler. It tells a request that was never sent from one that was.

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// A peer that answers no ping in time is gone: without these a silent one is never noticed.
const PING_EVERY: Duration = Duration::from_secs(10);
const PONG_WITHIN: Duration = Duration::from_secs(5);

/// A connection; clones share it.
#[derive(Clone)]
pub(super) struct Link {
    address: Arc<str>,
    pub(super) sender: SendRequest<Full<Bytes>>,
}

impl Link {
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.address, &other.address)
    }
}

/// Connects to `host:port`; `None` where nobody answers there within `limit`.
pub(super) async fn open(address: &str, limit: Duration) -> Option<Link> {
    let connecting = async {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .adaptive_window(true)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PONG_WITHIN)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>((sender, connection))
    };
    match tokio::time::timeout(limit, connecting).await {
        Ok(Ok((sender, connection))) => {
            tracing::debug!(leader.address = address, "connected to the scheduler");
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "the connection to the scheduler ended");
                }
            });
            Some(Link { address: address.into(), sender })
        }
        Ok(Err(error)) => {
            tracing::debug!(leader.address = address, %error, "can't connect to the scheduler");
            None
        }
        Err(_) => {
            tracing::debug!(leader.address = address, "the scheduler's address doesn't answer");
            None
        }
    }
}
