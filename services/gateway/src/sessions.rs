//! All open sessions by their id.

use crate::session::Session;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use ukai_domain::SessionId;

/// The map; its guard never leaves this file.
#[derive(Default)]
pub(crate) struct Sessions(RwLock<HashMap<SessionId, Arc<Session>>>);

impl Sessions {
    pub(crate) fn add(&self, session: &Arc<Session>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(session.id, Arc::clone(session));
    }

    pub(crate) fn remove(&self, id: SessionId) -> bool {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&id).is_some()
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Every one, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
