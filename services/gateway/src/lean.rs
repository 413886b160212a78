//! Requests without what a socket doesn't need. The socket library keeps the request for as long as the socket lives, and
//! its address and headers are slices of the buffer of 8 KiB that it was read into: a copy of the few that matter
//! lets go of it. Measured, it is the largest single part of what an idle socket costs.

use axum::extract::{ConnectInfo, OriginalUri, Request};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use std::net::SocketAddr;
use ukai_boot::http::TransportHandle;

/// What the library reads of an upgrade's headers.
const NEEDED: [HeaderName; 5] = [
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_PROTOCOL,
];

/// Makes the address and the headers the request's own. Other requests than upgrades end soon: they stay as they are.
pub(crate) fn own(request: &mut Request) {
    if !request.headers().contains_key(header::UPGRADE) {
        return;
    }
    let mut headers = HeaderMap::with_capacity(NEEDED.len());
    for name in NEEDED {
        let copied = request.headers().get(&name).and_then(|v| HeaderValue::from_bytes(v.as_bytes()).ok());
        if let Some(value) = copied {
            headers.insert(name, value);
        }
    }
    *request.headers_mut() = headers;
    if let Ok(uri) = Uri::try_from(request.uri().to_string()) {
        *request.uri_mut() = uri;
    }
    let extensions = request.extensions_mut();
    extensions.remove::<OriginalUri>();
    extensions.remove::<ConnectInfo<SocketAddr>>();
    extensions.remove::<TransportHandle>();
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn an_upgrade_keeps_what_it_needs_and_nothing_of_the_buffer() {
        let text = "/socket.io/?EIO=4&transport=websocket&token=a%20b";
        let mut request = Request::get(text)
            .header("upgrade", "websocket")
            .header("connection", "Upgrade")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("cookie", "session=1")
            .extension(OriginalUri(Uri::from_static("/socket.io/")))
            .body(Body::empty())
            .unwrap();
        let before = request.uri().query().unwrap().as_ptr();
        own(&mut request);
        assert_eq!(request.uri().to_string(), text);
        assert_ne!(request.uri().query().unwrap().as_ptr(), before);
        assert_eq!(request.headers().len(), 3);
        assert_eq!(request.headers()["sec-websocket-key"], "dGhlIHNhbXBsZSBub25jZQ==");
        assert!(request.extensions().get::<OriginalUri>().is_none());
    }

    #[test]
    fn a_polling_request_stays_as_it_is() {
        let mut request = Request::post("/socket.io/?EIO=4&transport=polling&sid=1")
            .header("content-type", "text/plain")
            .body(Body::empty())
            .unwrap();
        own(&mut request);
        assert_eq!(request.headers().len(), 1);
    }
}
