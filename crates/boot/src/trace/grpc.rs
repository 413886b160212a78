//! Spans around calls between the services, on both sides; the caller's place goes along in the metadata.

use super::current::{current, within};
use super::parent::{HEADER, Traceparent};
use super::tracer::{Span, Tracer};
use http::{HeaderMap, HeaderValue, Request, Response};
use opentelemetry::trace::SpanKind;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio_util::either::Either;
use tower::{Layer, Service};

/// The caller's side: a call within a traced request is a span of it.
#[derive(Clone, Debug)]
pub struct CallSpans<S> {
    inner: S,
    tracer: Tracer,
}

/// The other side: a call that comes from a trace is a span of it. The call finds the span as [`Parent`].
#[derive(Clone, Debug)]
pub struct ServedSpans<S> {
    inner: S,
    tracer: Tracer,
}

/// Puts [`ServedSpans`] around a service.
#[derive(Clone, Debug)]
pub struct ServedSpansLayer(pub Tracer);

/// The span of a call that is being served, in the request's extensions.
#[derive(Clone, Debug)]
pub struct Parent(pub Traceparent);

type Traced<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl<S> CallSpans<S> {
    /// Around `inner`.
    pub fn new(inner: S, tracer: Tracer) -> Self {
        Self { inner, tracer }
    }
}

impl<S> ServedSpans<S> {
    /// Around `inner`.
    pub fn new(inner: S, tracer: Tracer) -> Self {
        Self { inner, tracer }
    }
}

impl<S> Layer<S> for ServedSpansLayer {
    type Service = ServedSpans<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ServedSpans::new(inner, self.0.clone())
    }
}

impl<S, A, B> Service<Request<A>> for CallSpans<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
    B: 'static,
    S::Error: 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Either<S::Future, Traced<Response<B>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let parent = if self.tracer.is_on() { current() } else { None };
        let mut span = begin(&self.tracer, parent.as_deref(), SpanKind::Client, &request);
        let Some(header) = span.traceparent().and_then(|text| HeaderValue::from_str(&text).ok()) else {
            return Either::Left(self.inner.call(request));
        };
        request.headers_mut().insert(HEADER, header);
        let answer = self.inner.call(request);
        Either::Right(Box::pin(async move {
            let answer = answer.await;
            end(&mut span, &answer);
            answer
        }))
    }
}

impl<S, A, B> Service<Request<A>> for ServedSpans<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
    B: 'static,
    S::Error: 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Either<S::Future, Traced<Response<B>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let parent = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
        let mut span = begin(&self.tracer, parent, SpanKind::Server, &request);
        let Some(place) = span.traceparent() else { return Either::Left(self.inner.call(request)) };
        request.extensions_mut().insert(Parent(place.clone()));
        let answer = self.inner.call(request);
        Either::Right(Box::pin(async move {
            let answer = within(Some(place), answer).await;
            end(&mut span, &answer);
            answer
        }))
    }
}

fn begin<A>(tracer: &Tracer, parent: Option<&str>, kind: SpanKind, request: &Request<A>) -> Span {
    if !tracer.is_on() || parent.is_none() {
        return Span::default();
    }
    // "/ukai.v1.Scheduler/SubmitTasks"
    let name = request.uri().path().trim_start_matches('/').to_owned();
    let mut span = tracer.child(parent, kind, name);
    span.set("rpc.system.name", "grpc");
    span
}

fn end<B, E>(span: &mut Span, answer: &Result<Response<B>, E>) {
    match answer {
        Ok(answer) => {
            let status = status(answer.headers());
            span.set("rpc.response.status_code", i64::from(status));
            if status != 0 {
                span.fail(format!("gRPC status {status}"));
            }
        }
        Err(_) => span.fail("no answer"),
    }
}

/// A call that fails says so in its headers; one that succeeds, in its trailers alone.
fn status(headers: &HeaderMap) -> u16 {
    headers.get("grpc-status").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}
