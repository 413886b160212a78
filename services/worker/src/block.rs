//! Judges whether this worker's address has been blocked: several different tasks refused in a row.
//!
//! One task that is refused again and again says something about its page, not about the worker.

/// Tasks that are named in a report of a block.
const NAMED: usize = 20;

/// How a page was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Captcha,
    Blocked,
    Throttled,
}

/// What the server is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) reason: String,
    pub(crate) action: &'static str,
    pub(crate) tasks: Vec<String>,
}

/// The refusals since the last page that came.
#[derive(Debug)]
pub(crate) struct BlockJudge {
    after: usize,
    tasks: Vec<String>,
    blocked: bool,
}

impl BlockJudge {
    /// Blocked after refusals of so many different tasks in a row; 0 is never.
    pub(crate) fn new(after: u32) -> Self {
        Self { after: usize::try_from(after).unwrap_or(usize::MAX), tasks: Vec::new(), blocked: false }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// A page came.
    pub(crate) fn passed(&mut self) {
        self.tasks.clear();
    }

    /// A page was refused; tells of a block once.
    pub(crate) fn refused(&mut self, refusal: Refusal, task: &str) -> Option<Block> {
        if self.tasks.len() < NAMED && !self.tasks.iter().any(|known| known == task) {
            self.tasks.push(task.to_owned());
        }
        if self.blocked || self.after == 0 || self.tasks.len() < self.after.min(NAMED) {
            return None;
        }
        self.blocked = true;
        let (what, action) = match refusal {
            Refusal::Captcha => ("a CAPTCHA", "manual_intervention"),
            Refusal::Blocked => ("a block page", "change_network"),
            Refusal::Throttled => ("a request to slow down", "wait"),
        };
        let reason = format!("{} tasks in a row were refused, the last with {what}", self.tasks.len());
        Some(Block { reason, action, tasks: self.tasks.clone() })
    }

    /// The same where a new task shows that the server has reset this worker.
    pub(crate) fn reset_if_blocked(&mut self) {
        if self.blocked {
            self.reset();
        }
    }

    /// The operator says that it goes on.
    pub(crate) fn reset(&mut self) {
        self.blocked = false;
        self.tasks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{BlockJudge, Refusal};

    #[test]
    fn different_tasks_in_a_row_are_a_block_told_once() {
        let mut judge = BlockJudge::new(3);
        assert_eq!(judge.refused(Refusal::Captcha, "a"), None);
        assert_eq!(judge.refused(Refusal::Captcha, "b"), None);
        let block = judge.refused(Refusal::Blocked, "c").unwrap();
        assert_eq!((block.action, block.tasks.len()), ("change_network", 3));
        assert!(judge.is_blocked());
        assert_eq!(judge.refused(Refusal::Blocked, "d"), None, "told once");
        judge.reset();
        assert!(!judge.is_blocked());
        assert_eq!(judge.refused(Refusal::Throttled, "e"), None, "counted from the start again");
    }

    #[test]
    fn one_poison_task_or_a_page_between_is_none() {
        let mut judge = BlockJudge::new(3);
        for _ in 0..10 {
            assert_eq!(judge.refused(Refusal::Captcha, "a"), None);
        }
        assert_eq!(judge.refused(Refusal::Captcha, "b"), None);
        judge.passed();
        assert_eq!(judge.refused(Refusal::Captcha, "c"), None);
        assert!(!judge.is_blocked());
    }

    #[test]
    fn zero_is_never() {
        let mut judge = BlockJudge::new(0);
        assert!((0..100).all(|n| judge.refused(Refusal::Captcha, &n.to_string()).is_none()));
    }
}
