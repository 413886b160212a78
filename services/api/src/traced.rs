//! The span of a request: what a caller's `traceparent` asks for, or the beginning of a trace.
//!
//! It begins behind the check of the key, so that nobody without one can have anything traced.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use ukai_boot::trace::{HEADER, Span, SpanKind, Tracer, within};

/// Answers the request within its span.
pub(crate) async fn run(tracer: &Tracer, request: Request, next: Next) -> Response {
    let mut span = begin(tracer, &request);
    let response = within(span.traceparent(), next.run(request)).await;
    if span.is_on() {
        let status = response.status();
        span.set("http.response.status_code", i64::from(status.as_u16()));
        if status.is_server_error() {
            span.fail(status.as_str());
        }
    }
    response
}

/// Requests that only read begin no trace: pages ask again and again.
fn begin(tracer: &Tracer, request: &Request) -> Span {
    if !tracer.is_on() {
        return Span::default();
    }
    let caller = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
    let name = format!("{} {route}", request.method());
    let mut span = match caller {
        Some(caller) => tracer.child(Some(caller), SpanKind::Server, name),
        None if is_read => Span::default(),
        None => tracer.root(SpanKind::Server, name),
    };
    span.set("http.request.method", request.method().as_str().to_owned());
    span.set("http.route", route);
    span
}
