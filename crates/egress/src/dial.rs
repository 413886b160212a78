//! From a target to a connection: resolve once, judge every address, connect to one of those.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::net::TcpStream;
use url::Host;

use crate::{Network, Policy, Target, Trouble, Upstream};

/// The longest wait for a name and for a connection.
const RESOLVE: Duration = Duration::from_secs(8);
const CONNECT: Duration = Duration::from_secs(15);
/// An address that has not answered by then gets a rival.
const STAGGER: Duration = Duration::from_millis(300);
const MOST_NAMES: usize = 512;
const MOST_ADDRESSES: usize = 8;

#[derive(Debug)]
pub(crate) struct Dialer {
    pub(crate) policy: Policy,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) upstream: Option<Upstream>,
    /// How long an answer stands in for asking again; a browser opens many connections to one host.
    pub(crate) remember: Duration,
    known: Mutex<HashMap<String, (Instant, Vec<IpAddr>)>>,
}

impl Dialer {
    pub(crate) fn new(
        policy: Policy,
        network: Arc<dyn Network>,
        upstream: Option<Upstream>,
        remember: Duration,
    ) -> Self {
        Self { policy, network, upstream, remember, known: Mutex::default() }
    }

    /// A connection to `target`, if it is allowed and there.
    pub(crate) async fn dial(&self, target: &Target) -> Result<TcpStream, Trouble> {
        let addresses = self.checked(target).await?;
        let connected = tokio::time::timeout(CONNECT, self.race(&addresses)).await;
        let stream = match connected {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                self.forget(target);
                return Err(Trouble::Failed(word(&error)));
            }
            Err(_) => {
                self.forget(target);
                return Err(Trouble::Failed("net::ERR_CONNECTION_TIMED_OUT"));
            }
        };
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    /// The target's addresses, each judged.
    pub(crate) async fn checked(&self, target: &Target) -> Result<Vec<SocketAddr>, Trouble> {
        self.policy.check_target(target).map_err(Trouble::Refused)?;
        let ips = match &target.host {
            Host::Ipv4(ip) => vec![IpAddr::V4(*ip)],
            Host::Ipv6(ip) => vec![IpAddr::V6(*ip)],
            Host::Domain(name) => self.resolve(name).await?,
        };
        // One private address among public ones is refused too: there is no honest reason for such an answer.
        for ip in &ips {
            self.policy.check_answer(target, *ip).map_err(Trouble::Refused)?;
        }
        Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, target.port)).collect())
    }

    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, Trouble> {
        if let Some((at, ips)) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name)
            && at.elapsed() < self.remember
        {
            return Ok(ips.clone());
        }
        let mut ips = match tokio::time::timeout(RESOLVE, self.network.resolve(name)).await {
            Ok(Ok(ips)) if !ips.is_empty() => ips,
            Ok(_) => return Err(Trouble::Failed("net::ERR_NAME_NOT_RESOLVED")),
            Err(_) => return Err(Trouble::Failed("net::ERR_DNS_TIMED_OUT")),
        };
        ips.truncate(MOST_ADDRESSES);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_NAMES {
            known.clear();
        }
        known.insert(name.to_owned(), (Instant::now(), ips.clone()));
        Ok(ips)
    }

    fn forget(&self, target: &Target) {
        if let Host::Domain(name) = &target.host {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        }
    }

    /// The first address that answers; each later one starts when its predecessor failed or is slow.
    async fn race(&self, addresses: &[SocketAddr]) -> io::Result<TcpStream> {
        let mut waiting = addresses.iter();
        let mut racing = FuturesUnordered::new();
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        loop {
            match waiting.next() {
                Some(address) => racing.push(self.connect(*address)),
                None if racing.is_empty() => return Err(last),
                None => {}
            }
            let patience = if waiting.len() == 0 { CONNECT } else { STAGGER };
            match tokio::time::timeout(patience, racing.next()).await {
                Ok(Some(Ok(stream))) => return Ok(stream),
                Ok(Some(Err(error))) => last = error,
                Ok(None) | Err(_) => {}
            }
        }
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        match &self.upstream {
            None => self.network.connect(address).await,
            Some(upstream) => upstream.connect(&*self.network, address).await,
        }
    }
}

/// A failure in the browser's own words, for whom a proxy's failures all look alike.
fn word(error: &io::Error) -> &'static str {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, PermissionDenied, TimedOut,
    };
    match error.kind() {
        ConnectionRefused => "net::ERR_CONNECTION_REFUSED",
        ConnectionReset => "net::ERR_CONNECTION_RESET",
        TimedOut => "net::ERR_CONNECTION_TIMED_OUT",
        HostUnreachable | NetworkUnreachable => "net::ERR_ADDRESS_UNREACHABLE",
        PermissionDenied => "net::ERR_TUNNEL_CONNECTION_FAILED",
        _ => "net::ERR_CONNECTION_FAILED",
    }
}
