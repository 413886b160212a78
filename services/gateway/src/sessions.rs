//! All open sessions by their id.

use crate::session::Session;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use ukai_domain::SessionId;

/// The map and who left it; their guards never leave this file.
#[derive(Default)]
pub(crate) struct Sessions {
    open: RwLock<HashMap<SessionId, Arc<Session>>>,
    ended: Mutex<Vec<SessionId>>,
}

impl Sessions {
    pub(crate) fn add(&self, session: &Arc<Session>) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(session.id, Arc::clone(session));
    }

    pub(crate) fn remove(&self, id: SessionId) -> bool {
        let was_open = self.open.write().unwrap_or_else(PoisonError::into_inner).remove(&id).is_some();
        if was_open {
            self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        }
        was_open
    }

    /// Those removed since the last call.
    pub(crate) fn take_ended(&self) -> Vec<SessionId> {
        std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Those that nobody could be told of: they belong to the next call.
    pub(crate) fn put_ended_back(&self, ended: impl Iterator<Item = SessionId>) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).extend(ended);
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// What `of` says of each that it says something of, in no order. Each second every session is asked: no list of them is
    /// made for that.
    pub(crate) fn collect<T>(&self, of: impl FnMut(&Arc<Session>) -> Option<T>) -> Vec<T> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).values().filter_map(of).collect()
    }

    /// Every one, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
