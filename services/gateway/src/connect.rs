//! A worker connects: who it is, what it says of itself, and the handlers of everything that follows.

use crate::address::Peer;
use crate::auth::{Bearer, query_value};
use crate::bucket::Bucket;
use crate::closing::{self, Manner};
use crate::inbox::{Item, What};
use crate::packet::AuthText;
use crate::received::Events;
use crate::session::{Phase, Session};
use crate::shared::Shared;
use http::request::Parts;
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::DisconnectReason;
use std::convert::Infallible;
use std::future::ready;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;
use ukai_domain::scheduler::{Connect, Identity, Input};
use ukai_domain::{Code, Rejection, SessionId};
use ukai_wire::workers::ConnectAuth;

/// The namespace of workers.
const NAMESPACE: &str = "/workers";
/// Refused connects on one transport before it is closed at once.
const MAX_REFUSALS: u32 = 3;

/// Registers the namespace.
pub(crate) fn register(io: &SocketIo, shared: &Arc<Shared>) {
    let (before, after) = (Arc::clone(shared), Arc::clone(shared));
    let open = move |socket: SocketRef| async move { opened(&after, socket) };
    // Everything is set up before the client learns that it is connected: its first events find their handlers.
    let prepare = move |socket: SocketRef, auth: AuthText| async move {
        let admitted = authenticate(&before, socket.req_parts(), &auth.0).await;
        if let Ok(session) = &admitted {
            handlers(&before, &socket, session);
        }
        socket.extensions.insert(admitted);
        Ok::<(), Infallible>(())
    };
    io.ns(NAMESPACE, open.with(prepare));
}

type Admitted = Result<Arc<Session>, Rejection>;

fn handlers(shared: &Arc<Shared>, socket: &SocketRef, session: &Arc<Session>) {
    socket.on_fallback(Events { shared: Arc::clone(shared), session: Arc::clone(session) });
    let (ends, its_session) = (Arc::clone(shared), Arc::clone(session));
    socket.on_disconnect(move |reason: DisconnectReason| {
        disconnected(&ends, &its_session, reason);
        ready(())
    });
}

async fn authenticate(shared: &Shared, parts: &Parts, auth: &str) -> Admitted {
    let now = Instant::now();
    let address = address(parts);
    let auth =
        ConnectAuth::parse(auth).map_err(|error| Rejection::new(Code::InvalidPayload, error.to_string()))?;
    let query = parts.uri.query().unwrap_or("");
    let from_query = query_value(query, "token");
    let token = auth.token.as_deref().or(from_query.as_deref()).unwrap_or("");
    let was_charged = from_query.is_none();
    let bearer = shared.auth.bearer(token, now).await.map_err(|error| {
        tracing::warn!(%error, "token could not be looked up");
        Rejection::new(Code::Unavailable, "tokens can't be checked at the moment")
    })?;
    let identity = match bearer {
        Bearer::Worker(worker) => Identity::Worker(worker),
        Bearer::Enrolling => Identity::Enrolled { name: name(&auth, query)? },
        Bearer::Stranger => {
            let message =
                if token.is_empty() { "a worker token is missing" } else { "the worker token is not valid" };
            return Err(Rejection::new(Code::AuthFailed, message));
        }
    };
    if was_charged {
        shared.auth.refund(address);
    }
    let connect = Connect {
        session: SessionId(uuid::Uuid::now_v7()),
        gateway: shared.id,
        identity,
        capacity: auth.capacity,
        capabilities: auth.capabilities,
        in_flight: auth.in_flight,
    };
    let limits = &shared.config.limits;
    let bucket = Bucket::new(limits.events_per_second, limits.event_burst, now);
    Ok(Session::new(connect, address, bucket, &shared.metrics.sessions_held))
}

fn address(parts: &Parts) -> IpAddr {
    parts.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.address)
}

fn name(auth: &ConnectAuth, query: &str) -> Result<Option<String>, Rejection> {
    if auth.name.is_some() {
        return Ok(auth.name.clone());
    }
    let checked = query_value(query, "name").filter(|n| !n.is_empty()).map(|n| ConnectAuth::checked_name(&n));
    checked.transpose().map_err(|m| Rejection::new(Code::InvalidPayload, format!("connect: name: {m}")))
}

fn opened(shared: &Arc<Shared>, socket: SocketRef) {
    match socket.extensions.remove::<Admitted>() {
        Some(Ok(session)) => open(shared, &session, socket),
        Some(Err(rejection)) => refuse(shared, socket, &rejection),
        None => closing::close(shared, socket, Manner::AtOnce),
    }
}

fn open(shared: &Arc<Shared>, session: &Arc<Session>, socket: SocketRef) {
    let connect = Item::new(session, &Input::Connect(session.connect.clone()), What::Connect, None);
    let mut state = session.lock();
    let Phase::Opening(early) = &mut state.phase else { return };
    let early = std::mem::take(early);
    state.phase = Phase::Open(socket);
    shared.sessions.add(session);
    shared.metrics.sessions.inc();
    session.hear(shared.now_ms());
    for item in connect.into_iter().chain(early) {
        shared.inbox.push_always(item);
    }
    drop(state);
    tracing::info!(session.id = %session.id, address = %session.address, "worker connected");
}

fn refuse(shared: &Arc<Shared>, socket: SocketRef, rejection: &Rejection) {
    shared.metrics.connect_refused(rejection.code);
    let address = address(socket.req_parts());
    tracing::info!(%address, code = rejection.code.as_str(), message = %rejection.message, "connect refused");
    closing::tell(&socket, rejection.code, &rejection.message);
    let refusals = closing::transport(shared, &socket).map_or(0, |handle| handle.refused());
    // A client that should try again later loses its transport, one without a valid token leaves the namespace.
    let manner = match rejection.code {
        _ if refusals > MAX_REFUSALS => Manner::AtOnce,
        Code::Unavailable => Manner::Close,
        _ => Manner::Refuse,
    };
    closing::close(shared, socket, manner);
}

fn disconnected(shared: &Arc<Shared>, session: &Arc<Session>, reason: DisconnectReason) {
    session.end();
    let before = std::mem::replace(&mut session.lock().phase, Phase::Closed);
    let Phase::Open(_) = before else { return };
    if shared.sessions.remove(session.id) {
        shared.metrics.sessions.dec();
    }
    let reason = reason.to_string();
    tracing::info!(session.id = %session.id, reason, "worker disconnected");
    // While nobody can be told, workers come and go: of those who have gone nothing is kept.
    if session.is_gone() && shared.inbox.take_back(session) {
        return;
    }
    let input = Input::Disconnect { session: session.id, reason };
    if let Some(item) = Item::new(session, &input, What::Disconnect, None) {
        shared.inbox.push_always(item);
    }
}
