//! Remembers for a while why requests were refused or failed, for whoever sees them fail without a reason.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{Refusal, Target};

const MOST: usize = 256;
const REMEMBERED: Duration = Duration::from_secs(120);

/// Why there was no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The target is not allowed.
    Refused(Refusal),
    /// It is allowed and can't be reached; in the browser's words, `net::ERR_CONNECTION_REFUSED`.
    Failed(&'static str),
}

#[derive(Debug, Default)]
pub(crate) struct Troubles(Mutex<VecDeque<(Instant, Target, Trouble)>>);

impl Troubles {
    pub(crate) fn tell(&self, target: &Target, trouble: Trouble) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, of, _)| of != target);
        if known.len() >= MOST {
            known.pop_front();
        }
        known.push_back((Instant::now(), target.clone(), trouble));
    }

    pub(crate) fn of(&self, target: &Target) -> Option<Trouble> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.iter().rev().find(|(_, of, _)| of == target);
        found.filter(|(at, _, _)| at.elapsed() < REMEMBERED).map(|(_, _, trouble)| trouble.clone())
    }

    pub(crate) fn clear(&self, target: &Target) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, of, _)| of != target);
    }
}
