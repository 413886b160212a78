//! The leader's reply to a batch, carried to the sockets: acknowledgements, or errors where none was asked for.

use crate::closing::{self, Manner};
use crate::inbox::{Item, What};
use crate::shared::Shared;
use std::sync::Arc;
use ukai_domain::{Code, WorkerId};
use ukai_rpc::v1::{self, input_reply::Reply};
use ukai_wire::workers::Ack;

/// One reply an item, in order.
pub(crate) fn apply(shared: &Arc<Shared>, items: Vec<Item>, reply: v1::GatewayReply) {
    for (item, reply) in items.into_iter().zip(reply.replies) {
        if let Some(reply) = reply.reply {
            one(shared, item, reply);
        }
    }
}

/// The one reply to an announcement is said of every session in it.
pub(crate) fn apply_to_all(shared: &Arc<Shared>, items: Vec<Item>, reply: v1::GatewayReply) {
    let Some(reply) = reply.replies.into_iter().next().and_then(|reply| reply.reply) else { return };
    for item in items {
        one(shared, item, reply.clone());
    }
}

fn one(shared: &Arc<Shared>, item: Item, reply: Reply) {
    // Accepted or refused, it has reached the leader: the run that it names is no longer the worker's. A report that
    // names none means the run that the leader knows: a refusal says nothing of what is held here.
    if let What::Report { task, run, ended: true } = item.what
        && (run.is_some() || matches!(reply, Reply::Accepted(_)))
    {
        item.session.lock().release(task, run);
    }
    match reply {
        Reply::Accepted(accepted) => {
            if accepted.duplicate {
                shared.metrics.refused.count("duplicate");
            }
            answer(item, &Ack::accepted(accepted.duplicate));
        }
        Reply::Registered(worker) => {
            if let Some(worker) = WorkerId::from_slice(&worker) {
                item.session.lock().worker = Some(worker);
            }
        }
        Reply::Refused(refused) => refuse(shared, item, &refused),
        Reply::Rejected(rejected) => reject(shared, item, &rejected),
    }
}

/// The report changed nothing: it is late, or the worker never held the task.
///
/// Where the leader doesn't know the session (it ended, or was never told of), that says nothing about the run: without an
/// answer the worker keeps its result, and reports it again once it is back.
fn refuse(shared: &Arc<Shared>, mut item: Item, refused: &v1::Refused) {
    if refused.unknown_session {
        shared.metrics.refused.count("unknown_session");
        item.span.fail("unknown_session");
        closing::end(shared, &item.session, Manner::Close, "unknown_session");
        return;
    }
    let (reason, code, message) = match refused.reason.as_str() {
        "stale" => ("stale", Code::StaleRun, "the run is over or another is newer"),
        _ => ("not_assigned", Code::InvalidPayload, "the worker does not hold this task"),
    };
    let session = Arc::clone(&item.session);
    if item.what != What::Disconnect {
        shared.metrics.refused.count(reason);
        item.span.fail(reason);
        tracing::debug!(session.id = %session.id, reason, "report refused");
        let wants_ack = item.ack.is_some();
        answer(item, &Ack::refused(reason));
        if !wants_ack && let Some(socket) = session.socket() {
            closing::tell(&socket, code, message);
        }
    }
}

/// A connect that the leader does not want, or an input that it can't take.
fn reject(shared: &Arc<Shared>, mut item: Item, rejected: &v1::Rejected) {
    let code = Code::parse(&rejected.code).unwrap_or(Code::InternalError);
    let session = Arc::clone(&item.session);
    shared.metrics.refused.count("rejected");
    item.span.fail(code.as_str());
    if item.what == What::Connect {
        shared.metrics.connect_refused(code);
    }
    let address = session.address;
    tracing::info!(session.id = %session.id, %address, code = code.as_str(), message = %rejected.message, "input rejected");
    if let (Code::AuthFailed, ukai_domain::scheduler::Identity::Worker(worker)) =
        (code, &session.connect.identity)
    {
        shared.auth.forget(*worker);
    }
    let (what, wants_ack) = (item.what, item.ack.is_some());
    answer(item, &Ack::refused("invalid"));
    if (!wants_ack || what == What::Connect)
        && let Some(socket) = session.socket()
    {
        closing::tell(&socket, code, &rejected.message);
    }
    if what == What::Connect {
        let manner = if code == Code::AuthFailed { Manner::Refuse } else { Manner::Close };
        closing::end(shared, &session, manner, "rejected");
    }
}

fn answer(item: Item, ack: &Ack) {
    if let Some(sender) = item.ack {
        // A socket that is gone or full reports again after it is back.
        let _ = sender.send(ack);
    }
}
