//! HTTP in and out of a process: the accept loop, and the address that serves health and metrics.

mod listener;
mod refusals;
mod transport;

pub use listener::{ListenLimits, serve};
pub use refusals::{bearer, failed, refusal, with_fallbacks};
pub use transport::{Transport, TransportHandle};

use crate::health::{Health, routes};
use crate::shutdown::Shutdown;
use anyhow::Context;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that the system keeps until they are accepted: all workers of a gateway that ended come at once. The
/// system may allow fewer (`net.core.somaxconn`).
const BACKLOG: u32 = 4_096;

/// Binds the address that `flag` gave. Errors name the flag.
pub fn bind(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Only the port of a process that has just ended: one that is in use stays refused.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().with_context(|| format!("{flag} {address}"))
}

/// `/healthz`, `/readyz` and `/metrics` without a key, until `stop`. Returns the address that was bound.
///
/// # Errors
/// The address can't be bound.
pub async fn serve_health(
    flag: &str,
    address: SocketAddr,
    health: Health,
    stop: &Shutdown,
) -> anyhow::Result<SocketAddr> {
    let listener = bind(flag, address)?;
    let bound = listener.local_addr()?;
    let (open, metrics) = routes(health);
    let routes = with_fallbacks(open.merge(metrics));
    stop.spawn(serve(listener, routes, stop.clone(), ListenLimits::default()));
    Ok(bound)
}
