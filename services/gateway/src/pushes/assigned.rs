//! `task:assigned`: a hand-out, at most once a session.

use crate::session::Session;
use crate::shared::Shared;
use std::sync::Arc;
use ukai_domain::{JobId, Run, TaskId, Timestamp};
use ukai_rpc::v1;
use ukai_wire::workers::{TaskAssigned, event};

/// Emits the hand-out; the lease comes back where that failed. A repeat is confirmed without a word to the worker.
pub(super) fn emit(shared: &Arc<Shared>, session: &Session, assigned: &v1::Assigned) -> Option<v1::LeaseRef> {
    let (task, job) = (TaskId::from_slice(&assigned.task)?, JobId::from_slice(&assigned.job)?);
    let run = Run(assigned.run);
    if !session.lock().hold(task, run) {
        return None;
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
        traceparent: None,
    }
    .with_options(assigned.options.as_deref())
    .with_crawl(assigned.crawl.as_deref());
    if super::emit(shared, session, event::ASSIGNED, &message) {
        return None;
    }
    session.lock().release(task, Some(run));
    Some(v1::LeaseRef { task: assigned.task.clone(), run: assigned.run })
}
