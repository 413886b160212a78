//! The accept loop: what the stock server leaves open (silent headers, dead peers, no cap) is closed here.

use super::transport::{Transport, TransportHandle};
use crate::Shutdown;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// Bounds of one listener.
#[derive(Clone, Copy, Debug)]
pub struct ListenLimits {
    /// Connections at once; further ones are closed unanswered.
    pub connections: u32,
    /// A request's headers must be there by then.
    pub header_timeout: Duration,
    /// After the stop signal open requests may finish; then every transport is closed.
    pub drain: Duration,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self { connections: 20_000, header_timeout: Duration::from_secs(10), drain: Duration::from_secs(5) }
    }
}

/// Unacknowledged bytes longer than this: the peer is dead.
const USER_TIMEOUT: Duration = Duration::from_secs(20);
/// Wait after an accept that failed for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts until the stop signal, lets open requests finish, then closes what is left. Requests find their
/// [`TransportHandle`] in their extensions, and axum's `ConnectInfo<SocketAddr>`.
pub async fn serve(listener: TcpListener, router: axum::Router, shutdown: Shutdown, limits: ListenLimits) {
    let permits = Arc::new(Semaphore::new(limits.connections as usize));
    let open = Open::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.stopping() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match Arc::clone(&permits).try_acquire_owned() {
                Ok(permit) => {
                    prepare(&stream);
                    let transport = Transport::new(stream, permit);
                    let handle = open.add(peer, &transport);
                    tokio::spawn(connection(
                        transport,
                        handle,
                        peer,
                        router.clone(),
                        shutdown.clone(),
                        limits,
                    ));
                }
                Err(_) => tracing::warn!(%peer, limit = limits.connections, "connection limit reached"),
            },
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all_closed = || async { permits.acquire_many(limits.connections).await.is_ok() };
    if tokio::time::timeout(limits.drain, all_closed()).await.is_err() {
        open.close_all();
        let _given_up = tokio::time::timeout(Duration::from_secs(2), all_closed()).await;
    }
}

fn prepare(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(5))
        .with_retries(3);
    // Each fails only on a connection that the peer reset already; its first read tells.
    let _ = stream.set_nodelay(true);
    let _ = socket.set_tcp_keepalive(&keepalive);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(USER_TIMEOUT));
}

async fn connection(
    transport: Transport,
    handle: TransportHandle,
    peer: SocketAddr,
    router: axum::Router,
    shutdown: Shutdown,
    limits: ListenLimits,
) {
    let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let mut request = request.map(axum::body::Body::new);
        let extensions = request.extensions_mut();
        extensions.insert(axum::extract::ConnectInfo(peer));
        extensions.insert(handle.clone());
        router.clone().oneshot(request)
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout);
    let connection = http.serve_connection(TokioIo::new(transport), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shutdown.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "connection ended early");
    }
}

/// The transports that are open, to be closed at the end.
#[derive(Clone, Default)]
struct Open(Arc<Mutex<(HashMap<SocketAddr, TransportHandle>, usize)>>);

impl Open {
    fn add(&self, peer: SocketAddr, transport: &Transport) -> TransportHandle {
        let handle = transport.handle();
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (open, next_sweep) = &mut *guard;
        open.insert(peer, handle.clone());
        if open.len() > *next_sweep {
            open.retain(|_, h| !h.is_gone());
            *next_sweep = open.len() * 2 + 64;
        }
        handle
    }

    fn close_all(&self) {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        guard.0.values().for_each(TransportHandle::close);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thousand_connections_wait_to_be_accepted() {
        let listener = super::super::bind("--listen", "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        for number in 0..1_000 {
            // One that finds no room is tried again after a second.
            let connect = tokio::time::timeout(Duration::from_secs(20), TcpStream::connect(address));
            waiting.push(connect.await.unwrap_or_else(|_| panic!("no room for number {number}")).unwrap());
        }
        assert!(super::super::bind("--listen", address).is_err(), "the port is in use");
    }

    #[tokio::test]
    async fn accepted_connections_notice_a_dead_peer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (stream, _client) = (accepted.unwrap().0, client.unwrap());
        prepare(&stream);
        let socket = SockRef::from(&stream);
        assert!(stream.nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(15));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(5));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(20)));
    }
}
