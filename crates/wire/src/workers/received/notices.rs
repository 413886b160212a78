//! The small events: `task:started`, `worker:network_changed`, `worker:block_detected`, `worker:draining`, `error`.

use super::{Received, report, typed};
use crate::workers::Invalid;
use crate::workers::atoms::{Id, Text, Time, Word, Words};
use crate::workers::shape::{Field, Shape, may, must};
use serde::Deserialize;
use std::num::NonZeroU32;
use ukai_domain::scheduler::{self, Input};
use ukai_domain::{NetworkInfo, SessionId};

pub(crate) const STARTED: &[Field] =
    &[must("taskId", Shape::Id), may("run", Shape::Run), must("startedAt", Shape::Time)];

pub(crate) const NETWORK: &[Field] = &[
    must("previousIp", Shape::Text),
    must("currentIp", Shape::Text),
    must("previousIsp", Shape::Text),
    must("currentIsp", Shape::Text),
    must("changedAt", Shape::Time),
];

pub(crate) const BLOCK: &[Field] = &[
    must("detectedAt", Shape::Time),
    must("reason", Shape::Text),
    must("suggestedAction", Shape::OneOf(&["wait", "change_network", "manual_intervention"])),
    must("failedTaskIds", Shape::Ids),
];

const DRAINING: &[Field] = &[may("reason", Shape::Text)];

pub(crate) const ERROR: &[Field] =
    &[must("code", Shape::Text), must("message", Shape::Text), must("timestamp", Shape::Time)];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started<'a> {
    task_id: Id,
    run: Option<NonZeroU32>,
    #[serde(borrow, rename = "startedAt")]
    _started_at: Time<'a>,
}

pub(super) fn started(session: SessionId, payload: &str) -> Result<Input, Invalid> {
    let event: Started<'_> = typed("task:started", payload, STARTED)?;
    Ok(report(session, event.task_id, event.run, scheduler::Word::Started))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NetworkChanged<'a> {
    #[serde(borrow, rename = "previousIp")]
    _previous_ip: Text<'a>,
    #[serde(borrow)]
    current_ip: Text<'a>,
    #[serde(borrow, rename = "previousIsp")]
    _previous_isp: Text<'a>,
    #[serde(borrow)]
    current_isp: Text<'a>,
    #[serde(borrow)]
    changed_at: Time<'a>,
}

pub(super) fn network_changed(session: SessionId, payload: &str) -> Result<Input, Invalid> {
    let event: NetworkChanged<'_> = typed("worker:network_changed", payload, NETWORK)?;
    let to = NetworkInfo {
        external_ip: event.current_ip.0.into_owned(),
        isp_name: event.current_isp.0.into_owned(),
        last_checked_at: event.changed_at.0.into_owned(),
    };
    Ok(Input::NetworkChanged { session, to })
}

/// The contract's suggestion.
struct Action(&'static str);

impl Words for Action {
    fn from_word(word: &str) -> Option<Self> {
        ["wait", "change_network", "manual_intervention"].into_iter().find(|w| *w == word).map(Self)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockDetected<'a> {
    #[serde(borrow, rename = "detectedAt")]
    _detected_at: Time<'a>,
    #[serde(borrow)]
    reason: Text<'a>,
    suggested_action: Word<Action>,
    #[serde(rename = "failedTaskIds")]
    _failed_task_ids: Vec<Id>,
}

pub(super) fn block_detected(session: SessionId, payload: &str) -> Result<Input, Invalid> {
    let event: BlockDetected<'_> = typed("worker:block_detected", payload, BLOCK)?;
    Ok(Input::BlockDetected {
        session,
        reason: event.reason.0.into_owned(),
        suggested_action: event.suggested_action.0.0.to_owned(),
    })
}

#[derive(Deserialize)]
struct Draining<'a> {
    #[serde(borrow, rename = "reason")]
    _reason: Option<Text<'a>>,
}

/// The payload may be missing: every key of it is optional.
pub(super) fn draining(session: SessionId, payload: &str) -> Result<Input, Invalid> {
    if !matches!(payload.trim_start().trim_end_matches(']').trim_end(), "" | "null") {
        let _reason: Draining<'_> = typed("worker:draining", payload, DRAINING)?;
    }
    Ok(Input::Draining { session })
}

#[derive(Deserialize)]
struct WorkerError<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow, rename = "timestamp")]
    _timestamp: Time<'a>,
}

pub(super) fn error(payload: &str) -> Result<Received, Invalid> {
    let event: WorkerError<'_> = typed("error", payload, ERROR)?;
    Ok(Received::Error { code: event.code.0.into_owned(), message: event.message.0.into_owned() })
}
