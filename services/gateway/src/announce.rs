//! An announcement: every session that a leader has registered, with the runs that it holds.

use crate::inbox::{Item, What};
use crate::shared::Shared;
use ukai_domain::scheduler::{Connect, Identity, Input};

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
