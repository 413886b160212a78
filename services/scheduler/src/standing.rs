//! Whether this process leads, for those who answer callers.

use std::sync::Arc;
use tokio::sync::watch;

/// Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    now: Arc<watch::Sender<Role>>,
}

/// What this process is at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It takes commands.
    Leading,
    /// It waits to lead; the address of who does, where that is known.
    StandingBy { leader: Option<String> },
}

impl Standing {
    /// Standing by, before anybody was asked.
    pub(crate) fn new() -> Self {
        Self { now: Arc::new(watch::Sender::new(Role::StandingBy { leader: None })) }
    }

    pub(crate) fn set(&self, role: Role) {
        self.now.send_if_modified(|now| {
            let is_new = *now != role;
            *now = role;
            is_new
        });
    }

    pub(crate) fn is_leading(&self) -> bool {
        *self.now.borrow() == Role::Leading
    }

    /// Who else leads, where that is known.
    pub(crate) fn leader(&self) -> Option<String> {
        match &*self.now.borrow() {
            Role::Leading => None,
            Role::StandingBy { leader } => leader.clone(),
        }
    }
}
