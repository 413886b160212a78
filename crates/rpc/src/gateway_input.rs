//! What a gateway tells the scheduler, and the reply to each input.

use crate::malformed::{Malformed, gateway_id, session_id, task_id, worker_id};
use crate::v1;
use std::sync::Arc;
use ukai_domain::scheduler::{Connect, Heartbeat, Identity, Input, Refusal, Reply, Report, Word};
use ukai_domain::{
    ErrorType, NetworkInfo, Rejection, ReportedStatus, Run, RunError, RunResult, SessionId, WorkerStats,
};

/// `None` for inputs that don't come from gateways' streams.
#[must_use]
pub fn input_to_proto(input: &Input) -> Option<v1::GatewayInput> {
    use v1::gateway_input::Input as Proto;
    let proto = match input {
        Input::Connect(c) => Proto::Connect(connect_to_proto(c)),
        Input::Disconnect { session, reason } => {
            Proto::Disconnect(v1::Disconnect { session: bytes(*session), reason: reason.clone() })
        }
        Input::Report(report) => Proto::Report(report_to_proto(report)),
        Input::Heartbeat(beat) => Proto::Heartbeat(heartbeat_to_proto(beat)),
        Input::BlockDetected { session, reason, suggested_action } => {
            Proto::BlockDetected(v1::BlockDetected {
                session: bytes(*session),
                reason: reason.clone(),
                suggested_action: suggested_action.clone(),
            })
        }
        Input::NetworkChanged { session, to } => Proto::NetworkChanged(v1::NetworkChanged {
            session: bytes(*session),
            to: Some(network_to_proto(to)),
        }),
        Input::WorkerError { session, message } => {
            Proto::WorkerError(v1::WorkerError { session: bytes(*session), message: message.clone() })
        }
        Input::Draining { session } => Proto::Draining(v1::Draining { session: bytes(*session) }),
        _ => return None,
    };
    Some(v1::GatewayInput { input: Some(proto), traceparent: None })
}

/// The inverse of [`input_to_proto`].
pub fn input_from_proto(input: v1::GatewayInput) -> Result<Input, Malformed> {
    use v1::gateway_input::Input as Proto;
    Ok(match input.input.ok_or(Malformed("input"))? {
        Proto::Connect(c) => Input::Connect(connect_from_proto(c)?),
        Proto::Disconnect(d) => Input::Disconnect { session: session_id(&d.session)?, reason: d.reason },
        Proto::Report(r) => Input::Report(report_from_proto(r)?),
        Proto::Heartbeat(h) => Input::Heartbeat(heartbeat_from_proto(h)?),
        Proto::BlockDetected(b) => Input::BlockDetected {
            session: session_id(&b.session)?,
            reason: b.reason,
            suggested_action: b.suggested_action,
        },
        Proto::NetworkChanged(n) => {
            Input::NetworkChanged { session: session_id(&n.session)?, to: network_from_proto(n.to) }
        }
        Proto::WorkerError(e) => Input::WorkerError { session: session_id(&e.session)?, message: e.message },
        Proto::Draining(d) => Input::Draining { session: session_id(&d.session)? },
    })
}

/// The reply to one input of a gateway's stream.
#[must_use]
pub fn reply_to_proto(reply: &Result<Reply, Rejection>) -> v1::InputReply {
    use v1::input_reply::Reply as Proto;
    let proto = match reply {
        Ok(Reply::Accepted { duplicate }) => Proto::Accepted(v1::Accepted { duplicate: *duplicate }),
        Ok(Reply::Refused(refusal)) => Proto::Refused(v1::Refused {
            reason: refusal.as_str().to_owned(),
            unknown_session: *refusal == Refusal::UnknownSession,
        }),
        Ok(Reply::Registered(worker)) => Proto::Registered(worker.as_bytes().to_vec()),
        Ok(_) => Proto::Accepted(v1::Accepted { duplicate: false }),
        Err(rejection) => Proto::Rejected(v1::Rejected {
            code: rejection.code.as_str().to_owned(),
            message: rejection.message.clone(),
        }),
    };
    v1::InputReply { reply: Some(proto) }
}

fn bytes(session: SessionId) -> Vec<u8> {
    session.as_bytes().to_vec()
}

fn connect_to_proto(c: &Connect) -> v1::Connect {
    use v1::connect::Identity as Proto;
    v1::Connect {
        session: bytes(c.session),
        gateway: c.gateway.as_bytes().to_vec(),
        identity: Some(match &c.identity {
            Identity::Worker(worker) => Proto::Worker(worker.as_bytes().to_vec()),
            Identity::Enrolled { name } => Proto::Enrolled(v1::Enrolled { name: name.clone() }),
        }),
        capacity: c.capacity,
        capabilities: c.capabilities.iter().map(ToString::to_string).collect(),
        announces_in_flight: c.in_flight.is_some(),
        in_flight: c
            .in_flight
            .iter()
            .flatten()
            .map(|(task, run)| v1::LeaseRef { task: task.as_bytes().to_vec(), run: run.0 })
            .collect(),
    }
}

