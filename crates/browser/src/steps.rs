//! What a visit did, step by step: for whoever wants to know where its time went, also when it broke off.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// One step of a visit that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// `open`, `navigate`, `wait`, `read`, `screenshot`.
    pub name: &'static str,
    /// When it began.
    pub began: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// Whether it came to its end with what was wanted.
    pub is_done: bool,
}

/// The steps of the request that it was given with. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Steps(Arc<Mutex<Vec<Step>>>);

impl Steps {
    /// The steps that have ended, oldest first; they are given once.
    #[must_use]
    pub fn take(&self) -> Vec<Step> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A step under way; without [`Going::done`] it has failed.
#[derive(Debug)]
pub(crate) struct Going<'a> {
    steps: Option<&'a Steps>,
    step: Step,
}

/// Begins a step, if anybody wants to know.
pub(crate) fn begin<'a>(steps: Option<&'a Steps>, name: &'static str) -> Going<'a> {
    let now = SystemTime::now();
    Going { steps, step: Step { name, began: now, ended: now, is_done: false } }
}

impl Going<'_> {
    /// It has ended; `Err` is a failure.
    pub(crate) fn ended<T, E>(mut self, result: Result<T, E>) -> Result<T, E> {
        self.step.is_done = result.is_ok();
        result
    }
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        if let Some(steps) = self.steps {
            let step = Step { ended: SystemTime::now(), ..self.step };
            steps.0.lock().unwrap_or_else(PoisonError::into_inner).push(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Steps, begin};

    #[test]
    fn a_step_that_is_dropped_has_failed() {
        let steps = Steps::default();
        let _nothing: Result<(), ()> = begin(Some(&steps), "navigate").ended(Ok(()));
        drop(begin(Some(&steps), "wait"));
        let _nothing: Result<(), ()> = begin(None, "read").ended(Ok(()));
        let told: Vec<_> = steps.take().iter().map(|step| (step.name, step.is_done)).collect();
        assert_eq!(told, [("navigate", true), ("wait", false)]);
        assert!(steps.take().is_empty());
    }
}
