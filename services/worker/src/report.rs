//! Delivers the outbox: each report is sent until the server has answered it.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use ukai_boot::trace::{SpanKind, Tracer};
use ukai_socketio::EmitError;

use crate::{holdings::Holdings, link::Link, messages::Answer, outbox::Report};

/// The server answers after its commit; under a failover that takes seconds.
const ANSWER: Duration = Duration::from_secs(15);
/// Before the next round, where one was left unanswered.
const AGAIN: Duration = Duration::from_secs(5);

/// Runs until the worker ends. `open` is true while the worker is registered.
pub(crate) async fn run(
    client: Arc<Link>,
    holdings: Arc<Holdings>,
    tracer: Tracer,
    mut open: watch::Receiver<bool>,
) {
    loop {
        if open.wait_for(|open| *open).await.is_err() {
            return;
        }
        let round: Vec<Report> = holdings.outbox().waiting().cloned().collect();
        let mut all = true;
        for report in &round {
            if !*open.borrow() {
                break;
            }
            // After a sleep the old way may never answer; the new one opens anew.
            let mut closed = open.clone();
            tokio::select! {
                done = deliver(&client, &holdings, &tracer, report) => all &= done,
                _ = closed.wait_for(|open| !*open) => all = false,
            }
        }
        tokio::select! {
            () = holdings.news.notified() => {}
            () = tokio::time::sleep(AGAIN), if !all => {}
            changed = open.wait_for(|open| !*open) => if changed.is_err() { return },
        }
    }
}

/// Sends one report; `true` if it needs no repeat.
async fn deliver(client: &Link, holdings: &Arc<Holdings>, tracer: &Tracer, report: &Report) -> bool {
    let (task, run) = (&report.task_id, report.run);
    let mut span = tracer.child(report.trace.as_deref(), SpanKind::Producer, "report");
    match client.emit_with_ack(&report.event, &report.payload, ANSWER).await {
        Ok(answer) => match answer.parse::<Answer>() {
            Ok(Answer { accepted: true, .. }) => tracing::debug!(task.id = task, run, "report accepted"),
            Ok(Answer { reason, .. }) => {
                let reason = reason.unwrap_or_default();
                span.fail(reason.clone());
                if reason == "invalid" {
                    tracing::error!(
                        task.id = task,
                        run,
                        event = report.event,
                        "the server calls a report invalid"
                    );
                } else {
                    tracing::info!(task.id = task, run, reason, "report not counted");
                }
            }
            // An answer without our words: the server has it.
            Err(_) => {}
        },
        // A server that speaks the contract alone never answers; ours hands out a run and always does.
        Err(EmitError::Timeout) if run.is_none() => {}
        Err(error) => {
            span.fail("not answered");
            tracing::warn!(task.id = task, run, %error, "report not answered, it is kept");
            return false;
        }
    }
    let (holdings, task) = (Arc::clone(holdings), task.clone());
    let _ = tokio::task::spawn_blocking(move || holdings.outbox().done(&task, run)).await;
    true
}
