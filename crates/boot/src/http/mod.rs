//! HTTP in and out of a process: the accept loop, and the address that serves health and metrics.

mod listener;
mod transport;

pub use listener::{ListenLimits, serve};
pub use transport::{Transport, TransportHandle};

use crate::health::{Health, routes};
use crate::shutdown::Shutdown;
use anyhow::Context;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Binds the address that `flag` gave. Errors name the flag.
pub async fn bind(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{flag} {address}"))
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
    let listener = bind(flag, address).await?;
    let bound = listener.local_addr()?;
    let (open, metrics) = routes(health);
    stop.spawn(serve(listener, open.merge(metrics), stop.clone(), ListenLimits::default()));
    Ok(bound)
}
