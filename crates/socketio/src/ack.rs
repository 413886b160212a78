//! The acknowledgements that a client still waits for.

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::Ack;

/// Waiting callers by id. Those that gave up are swept when the map has doubled.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    callers: HashMap<u64, oneshot::Sender<Ack>>,
    sweep_at: usize,
}

impl Waiting {
    pub(crate) fn insert(&mut self, id: u64, caller: oneshot::Sender<Ack>) {
        if self.callers.len() >= self.sweep_at.max(64) {
            self.callers.retain(|_, caller| !caller.is_closed());
            self.sweep_at = self.callers.len() * 2;
        }
        self.callers.insert(id, caller);
    }

    /// Hands `ack` to its caller; an unknown or abandoned id is ignored.
    pub(crate) fn resolve(&mut self, ack: Ack) {
        if let Some(caller) = self.callers.remove(&ack.id) {
            let _ = caller.send(ack);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::Waiting;

    #[test]
    fn abandoned_callers_do_not_pile_up() {
        let mut waiting = Waiting::default();
        for id in 0..10_000 {
            let (caller, _gone) = oneshot::channel();
            waiting.insert(id, caller);
        }
        assert!(waiting.callers.len() <= 64, "{}", waiting.callers.len());
    }
}
