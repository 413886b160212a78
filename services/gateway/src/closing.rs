//! Closing a socket for good: the transport itself, after the last word had time to leave.
//!
//! Leaving the namespace alone is no revocation (the client could connect again on the same transport), and it stops
//! the official client from coming back; so that is kept for refused tokens.

use crate::address::Peer;
use crate::session::Session;
use crate::shared::{Shared, wall_clock};
use axum::body::Body;
use http::{Request, header};
use socketioxide::TransportType;
use socketioxide::extract::SocketRef;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;
use ukai_boot::http::TransportHandle;
use ukai_domain::Code;
use ukai_wire::ErrorBody;
use ukai_wire::workers::event;

/// How a session is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It may come back.
    Close,
    /// It can't keep up: there is no room for a last word.
    AtOnce,
    /// Its token is not valid: it should not try again.
    Refuse,
}

/// Between two groups of sockets that are closed one after the other.
const STEP: Duration = Duration::from_millis(100);

/// Ends sessions one by one, evenly spread; few are spread as far as many. Returns when the last was ended.
pub(crate) async fn spread_out(
    shared: &Arc<Shared>,
    sessions: &[Arc<Session>],
    over: Duration,
    reason: &'static str,
) {
    let steps = over.as_millis().div_ceil(STEP.as_millis()).max(1);
    let group = sessions.len().div_ceil(usize::try_from(steps).unwrap_or(1)).max(1);
    let groups = u32::try_from(sessions.len().div_ceil(group)).unwrap_or(u32::MAX).max(1);
    for group in sessions.chunks(group) {
        tokio::time::sleep(over / groups).await;
        group.iter().for_each(|session| end(shared, session, Manner::Close, reason));
    }
}

/// Emits `error`; a full buffer is no trouble here.
pub(crate) fn tell(socket: &SocketRef, code: Code, message: &str) {
    let _ = socket.emit(event::ERROR, &ErrorBody::new(code, message, wall_clock()));
}

/// Ends a session once; `reason` is for the log and the metric.
pub(crate) fn end(shared: &Arc<Shared>, session: &Session, manner: Manner, reason: &'static str) {
    if !session.end() {
        return;
    }
    tracing::info!(session.id = %session.id, address = %session.address, reason, "closing socket");
    shared.metrics.dropped.count(reason);
    if let Some(socket) = session.socket() {
        close(shared, socket, manner);
    }
}

/// Closes the transport under a socket, whatever state it is in.
pub(crate) fn close(shared: &Arc<Shared>, socket: SocketRef, manner: Manner) {
    if manner == Manner::Refuse {
        let _ = socket.clone().disconnect();
    }
    if manner == Manner::AtOnce
        && let Some(handle) = transport(shared, &socket)
    {
        handle.close();
        return;
    }
    let grace = if manner == Manner::AtOnce { Duration::ZERO } else { shared.config.limits.close_grace };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        tokio::time::sleep(grace).await;
        match transport(&shared, &socket) {
            Some(handle) => handle.close(),
            None if socket.transport_type() == TransportType::Polling => {
                close_polling(&shared, &socket).await
            }
            // Behind a listener that is not ours there is nothing to close but the namespace.
            None => {
                let _ = socket.disconnect();
            }
        }
    });
}

/// The transport that carries the socket now; `None` while it polls.
pub(crate) fn transport(shared: &Shared, socket: &SocketRef) -> Option<TransportHandle> {
    if socket.transport_type() == TransportType::Polling {
        return None;
    }
    let own = || socket.req_parts().extensions.get::<Peer>()?.transport.clone();
    shared.upgraded(&socket.id.to_string()).or_else(own)
}

/// A polling client has no standing connection: the engine gets the close packet that the client would have sent.
async fn close_polling(shared: &Shared, socket: &SocketRef) {
    let Some(engine) = shared.engine.get() else { return };
    let request = Request::post(format!("/socket.io/?EIO=4&transport=polling&sid={}", socket.id))
        .header(header::CONTENT_TYPE, "text/plain;charset=UTF-8")
        .body(Body::from("1"));
    if let Ok(request) = request {
        let _ = engine.clone().oneshot(request).await;
    }
}
