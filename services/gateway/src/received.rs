//! An event of a worker: counted, limited, validated, queued. Runs in the socket's reader, so nothing here waits.

use crate::closing::{self, Manner};
use crate::inbox::{Item, What};
use crate::packet::Packet;
use crate::session::{Phase, Session};
use crate::shared::Shared;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::handler::{FromMessageParts, MessageHandler, Value};
use socketioxide::socket::Socket;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ukai_boot::trace::{Span, SpanKind};
use ukai_domain::Code;
use ukai_domain::scheduler::{Input, Report, Word};
use ukai_wire::workers::{self, Ack, Invalid, Received};

/// Strikes are forgotten after this long without one.
const STRIKE_MEMORY: Duration = Duration::from_secs(10);

/// Characters of an unknown event's name in the log.
const EVENT_CHARS: usize = 50;

/// Takes every event of a session, in the socket's reader: so inputs keep the order of receipt, and none costs a task of
/// its own, as a handler that is a closure would.
pub(crate) struct Events {
    pub(crate) shared: Arc<Shared>,
    pub(crate) session: Arc<Session>,
}

impl MessageHandler<LocalAdapter, Events> for Events {
    fn call(&self, socket: Arc<Socket<LocalAdapter>>, mut value: Value, ack: Option<i64>) {
        let Ok(packet) = Packet::from_message_parts(&socket, &mut value, &ack);
        let Ok(socket) = SocketRef::from_message_parts(&socket, &mut value, &ack);
        receive(&self.shared, &self.session, &socket, packet);
    }
}

/// Handles one event of `session`.
fn receive(shared: &Arc<Shared>, session: &Arc<Session>, socket: &SocketRef, packet: Packet) {
    if session.has_ended() {
        return;
    }
    session.hear(shared.now_ms());
    let (event, payload) = workers::split(packet.text()).unwrap_or(("", ""));
    shared.metrics.events.count(label(event));
    let parsed = if packet.has_attachments {
        Err(Invalid::new(event, "payload", "must not have binary attachments"))
    } else {
        workers::parse(session.id, event, payload)
    };
    let input = match parsed {
        Ok(Received::Input(input)) => input,
        Ok(Received::Error { code, message }) => {
            let code: String = code.chars().take(100).collect();
            tracing::warn!(session.id = %session.id, code, "worker reports an error");
            let message: String = format!("{code}: {message}").chars().take(1_000).collect();
            Input::WorkerError { session: session.id, message }
        }
        Err(invalid) => {
            let event = shown(event);
            tracing::debug!(session.id = %session.id, event, bytes = payload.len(), %invalid, "event refused");
            if within_limit(shared, session, socket, None) {
                refuse(shared, socket, packet.ack, &invalid);
            }
            return;
        }
    };
    tell(session, event, payload.len(), &input);
    if within_limit(shared, session, socket, Some(&input)) {
        queue(shared, session, &input, packet.ack);
    }
}

/// Thousands come each second: at `debug`, and nothing is made ready unless somebody reads it.
fn tell(session: &Session, event: &str, bytes: usize, input: &Input) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let (task, run) = match input {
        Input::Report(Report { task, run, .. }) => (Some(*task), *run),
        Input::Heartbeat(beat) => (beat.current_task, None),
        _ => (None, None),
    };
    let worker = session.lock().worker;
    tracing::debug!(
        session.id = %session.id,
        worker.id = worker.map(tracing::field::display),
        task.id = task.map(tracing::field::display),
        run = run.map(|run| run.0),
        event,
        bytes,
        "event received"
    );
}

fn refuse(shared: &Shared, socket: &SocketRef, ack: Option<AckSender>, invalid: &Invalid) {
    shared.metrics.refused.count("invalid");
    closing::tell(socket, Code::InvalidPayload, &invalid.to_string());
    if let Some(ack) = ack {
        let _ = ack.send(&Ack::refused("invalid"));
    }
}

fn queue(shared: &Arc<Shared>, session: &Arc<Session>, input: &Input, ack: Option<AckSender>) {
    let what = match input {
        Input::Report(Report { task, run, word, .. }) => {
            What::Report { task: *task, run: *run, ended: !matches!(word, Word::Started) }
        }
        _ => What::Other,
    };
    let Some(item) = Item::new(session, input, what, ack) else { return };
    let item = item.within(span(shared, session, input));
    let is_queued = {
        let mut state = session.lock();
        if let Input::Heartbeat(beat) = input {
            state.beat(beat);
        }
        state.is_leaving |= matches!(input, Input::Draining { .. });
        match &mut state.phase {
            // The connect comes first; what the client sends in the same breath waits for it.
            Phase::Opening(early) => {
                early.push(item);
                true
            }
            Phase::Open(_) => shared.inbox.push(item),
            Phase::Closed => true,
        }
    };
    if !is_queued {
        closing::end(shared, session, Manner::AtOnce, "overloaded");
    }
}

/// The receipt of a traced run's end. It stands below our own hand-out: a worker says nothing of its place.
fn span(shared: &Shared, session: &Session, input: &Input) -> Span {
    let (true, Input::Report(Report { task, run, word, .. })) = (shared.config.tracer.is_on(), input) else {
        return Span::default();
    };
    let name = match word {
        Word::Started => return Span::default(),
        Word::Completed(_) => "task:completed",
        Word::Failed { .. } => "task:failed",
    };
    let place = session.lock().place(*task, *run).cloned();
    let mut span = shared.config.tracer.child(place.as_deref(), SpanKind::Consumer, name);
    span.set("task.id", task.to_string());
    span.set("session.id", session.id.to_string());
    if let Some(run) = run {
        span.set("run", i64::from(run.0));
    }
    if let Word::Failed { error, .. } = word {
        span.fail(error.kind.as_str());
    }
    span
}

/// Whether the event may pass. Over the limit: one `error`, then silence, then the end.
fn within_limit(shared: &Arc<Shared>, session: &Session, socket: &SocketRef, input: Option<&Input>) -> bool {
    let now = Instant::now();
    let strikes = {
        let mut state = session.lock();
        let is_free = matches!(input, Some(Input::Report(report)) if state.is_free_report(report.task));
        if is_free || state.bucket.take(now) {
            return true;
        }
        if state.last_strike.is_none_or(|at| now.duration_since(at) > STRIKE_MEMORY) {
            state.strikes = 0;
        }
        state.last_strike = Some(now);
        state.strikes += 1;
        state.strikes
    };
    shared.metrics.rate_limited.inc();
    if strikes == 1 {
        let limit = shared.config.limits.events_per_second;
        closing::tell(socket, Code::RateLimited, &format!("more than {limit} events a second"));
    }
    if strikes > shared.config.limits.strikes {
        closing::end(shared, session, Manner::Close, "rate_limited");
    }
    false
}

/// Of what the client calls it, no more than helps.
fn shown(event: &str) -> &str {
    event.char_indices().nth(EVENT_CHARS).map_or(event, |(end, _)| &event[..end])
}

fn label(event: &str) -> &'static str {
    const KNOWN: [&str; 8] = [
        "task:completed",
        "task:started",
        "worker:heartbeat",
        "task:failed",
        "worker:network_changed",
        "worker:block_detected",
        "worker:draining",
        "error",
    ];
    KNOWN.into_iter().find(|known| *known == event).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::{label, shown};

    #[test]
    fn names_in_logs_and_metrics_are_bounded() {
        assert_eq!(shown("task:started"), "task:started");
        assert_eq!(shown(&"é".repeat(100_000)), "é".repeat(50));
        assert_eq!((label("task:started"), label("anything")), ("task:started", "unknown"));
    }
}
