//! The sample shop: a small web shop on loopback that the demo scrapes and tests measure against.
//!
//! Every page is a pure function of (seed, path), so [`Shop::truth`] knows what a reader of it must find.

mod catalog;
mod pages;
mod routes;
mod truth;

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use catalog::{Catalog, Item, Money};
pub use truth::Truth;

/// The seed of the shop that the demo shows.
pub const SEED: u64 = 7;

/// Paths beyond this number are served but no longer counted.
const MAX_COUNTED_PATHS: usize = 100_000;

/// A shop; clones share their counters.
#[derive(Clone)]
pub struct Shop {
    catalog: Catalog,
    requests: Arc<Mutex<HashMap<String, u64>>>,
}

/// A running shop; it stops when this is dropped or stopped.
pub struct ShopHandle {
    /// Its counters and truths.
    pub shop: Shop,
    stop: CancellationToken,
    server: Option<JoinHandle<io::Result<()>>>,
}

impl Shop {
    /// A shop whose goods follow from the seed.
    pub fn new(seed: u64) -> Self {
        Shop { catalog: Catalog::new(seed), requests: Arc::default() }
    }

    /// Serves a shop with [`SEED`] at the address (port 0: any free one) and gives its base URL without a
    /// closing slash. Errors: the address can't be bound.
    pub async fn start(addr: SocketAddr) -> io::Result<(String, ShopHandle)> {
        Shop::new(SEED).start_at(addr).await
    }

    /// As [`Shop::start`], for this shop.
    pub async fn start_at(self, addr: SocketAddr) -> io::Result<(String, ShopHandle)> {
        let listener = TcpListener::bind(addr).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let stop = CancellationToken::new();
        let server = tokio::spawn(self.clone().serve(listener, stop.clone().cancelled_owned()));
        Ok((base_url, ShopHandle { shop: self, stop, server: Some(server) }))
    }

    /// Serves until `shutdown` is ready. Open connections end with it.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let stop = CancellationToken::new();
        let server = axum::serve(listener, self.router()).with_graceful_shutdown({
            let stop = stop.clone();
            async move {
                shutdown.await;
                stop.cancel();
            }
        });
        // A slow page must not hold up the end: a second after the signal the rest is cut.
        tokio::select! {
            served = async { server.await } => served,
            () = async { stop.cancelled().await; tokio::time::sleep(std::time::Duration::from_secs(1)).await } => Ok(()),
        }
    }

    /// The goods.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What a reader of the page must find; `None` for a path that the shop serves as 404.
    /// The path may carry a query and a `http://host` in front.
    pub fn truth(&self, path: &str) -> Option<Truth> {
        truth::truth(&self.catalog, path)
    }

    /// How often a path (without its query) was asked for.
    pub fn requests(&self, path: &str) -> u64 {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied().unwrap_or(0)
    }

    /// Requests to all paths.
    pub fn total_requests(&self) -> u64 {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Counts a request and says how many there were of that path, this one included.
    fn count(&self, path: &str) -> u64 {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() >= MAX_COUNTED_PATHS && !requests.contains_key(path) {
            return 1;
        }
        let n = requests.entry(path.to_owned()).or_insert(0);
        *n += 1;
        *n
    }
}

impl ShopHandle {
    /// Stops the server and waits for its end. Errors: those of accepting connections.
    pub async fn stop(mut self) -> io::Result<()> {
        self.stop.cancel();
        match self.server.take() {
            Some(server) => server.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}

impl Drop for ShopHandle {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests;
