//! Begins spans. One that is off begins none, and costs nothing.

use super::parent::{self, Traceparent};
use super::queue::Counters;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer as _, TracerProvider,
};
use opentelemetry::{Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span as SdkSpan};
use prometheus_client::registry::Registry;
use std::fmt;
use std::time::SystemTime;

/// The longest text of an attribute; what is longer is cut.
const MAX_TEXT: usize = 256;

/// Begins spans for one part of a process. The default is off.
#[derive(Clone, Default)]
pub struct Tracer {
    on: Option<On>,
    counters: Counters,
}

#[derive(Clone)]
struct On {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// A piece of work under way; its end is its drop. One of a trace that nobody records holds nothing.
#[derive(Debug, Default)]
pub struct Span(Option<Box<SdkSpan>>);

impl Tracer {
    pub(super) fn new(provider: SdkTracerProvider, counters: Counters) -> Self {
        let tracer = provider.tracer("ukai");
        Self { on: Some(On { provider, tracer }), counters }
    }

    /// The same for a part of the process: its spans carry the name.
    #[must_use]
    pub fn of(&self, part: &'static str) -> Self {
        let on = self
            .on
            .as_ref()
            .map(|On { provider, .. }| On { provider: provider.clone(), tracer: provider.tracer(part) });
        Self { on, counters: self.counters.clone() }
    }

    /// Whether any span is ever begun.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on.is_some()
    }

    /// Adds the numbers of exported and dropped spans.
    pub fn register(&self, registry: &mut Registry) {
        self.counters.register(registry);
    }

    /// The first span of a trace: of the part of all traces that is sampled.
    pub fn root(&self, kind: SpanKind, name: impl Into<std::borrow::Cow<'static, str>>) -> Span {
        self.begin(&Context::new(), kind, name, None)
    }

    /// A span below `parent`; none without a parent, or where its trace isn't sampled.
    pub fn child(
        &self,
        parent: Option<&str>,
        kind: SpanKind,
        name: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Span {
        self.child_since(parent, kind, name, None)
    }

    /// The same for work that began earlier.
    pub fn child_since(
        &self,
        parent: Option<&str>,
        kind: SpanKind,
        name: impl Into<std::borrow::Cow<'static, str>>,
        began: Option<SystemTime>,
    ) -> Span {
        if self.on.is_none() {
            return Span(None);
        }
        let parent = parent.and_then(parent::read).filter(opentelemetry::trace::SpanContext::is_sampled);
        match parent {
            Some(parent) => self.begin(&Context::new().with_remote_span_context(parent), kind, name, began),
            None => Span(None),
        }
    }

    fn begin(
        &self,
        parent: &Context,
        kind: SpanKind,
        name: impl Into<std::borrow::Cow<'static, str>>,
        began: Option<SystemTime>,
    ) -> Span {
        let Some(On { tracer, .. }) = &self.on else { return Span(None) };
        let mut builder = SpanBuilder::from_name(name).with_kind(kind);
        if let Some(began) = began {
            builder = builder.with_start_time(began);
        }
        let span = tracer.build_with_context(builder, parent);
        Span(span.is_recording().then(|| Box::new(span)))
    }
}

impl Span {
    /// Whether it is recorded.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Its place in its trace, for what is done below it.
    #[must_use]
    pub fn traceparent(&self) -> Option<Traceparent> {
        self.0.as_ref().map(|span| parent::write(span.span_context()))
    }

    /// Says something of the work. Never a token, a page's content or an address with its query.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(key, bounded(value.into())));
        }
    }

    /// The work failed, with a word that tells how.
    pub fn fail(&mut self, how: impl Into<String>) {
        if let Some(span) = &mut self.0 {
            span.set_status(Status::error(cut(how.into())));
        }
    }

    /// Names work of another trace that belongs to this.
    pub fn link(&mut self, other: &str) {
        if let Some((span, other)) = self.0.as_mut().zip(parent::read(other)) {
            span.add_link(other, Vec::new());
        }
    }

    /// Names the other traces that the work belongs to, each once; `own` is the one that it stands in.
    pub fn link_others<'a>(&mut self, own: &str, others: impl Iterator<Item = &'a str>) {
        if self.0.is_none() {
            return;
        }
        let mut last = own;
        for other in others {
            if !parent::is_same_trace(last, other) && !parent::is_same_trace(own, other) {
                self.link(other);
            }
            last = other;
        }
    }

    /// What stands above work that `other` names and that is a part of this: this span, where it is of the same trace.
    #[must_use]
    pub fn or_other_trace(&self, other: Traceparent) -> Traceparent {
        match self.traceparent() {
            Some(own) if parent::is_same_trace(&own, &other) => own,
            _ => other,
        }
    }

    /// Ends it at a time of the past.
    pub fn end_at(mut self, at: SystemTime) {
        if let Some(span) = &mut self.0 {
            span.end_with_timestamp(at);
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").field("is_on", &self.is_on()).finish()
    }
}

fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) if text.as_str().len() > MAX_TEXT => {
            Value::String(StringValue::from(cut(text.into())))
        }
        other => other,
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
    }
    text
}
