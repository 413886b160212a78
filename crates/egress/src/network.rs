//! The machine's own network: names and connections. A seam, so that tests can answer a name as they like.

use std::{
    fmt::Debug,
    io,
    net::{IpAddr, SocketAddr},
};

use futures::future::BoxFuture;
use tokio::net::TcpStream;

/// Resolves names and connects.
pub trait Network: Debug + Send + Sync + 'static {
    /// Every address of a name; an error or an empty list where it has none.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;

    /// Connects to an address.
    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        Box::pin(TcpStream::connect(address))
    }
}

/// The operating system's.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Network for System {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
