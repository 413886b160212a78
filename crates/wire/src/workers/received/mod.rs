//! Events from workers: raw text in, domain inputs out.

mod completed;
mod failed;
mod heartbeat;
mod notices;

use super::atoms::Object;
use super::shape::{Field, first_error};
use super::{Invalid, bounds};
use serde::Deserialize;
use ukai_domain::scheduler::{Input, Report, Word};
use ukai_domain::{Run, SessionId, TaskId};

/// What a worker said.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// For the scheduler.
    Input(Input),
    /// The contract's `error`: for the log.
    Error {
        /// As sent.
        code: String,
        /// As sent.
        message: String,
    },
}

/// Takes the array of an event packet apart: its name, and its arguments as text with the closing bracket.
/// `None` if it doesn't begin with a plain name.
#[must_use]
pub fn split(packet: &str) -> Option<(&str, &str)> {
    let rest = packet.trim_start().strip_prefix('[')?.trim_start().strip_prefix('"')?;
    let end = rest.find(['"', '\\']).filter(|&end| rest.as_bytes().get(end) == Some(&b'"'))?;
    let (name, rest) = (&rest[..end], rest[end + 1..].trim_start());
    Some((name, rest.strip_prefix(',').unwrap_or("")))
}

/// Validates an event of `session`. `payload` may be followed by further arguments; they are ignored.
///
/// # Errors
/// An unknown event, a bound that is exceeded, a contract key that is missing or mistyped. Unknown keys are ignored.
pub fn parse(session: SessionId, event: &str, payload: &str) -> Result<Received, Invalid> {
    bounds::check(event, payload)?;
    let input = match event {
        "task:completed" => completed::parse(session, payload)?,
        "task:started" => notices::started(session, payload)?,
        "worker:heartbeat" => heartbeat::parse(session, payload)?,
        "task:failed" => failed::parse(session, payload)?,
        "worker:network_changed" => notices::network_changed(session, payload)?,
        "worker:block_detected" => notices::block_detected(session, payload)?,
        "worker:draining" => notices::draining(session, payload)?,
        "error" => return notices::error(payload),
        _ => return Err(Invalid::new(event, "event", "is unknown")),
    };
    Ok(Received::Input(input))
}

/// The first value of `payload` as `T`; what is wrong with it is found by `fields`.
fn typed<'a, T: Deserialize<'a>>(event: &str, payload: &'a str, fields: &[Field]) -> Result<T, Invalid> {
    let mut reader = serde_json::Deserializer::from_str(payload);
    let read = Object::<T>::deserialize(&mut reader);
    read.map(|object| object.0).map_err(|error| refuse(event, payload, fields, &error))
}

#[cold]
fn refuse(event: &str, payload: &str, fields: &[Field], error: &serde_json::Error) -> Invalid {
    let payload = if payload.trim_start().is_empty() { "null" } else { payload };
    let value = serde_json::Value::deserialize(&mut serde_json::Deserializer::from_str(payload));
    match value {
        Err(_) => Invalid::new(event, "payload", "is not JSON"),
        Ok(value) => match first_error(&value, fields) {
            Some((field, message)) => Invalid::new(event, field, message),
            // A key that comes twice: the tree can't show it.
            None => {
                let text = error.to_string();
                let text = text.split(" at line ").next().unwrap_or_default();
                Invalid::new(event, "payload", text)
            }
        },
    }
}

fn report(
    session: SessionId,
    task: super::atoms::Id,
    run: Option<std::num::NonZeroU32>,
    word: Word,
) -> Input {
    Input::Report(Report { session, task: TaskId(task.0), run: run.map(|r| Run(r.get())), word })
}

#[cfg(test)]
pub(crate) mod shapes {
    //! For the test that holds both ways together.
    pub(crate) use super::completed::SHAPE as COMPLETED;
    pub(crate) use super::failed::SHAPE as FAILED;
    pub(crate) use super::heartbeat::SHAPE as HEARTBEAT;
    pub(crate) use super::notices::{BLOCK, ERROR, NETWORK, STARTED};
}
