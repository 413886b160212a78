//! The door before any upgrade: origin, rate of handshakes, strangers by address. Repeating is cheap for us.

use crate::address::Peer;
use crate::auth::{Bearer, query_value};
use crate::bucket::Bucket;
use crate::lean;
use crate::shared::Shared;
use crate::upgrade;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use ukai_boot::http::{TransportHandle, refusal};
use ukai_domain::Code;

/// The gateway and its bucket of handshakes.
pub(crate) struct Door {
    shared: Arc<Shared>,
    handshakes: Mutex<Bucket>,
}

impl Door {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let rate = shared.config.limits.handshakes_per_second;
        Self { shared, handshakes: Mutex::new(Bucket::new(rate, rate, Instant::now())) }
    }
}

/// The middleware around `/socket.io/`.
pub(crate) async fn admit(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let shared = &door.shared;
    let origin = match allowed_origin(&shared.config.origins, request.headers()) {
        Ok(origin) => origin,
        Err(message) => {
            shared.metrics.handshakes_refused.count("origin");
            return refusal(Code::Forbidden, message);
        }
    };
    let mut response =
        if request.method() == Method::OPTIONS { preflight() } else { let_in(&door, request, next).await };
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}

/// What a page of another origin may ask for: long polling, with its token in a header, too.
fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn let_in(door: &Door, mut request: Request, next: Next) -> Response {
    let shared = &door.shared;
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let address = shared.config.trusted_proxies.client(peer, request.headers());
    let peer = Peer { address, transport: request.extensions().get::<TransportHandle>().cloned() };
    let query = request.uri().query().unwrap_or("");
    let sid = query_value(query, "sid");
    if sid.is_none() {
        let token = query_value(query, "token");
        if let Err(response) = handshake(door, address, token.as_deref()).await {
            return response;
        }
    }
    let transport = peer.transport.clone();
    let response = match upgrade::accept(shared, &mut request, &peer) {
        Some(response) => response,
        None => {
            lean::own(&mut request);
            request.extensions_mut().insert(peer);
            next.run(request).await
        }
    };
    // The engine knows the session, or it would not have upgraded: anybody can send a name.
    if let (Some(sid), Some(transport), StatusCode::SWITCHING_PROTOCOLS) = (sid, transport, response.status())
    {
        shared.note_upgrade(&sid, transport);
    }
    response
}

async fn handshake(door: &Door, address: IpAddr, token: Option<&str>) -> Result<(), Response> {
    let (shared, now) = (&door.shared, Instant::now());
    if shared.refuses.load(Ordering::Relaxed) {
        shared.metrics.handshakes_refused.count("cut_off");
        return Err(refusal(Code::Unavailable, "this gateway is cut off, try another"));
    }
    if shared.departs.load(Ordering::Relaxed) {
        shared.metrics.handshakes_refused.count("draining");
        return Err(refusal(Code::Unavailable, "this gateway is about to end, try another"));
    }
    let known = token.and_then(|token| shared.auth.remembered(token, now));
    let is_welcome = matches!(known, Some(Bearer::Worker(_) | Bearer::Enrolling));
    if !is_welcome && !shared.auth.charge(address, now) {
        shared.metrics.handshakes_refused.count("address");
        let message = "too many connects without a valid token from this address";
        return Err(refusal(Code::RateLimited, message));
    }
    // Before anything is read: who is sent away must be cheap.
    if !door.handshakes.lock().unwrap_or_else(PoisonError::into_inner).take(now) {
        if known.is_none() {
            shared.auth.refund(address);
        }
        shared.metrics.handshakes_refused.count("gateway");
        return Err(refusal(Code::Unavailable, "too many connects at once"));
    }
    if let (None, Some(token)) = (known, token)
        && matches!(shared.auth.bearer(token, now).await, Ok(Bearer::Worker(_)))
    {
        shared.auth.refund(address);
    }
    Ok(())
}

/// `Ok(Some)` for an allowed foreign origin, `Ok(None)` for the own one or none at all.
fn allowed_origin(allowed: &[String], headers: &HeaderMap) -> Result<Option<HeaderValue>, String> {
    let Some(value) = headers.get(header::ORIGIN) else { return Ok(None) };
    let origin = value.to_str().unwrap_or("").to_ascii_lowercase();
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or("");
    if !host.is_empty() && origin.split_once("://").is_some_and(|(_, o)| o.eq_ignore_ascii_case(host)) {
        return Ok(None);
    }
    if allowed.contains(&origin) {
        return Ok(Some(value.clone()));
    }
    let origin: String = origin.chars().filter(|c| !c.is_control()).take(200).collect();
    Err(format!("the origin {origin} may not connect: add it to UKAI_CORS_ORIGINS"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let allowed = crate::Config::default().origins;
        let cases = [
            (None, "h:1", Ok(false)),
            (Some("http://h:1"), "h:1", Ok(false)),
            (Some("https://H:1"), "h:1", Ok(false)),
            (Some("http://localhost:5173"), "h:1", Ok(true)),
            (Some("http://evil.example"), "h:1", Err(())),
            (Some("null"), "h:1", Err(())),
            (Some("http://h:2"), "h:1", Err(())),
        ];
        for (origin, host, want) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            let got = allowed_origin(&allowed, &headers);
            if let Err(message) = &got {
                assert!(message.contains("UKAI_CORS_ORIGINS"), "{message}");
            }
            assert_eq!(got.map(|o| o.is_some()).map_err(|_| ()), want, "{origin:?}");
        }
    }
}
