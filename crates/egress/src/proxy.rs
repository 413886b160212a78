//! The proxy itself: listens on loopback, judges each request, and tells afterwards why one came to nothing.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::{
    Network, Policy, System, Target, Trouble, Upstream,
    dial::Dialer,
    forward::{Lane, Reply, nothing},
    trouble::Troubles,
};

const MOST_CONNECTIONS: usize = 1_024;
const HEAD: Duration = Duration::from_secs(60);
const TUNNEL: Duration = Duration::from_secs(3_600);

/// What a proxy is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What may be reached.
    pub policy: Policy,
    /// The network behind it.
    pub network: Arc<dyn Network>,
    /// Another proxy to go through.
    pub upstream: Option<Upstream>,
    /// How long a name's addresses stand in for asking again.
    pub remember: Duration,
}

impl Settings {
    /// The operating system's network, without an upstream; names are remembered for half a minute.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { policy, network: Arc::new(System), upstream: None, remember: Duration::from_secs(30) }
    }
}

/// A running proxy; dropping it ends it and everything that flows through it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Shared {
    dialer: Dialer,
    troubles: Troubles,
    stop: CancellationToken,
}

impl Proxy {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// There is none.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let dialer = Dialer::new(settings.policy, settings.network, settings.upstream, settings.remember);
        let shared = Arc::new(Shared { dialer, troubles: Troubles::default(), stop: stop.clone() });
        tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, _stop: stop.drop_guard() })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Why the last request to a target came to nothing, if it did within the last two minutes.
    #[must_use]
    pub fn trouble(&self, target: &Target) -> Option<Trouble> {
        self.shared.troubles.of(target)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, Arc::clone(&shared), Arc::new(place)));
            }
            Err(error) => {
                tracing::warn!(%error, "the egress guard can't accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, place: Arc<OwnedSemaphorePermit>) {
    let _ = stream.set_nodelay(true);
    let lane = Arc::new(Mutex::new(Lane::default()));
    let stop = shared.stop.clone();
    let service = service_fn(move |request| {
        answer(Arc::clone(&shared), Arc::clone(&lane), Arc::clone(&place), request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(256 << 10)
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::select! {
        // An error is a browser that went away, or a refusal that was told already.
        _ = connection => {}
        () = stop.cancelled() => {}
    }
}

/// No answer: the connection closes.
#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Closed;

async fn answer(
    shared: Arc<Shared>,
    lane: Arc<Mutex<Lane>>,
    place: Arc<OwnedSemaphorePermit>,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Closed> {
    if request.method() == Method::CONNECT {
        return Ok(tunnel(&shared, place, request).await);
    }
    let Ok(url) = Url::parse(&request.uri().to_string()) else { return Ok(status(StatusCode::BAD_REQUEST)) };
    // TLS is the browser's own business: an https address without a tunnel is none of its requests.
    if url.scheme() != "http" {
        return Ok(status(StatusCode::BAD_REQUEST));
    }
    let target = Target::of(&url).map_err(|_| Closed)?;
    let forwarded = lane.lock().await.forward(&shared.dialer, (&target, &url), request).await;
    forwarded.inspect(|_| shared.troubles.clear(&target)).map_err(|trouble| {
        shared.note(&target, trouble);
        Closed
    })
}

async fn tunnel(
    shared: &Arc<Shared>,
    place: Arc<OwnedSemaphorePermit>,
    request: Request<Incoming>,
) -> Response<Reply> {
    let asked = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let Ok(target) = Target::parse(&asked) else { return status(StatusCode::BAD_REQUEST) };
    let mut onward = match shared.dialer.dial(&target).await {
        Ok(onward) => onward,
        Err(trouble) => {
            let refused = matches!(trouble, Trouble::Refused(_));
            shared.note(&target, trouble);
            return status(if refused { StatusCode::FORBIDDEN } else { StatusCode::BAD_GATEWAY });
        }
    };
    shared.troubles.clear(&target);
    let stop = shared.stop.clone();
    tokio::spawn(async move {
        let _place = place;
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        let mut browser = TokioIo::new(upgraded);
        let flow = tokio::io::copy_bidirectional(&mut browser, &mut onward);
        tokio::select! {
            _ = tokio::time::timeout(TUNNEL, flow) => {}
            () = stop.cancelled() => {}
        }
    });
    status(StatusCode::OK)
}

fn status(status: StatusCode) -> Response<Reply> {
    let mut response = Response::new(nothing());
    *response.status_mut() = status;
    response
}

impl Shared {
    fn note(&self, target: &Target, trouble: Trouble) {
        match &trouble {
            Trouble::Refused(refusal) => tracing::info!(
                target.port = target.port,
                rule = refusal.rule,
                "a request of a page is refused"
            ),
            Trouble::Failed(why) => tracing::debug!(why, "a request of a page can't be passed on"),
        }
        self.troubles.tell(target, trouble);
    }
}
