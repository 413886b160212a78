//! The upgrade of a request that begins with WebSocket, made here instead of by the socket library: its own way keeps the
//! request's headers and extensions, and what HTTP needed around the stream, for as long as the socket lives. Measured, that
//! is 1.8 KB of what an idle socket costs. A client that polls first takes the library's way.

use crate::address::Peer;
use crate::auth::query_value;
use crate::shared::Shared;
use crate::stream::Stream;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use std::sync::Arc;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tower::Service;

/// The answer to a request that the library would upgrade to a new session; `None` for every other: it is left to the
/// library, which also knows how to refuse it.
pub(crate) fn accept(shared: &Arc<Shared>, request: &mut Request, peer: &Peer) -> Option<Response> {
    let key = key(request)?;
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::UPGRADE, HeaderValue::from_static("websocket"))
        .header(header::CONNECTION, HeaderValue::from_static("Upgrade"))
        .header(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()))
        .body(Body::empty())
        .ok()?;
    let kept = kept(request.uri(), peer)?;
    let upgrade = hyper::upgrade::on(request);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        // A client that is gone before its upgrade is done never had a session.
        let (Ok(upgraded), Some(engine)) = (upgrade.await, shared.engine.get()) else { return };
        if let Err(error) = engine.clone().call((Stream::new(upgraded), kept)).await {
            tracing::debug!(%error, "upgrade refused");
        }
    });
    Some(response)
}

/// What the client proves its handshake with, if the request is one that begins a session.
fn key(request: &Request) -> Option<&HeaderValue> {
    let (headers, query) = (request.headers(), request.uri().query()?);
    let is = |name: HeaderName, word: &str| has_word(headers, &name, word);
    let begins = query.split('&').any(|pair| pair == "EIO=4")
        && query_value(query, "transport").as_deref() == Some("websocket")
        && query_value(query, "sid").is_none();
    let upgrades = request.method() == Method::GET
        && is(header::UPGRADE, "websocket")
        && is(header::CONNECTION, "upgrade")
        && is(header::SEC_WEBSOCKET_VERSION, "13");
    headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| begins && upgrades)
}

/// Whether a header has this word among others.
fn has_word(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
}

/// The request that the library keeps: the address, which it parses, copied out of the read buffer, and who it is.
fn kept(uri: &Uri, peer: &Peer) -> Option<http::Request<()>> {
    let uri = Uri::try_from(uri.to_string()).ok()?;
    let mut request = http::Request::new(());
    *request.uri_mut() = uri;
    request.extensions_mut().insert(peer.clone());
    Some(request)
}

#[cfg(test)]
mod tests;
