//! `task:assigned`: a hand-out, at most once a session.

use crate::session::Session;
use crate::shared::Shared;
use std::sync::Arc;
use ukai_boot::trace::{Span, SpanKind};
use ukai_domain::{JobId, Run, TaskId, Timestamp};
use ukai_rpc::v1;
use ukai_wire::workers::{TaskAssigned, event};

/// Emits the hand-out; the lease comes back where that failed. A repeat is confirmed without a word to the worker.
pub(super) fn emit(
    shared: &Arc<Shared>,
    session: &Session,
    assigned: &v1::Assigned,
    batch: &Span,
) -> Option<v1::LeaseRef> {
    let (task, job) = (TaskId::from_slice(&assigned.task)?, JobId::from_slice(&assigned.job)?);
    let run = Run(assigned.run);
    if !session.lock().hold(task, run) {
        return None;
    }
    let mut span = span(shared, session, assigned, batch);
    let place = span.traceparent();
    if let Some(place) = &place {
        session.lock().trace(task, run, place.clone());
    }
    let message = TaskAssigned {
        task_id: task,
        product_url: &assigned.url,
        priority: assigned.priority,
        attempt_number: assigned.attempt,
        assigned_at: Timestamp(assigned.assigned_at),
        run,
        kind: &assigned.kind,
        job_id: job,
        deadline_at: Timestamp(assigned.deadline),
        recipe: None,
        options: None,
        crawl: None,
        // Without a collector of our own the trace goes on as it came.
        traceparent: place.as_deref().or(assigned.traceparent.as_deref()),
    }
    .with_options(assigned.options.as_deref())
    .with_crawl(assigned.crawl.as_deref());
    if super::emit(shared, session, event::ASSIGNED, &message) {
        return None;
    }
    span.fail("not sent");
    session.lock().release(task, Some(run));
    Some(v1::LeaseRef { task: assigned.task.clone(), run: assigned.run })
}

/// The hand-out to the worker's socket, below the batch that brought it or, where that stands in another trace, below
/// the submission.
fn span(shared: &Shared, session: &Session, assigned: &v1::Assigned, batch: &Span) -> Span {
    let Some(trace) = assigned.traceparent.as_deref().filter(|_| shared.config.tracer.is_on()) else {
        return Span::default();
    };
    let parent = batch.or_other_trace(trace.into());
    let mut span = shared.config.tracer.child(Some(&parent), SpanKind::Producer, event::ASSIGNED);
    if let Some(task) = TaskId::from_slice(&assigned.task) {
        span.set("task.id", task.to_string());
    }
    span.set("run", i64::from(assigned.run));
    span.set("session.id", session.id.to_string());
    if let Some(worker) = session.lock().worker {
        span.set("worker.id", worker.to_string());
    }
    span
}
