//! An announcement: every session that a leader has registered, with the runs that it holds, in parts that a bus takes.

use crate::inbox::{Item, What};
use crate::session::Session;
use crate::shared::Shared;
use std::sync::Arc;
use ukai_domain::scheduler::{Connect, Identity, Input};

/// Bytes of one part: a bus has room for a megabyte at least, and one session needs a hundredth of that at most.
pub(crate) const PART_BYTES: usize = 256 << 10;

/// A part's place in its announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// From 1.
    pub(crate) number: u32,
    pub(crate) of: u32,
}

impl Part {
    pub(crate) fn is_last(self) -> bool {
        self.number == self.of
    }
}

/// One connect a session. Those whose connect still waits in the queue are left to it.
pub(crate) fn announcement(shared: &Shared) -> Vec<Item> {
    shared
        .sessions
        .all()
        .iter()
        .filter(|session| !session.has_ended())
        .filter_map(|session| {
            let (worker, in_flight) = {
                let state = session.lock();
                (state.worker?, state.in_flight())
            };
            // Who enrolled is a worker by now: no leader makes another of it.
            let identity = Identity::Worker(worker);
            let connect = Connect { identity, in_flight, ..session.connect.clone() };
            Item::new(session, &Input::Connect(connect), What::Connect, None)
        })
        .collect()
}

/// Whoever said that it leaves says it again: a leader that has just heard of it would hand out to it.
pub(crate) fn repeat_leaving(shared: &Shared, told: &[Arc<Session>]) {
    for session in told.iter().filter(|session| session.lock().is_leaving && !session.has_ended()) {
        let input = Input::Draining { session: session.id };
        Item::new(session, &input, What::Other, None)
            .into_iter()
            .for_each(|item| shared.inbox.push_always(item));
    }
}

/// The same in parts of at most so many bytes, one at least: the leader learns that this gateway exists.
pub(crate) fn parts(items: Vec<Item>, most: usize) -> Vec<(Part, Vec<Item>)> {
    let mut parts = vec![Vec::new()];
    let mut room = most;
    for item in items {
        if item.bytes() > room && parts.last().is_some_and(|part| !part.is_empty()) {
            parts.push(Vec::new());
            room = most;
        }
        room = room.saturating_sub(item.bytes());
        if let Some(part) = parts.last_mut() {
            part.push(item);
        }
    }
    let of = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    (1..).zip(parts).map(|(number, items)| (Part { number, of }, items)).collect()
}

#[cfg(test)]
mod tests;
