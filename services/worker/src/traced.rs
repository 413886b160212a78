//! The spans of one run, below the place in a trace that the server gave with it. A run that came without one has none.

use std::borrow::Cow;

use ukai_boot::trace::{Span, SpanKind, Traceparent, Tracer};
use ukai_browser::Steps;
use url::Url;

use crate::messages::Assigned;

/// A run's place in a trace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    tracer: Tracer,
    place: Option<Traceparent>,
    /// What the browser tells; for whoever has a place alone.
    pub(crate) steps: Option<Steps>,
}

impl Trace {
    /// The span of a run, and what is below it.
    pub(crate) fn begin(tracer: &Tracer, task: &Assigned) -> (Span, Self) {
        let mut span = tracer.child(task.traceparent.as_deref(), SpanKind::Consumer, "task");
        let place = span.traceparent();
        if place.is_some() {
            span.set("task.id", task.task_id.clone());
            span.set("attempt", i64::from(task.attempt_number));
            if let Some(run) = task.run {
                span.set("run", i64::from(run));
            }
            if let Some(kind) = &task.kind {
                span.set("task.kind", kind.clone());
            }
            if let Some(url) = address(&task.product_url) {
                span.set("url.full", url);
            }
        }
        let steps = place.as_ref().map(|_| Steps::default());
        (span, Self { tracer: tracer.clone(), place, steps })
    }

    /// Where it is, for what is done after the run.
    pub(crate) fn place(&self) -> Option<Traceparent> {
        self.place.clone()
    }

    /// A piece of the run.
    pub(crate) fn span(&self, name: &'static str) -> Span {
        self.tracer.child(self.place.as_deref(), SpanKind::Internal, name)
    }

    /// A piece of the run that another machine does.
    pub(crate) fn call(&self, name: &'static str) -> Span {
        self.tracer.child(self.place.as_deref(), SpanKind::Client, name)
    }

    /// The browser's steps so far, as spans of the run.
    pub(crate) fn tell_steps(&self) {
        for step in self.steps.iter().flat_map(Steps::take) {
            let (name, place) = (Cow::Borrowed(step.name), self.place.as_deref());
            let mut span = self.tracer.child_since(place, SpanKind::Internal, name, Some(step.began));
            if !step.is_done {
                span.fail("broken off");
            }
            span.end_at(step.ended);
        }
    }
}

/// The address without what may be secret in it.
fn address(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    if url.password().is_some() || !url.username().is_empty() {
        url.set_password(None).ok()?;
        url.set_username("").ok()?;
    }
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_are_told_without_secrets() {
        let told = address("https://user:secret@shop.example/a/b?token=secret#secret");
        assert_eq!(told.as_deref(), Some("https://shop.example/a/b"));
        assert_eq!(address("no address"), None);
    }
}
