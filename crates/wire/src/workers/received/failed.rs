//! `task:failed`: why a page gave nothing.

use super::{report, typed};
use crate::workers::Invalid;
use crate::workers::atoms::{Amount, Id, Object, Text, Time, Word, Words};
use crate::workers::shape::{Field, Shape, may, must};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::num::NonZeroU32;
use ukai_domain::scheduler::{self, Input};
use ukai_domain::{ErrorType, RunError, SessionId};

const EVENT: &str = "task:failed";

pub(crate) const SHAPE: &[Field] = &[
    must("taskId", Shape::Id),
    may("run", Shape::Run),
    must("failedAt", Shape::Time),
    must("error", Shape::Object(ERROR)),
    may("metrics", Shape::Object(METRICS)),
];

const ERROR: &[Field] = &[
    must("type", Shape::OneOf(&["CAPTCHA", "BLOCKED", "THROTTLED", "NETWORK", "PARSE_ERROR", "TIMEOUT"])),
    must("message", Shape::Text),
    may("details", Shape::Text),
];

const METRICS: &[Field] = &[must("attemptDurationMs", Shape::Amount)];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failed<'a> {
    task_id: Id,
    run: Option<NonZeroU32>,
    #[serde(borrow, rename = "failedAt")]
    _failed_at: Time<'a>,
    #[serde(borrow)]
    error: Object<Error<'a>>,
    #[serde(borrow)]
    metrics: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Error<'a> {
    r#type: Word<ErrorType>,
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow)]
    details: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "checked by being read; the text itself is what is kept")]
struct Metrics {
    attempt_duration_ms: Amount,
}

impl Words for ErrorType {
    fn from_word(word: &str) -> Option<Self> {
        Self::parse(word)
    }
}

pub(super) fn parse(session: SessionId, payload: &str) -> Result<Input, Invalid> {
    let event: Failed<'_> = typed(EVENT, payload, SHAPE)?;
    if let Some(metrics) = event.metrics {
        serde_json::from_str::<Object<Metrics>>(metrics.get())
            .map_err(|error| super::refuse(EVENT, payload, SHAPE, &error))?;
    }
    let Object(error) = event.error;
    let error = RunError {
        kind: error.r#type.0,
        message: error.message.0.into_owned(),
        details: error.details.map(|d| d.0.into_owned()),
    };
    let word = scheduler::Word::Failed { error, metrics: event.metrics.map(|m| m.get().to_owned()) };
    Ok(report(session, event.task_id, event.run, word))
}