fn connect_from_proto(c: v1::Connect) -> Result<Connect, Malformed> {
    use v1::connect::Identity as Proto;
    let in_flight = c
        .in_flight
        .iter()
        .map(|l| Ok((task_id(&l.task)?, Run(l.run))))
        .collect::<Result<Vec<_>, Malformed>>()?;
    Ok(Connect {
        session: session_id(&c.session)?,
        gateway: gateway_id(&c.gateway)?,
        identity: match c.identity.ok_or(Malformed("identity"))? {
            Proto::Worker(worker) => Identity::Worker(worker_id(&worker)?),
            Proto::Enrolled(e) => Identity::Enrolled { name: e.name },
        },
        capacity: c.capacity.max(1),
        capabilities: c.capabilities.into_iter().map(Arc::from).collect(),
        in_flight: c.announces_in_flight.then_some(in_flight),
    })
}

fn report_to_proto(report: &Report) -> v1::Report {
    use v1::report::Word as Proto;
    v1::Report {
        session: bytes(report.session),
        task: report.task.as_bytes().to_vec(),
        run: report.run.map(|r| r.0),
        word: Some(match &report.word {
            Word::Started => Proto::Started(v1::Started {}),
            Word::Completed(done) => Proto::Completed(v1::Completed {
                result: done.result.clone(),
                metrics: done.metrics.clone(),
                extra: done.extra.clone(),
                items: done.items,
            }),
            Word::Failed { error, metrics } => Proto::Failed(v1::Failed {
                r#type: error.kind.as_str().to_owned(),
                message: error.message.clone(),
                details: error.details.clone(),
                metrics: metrics.clone(),
            }),
        }),
    }
}

fn report_from_proto(r: v1::Report) -> Result<Report, Malformed> {
    use v1::report::Word as Proto;
    Ok(Report {
        session: session_id(&r.session)?,
        task: task_id(&r.task)?,
        run: r.run.map(Run),
        word: match r.word.ok_or(Malformed("word"))? {
            Proto::Started(_) => Word::Started,
            Proto::Completed(c) => Word::Completed(RunResult {
                result: c.result,
                metrics: c.metrics,
                extra: c.extra,
                items: c.items,
            }),
            Proto::Failed(f) => Word::Failed {
                error: RunError {
                    kind: ErrorType::parse(&f.r#type).ok_or(Malformed("error type"))?,
                    message: f.message,
                    details: f.details,
                },
                metrics: f.metrics,
            },
        },
    })
}

fn heartbeat_to_proto(beat: &Heartbeat) -> v1::Heartbeat {
    let status = match beat.status {
        ReportedStatus::Idle => v1::ReportedStatus::Idle,
        ReportedStatus::Busy => v1::ReportedStatus::Busy,
        ReportedStatus::Blocked => v1::ReportedStatus::Blocked,
    };
    v1::Heartbeat {
        session: bytes(beat.session),
        status: status.into(),
        current_task: beat.current_task.map(|t| t.as_bytes().to_vec()),
        network: Some(network_to_proto(&beat.network)),
        tasks_completed: beat.stats.tasks_completed,
        tasks_failed: beat.stats.tasks_failed,
        uptime_seconds: beat.stats.uptime,
    }
}

fn heartbeat_from_proto(h: v1::Heartbeat) -> Result<Heartbeat, Malformed> {
    let status = match h.status() {
        v1::ReportedStatus::Idle => ReportedStatus::Idle,
        v1::ReportedStatus::Busy => ReportedStatus::Busy,
        v1::ReportedStatus::Blocked => ReportedStatus::Blocked,
    };
    Ok(Heartbeat {
        session: session_id(&h.session)?,
        status,
        current_task: h.current_task.as_deref().map(task_id).transpose()?,
        network: network_from_proto(h.network),
        stats: WorkerStats {
            tasks_completed: h.tasks_completed,
            tasks_failed: h.tasks_failed,
            uptime: h.uptime_seconds,
        },
    })
}

fn network_to_proto(n: &NetworkInfo) -> v1::NetworkInfo {
    v1::NetworkInfo {
        external_ip: n.external_ip.clone(),
        isp_name: n.isp_name.clone(),
        last_checked_at: n.last_checked_at.clone(),
    }
}

fn network_from_proto(n: Option<v1::NetworkInfo>) -> NetworkInfo {
    let n = n.unwrap_or_default();
    NetworkInfo { external_ip: n.external_ip, isp_name: n.isp_name, last_checked_at: n.last_checked_at }
}
