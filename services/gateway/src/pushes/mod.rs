//! The leader's messages to sessions, in order: each is in its socket's buffer before its batch is confirmed.

mod assigned;
mod registered;

use crate::closing::{self, Manner};
use crate::session::Session;
use crate::shared::Shared;
use bytes::Bytes;
use prost::Message;
use serde::Serialize;
use socketioxide::{SendError, SocketError};
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use ukai_boot::Shutdown;
use ukai_boot::trace::{Span, SpanKind};
use ukai_bus::Request;
use ukai_domain::{Code, Run, SessionId, TaskId};
use ukai_rpc::v1::{self, push};
use ukai_wire::workers::{ConfigUpdate, TaskCancelled, event};

/// Batches whose reply is kept for repeats.
const REMEMBERED: usize = 64;
/// A leader waits no longer for a reply.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers push batches until the stop signal.
pub(crate) async fn run(shared: Arc<Shared>, mut requests: mpsc::Receiver<Request>, shutdown: Shutdown) {
    let mut answered = Answered::default();
    loop {
        let request = tokio::select! {
            request = requests.recv() => request,
            () = shutdown.stopping() => None,
        };
        let Some(request) = request else { return };
        match v1::PushBatch::decode(request.payload.clone()) {
            Ok(batch) => {
                let content = fingerprint(&request.payload);
                let place = request.traceparent.as_deref();
                let span = shared.config.tracer.child(place, SpanKind::Server, "process pushes");
                let reply = answered.reply(&shared, batch, content, &span);
                confirm(&shared, request, reply);
            }
            Err(error) => tracing::warn!(%error, "push batch can't be read"),
        }
    }
}

/// An announcement that is under way may have been written before these pushes: the leader would take what it confirms
/// now for lost with the worker, because the announcement doesn't know it.
fn confirm(shared: &Shared, request: Request, reply: Bytes) {
    let mut announcing = shared.announcing.subscribe();
    if !*announcing.borrow_and_update() {
        request.respond(reply);
        return;
    }
    tokio::spawn(async move {
        let announced = announcing.wait_for(|announcing| !announcing);
        // By then the leader has sent the pushes again.
        if let Ok(Ok(_)) = tokio::time::timeout(PATIENCE, announced).await {
            request.respond(reply);
        }
    });
}

/// Replies of this epoch's batches by number and content: a leader that gave this gateway up counts from 1 again.
#[derive(Default)]
struct Answered {
    epoch: u64,
    replies: VecDeque<(u64, u64, Bytes)>,
}

fn fingerprint(payload: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    payload.hash(&mut hasher);
    hasher.finish()
}

impl Answered {
    fn reply(&mut self, shared: &Arc<Shared>, batch: v1::PushBatch, content: u64, span: &Span) -> Bytes {
        if !shared.heard_epoch(batch.epoch) {
            shared.metrics.pushes.count("deposed");
            return Bytes::from(
                v1::PushReply { epoch: shared.epoch.known(), refused: Vec::new() }.encode_to_vec(),
            );
        }
        if batch.epoch != self.epoch {
            self.epoch = batch.epoch;
            self.replies.clear();
        }
        if let Some((.., reply)) = self.replies.iter().find(|(seq, c, _)| (*seq, *c) == (batch.seq, content))
        {
            shared.metrics.pushes.count("repeat");
            return reply.clone();
        }
        let seq = batch.seq;
        let refused = batch.pushes.into_iter().filter_map(|push| deliver(shared, push, span)).collect();
        let reply = Bytes::from(v1::PushReply { epoch: shared.epoch.known(), refused }.encode_to_vec());
        if self.replies.len() >= REMEMBERED {
            self.replies.pop_front();
        }
        self.replies.push_back((seq, content, reply.clone()));
        reply
    }
}

/// Emits one push; a hand-out that can't be emitted is given back.
fn deliver(shared: &Arc<Shared>, push: v1::Push, span: &Span) -> Option<v1::RefusedPush> {
    let session = SessionId::from_slice(&push.session).and_then(|id| shared.sessions.get(id));
    let session = session.filter(|session| !session.has_ended());
    let message = push.message?;
    let Some(session) = session else {
        shared.metrics.pushes.count("unknown_session");
        let push::Message::Assigned(assigned) = message else { return None };
        let lease = v1::LeaseRef { task: assigned.task, run: assigned.run };
        return Some(v1::RefusedPush { session: push.session, lease: Some(lease) });
    };
    let kind = match message {
        push::Message::Registered(registered) => {
            registered::emit(shared, &session, &registered);
            "registered"
        }
        push::Message::Assigned(assigned) => {
            let lease = assigned::emit(shared, &session, &assigned, span);
            shared.metrics.pushes.count(if lease.is_none() { "assigned" } else { "refused" });
            return lease.map(|lease| v1::RefusedPush { session: push.session, lease: Some(lease) });
        }
        push::Message::Cancelled(cancelled) => {
            cancel(shared, &session, &cancelled);
            "cancelled"
        }
        push::Message::ConfigUpdate(update) => {
            let message = match &update.screenshot {
                Some(lease) => TaskId::from_slice(&lease.task)
                    .and_then(|task| ConfigUpdate::screenshot(task, Run(lease.run))),
                None => ConfigUpdate::new(&update.config, update.reset),
            };
            if let Some(message) = message {
                emit(shared, &session, event::CONFIG_UPDATE, &message);
            }
            "config_update"
        }
        push::Message::Drop(drop) => {
            drop_session(shared, &session, &drop);
            "drop"
        }
    };
    shared.metrics.pushes.count(kind);
    None
}

fn cancel(shared: &Arc<Shared>, session: &Session, cancelled: &v1::Cancelled) {
    let Some(task_id) = TaskId::from_slice(&cancelled.task) else { return };
    let run = Run(cancelled.run);
    session.lock().cancel(task_id, run);
    let message = TaskCancelled { task_id, reason: &cancelled.reason, run };
    emit(shared, session, event::CANCELLED, &message);
}

fn drop_session(shared: &Arc<Shared>, session: &Session, drop: &v1::Drop) {
    let code = Code::parse(&drop.code).unwrap_or(Code::InternalError);
    if let (Code::AuthFailed, ukai_domain::scheduler::Identity::Worker(worker)) =
        (code, &session.connect.identity)
    {
        shared.auth.forget(*worker);
    }
    let Some(socket) = session.socket() else { return };
    closing::tell(&socket, code, &drop.message);
    let manner = if code == Code::AuthFailed { Manner::Refuse } else { Manner::Close };
    closing::end(shared, session, manner, "dropped");
}

/// Puts a message into the socket's buffer; `false`, and the socket is closed, where there is no room or no socket.
fn emit<T: Serialize + ?Sized>(
    shared: &Arc<Shared>,
    session: &Session,
    event: &'static str,
    message: &T,
) -> bool {
    let Some(socket) = session.socket() else { return false };
    let reason = match socket.emit(event, message) {
        Ok(()) => {
            tracing::debug!(session.id = %session.id, event, "event sent");
            return true;
        }
        Err(SendError::Socket(SocketError::InternalChannelFull)) => "full",
        Err(SendError::Socket(SocketError::Closed)) => "closed",
        Err(SendError::Serialize(error)) => {
            tracing::error!(session.id = %session.id, event, %error, "message can't be written");
            return false;
        }
    };
    closing::end(shared, session, Manner::AtOnce, reason);
    false
}
