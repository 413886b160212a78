//! A worker's side of the protocol: what it holds, what it has yet to be told was heard.

use crate::kit::connect;
use std::collections::VecDeque;
use std::sync::Arc;
use ukai_domain::scheduler::{Connect, Word};
use ukai_domain::{RUNNABLE_KINDS, Run, SessionId, TaskId, WorkerId};

/// What a worker does on a task that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) task: TaskId,
    pub(crate) run: Run,
    pub(crate) started: bool,
}

/// A report that was not acknowledged yet.
#[derive(Clone, Debug)]
pub(crate) struct Unacked {
    pub(crate) task: TaskId,
    pub(crate) run: Run,
    pub(crate) word: Word,
}

#[derive(Debug)]
pub(crate) struct SimWorker {
    pub(crate) id: WorkerId,
    pub(crate) session: Option<SessionId>,
    /// It speaks the contract alone: no `inFlight`, no `run`.
    pub(crate) contract_only: bool,
    pub(crate) held: Vec<Held>,
    pub(crate) unacked: VecDeque<Unacked>,
    /// Old reports, to be repeated at bad moments.
    pub(crate) said: Vec<Unacked>,
}

impl SimWorker {
    pub(crate) fn new(id: WorkerId, contract_only: bool) -> Self {
        Self {
            id,
            session: None,
            contract_only,
            held: Vec::new(),
            unacked: VecDeque::new(),
            said: Vec::new(),
        }
    }

    /// What it announces when it connects: what it works on and what it has results of.
    pub(crate) fn in_flight(&self) -> Option<Vec<(TaskId, Run)>> {
        if self.contract_only {
            return None;
        }
        let held = self.held.iter().map(|h| (h.task, h.run));
        let mut all: Vec<_> = held.chain(self.unacked.iter().map(|u| (u.task, u.run))).collect();
        all.sort_unstable();
        all.dedup();
        Some(all)
    }

    /// It can do all kinds of work.
    pub(crate) fn connect(&self, session: SessionId) -> Connect {
        let mut connect = connect(session, self.id, self.in_flight());
        connect.capabilities = RUNNABLE_KINDS.iter().map(|kind| Arc::from(*kind)).collect();
        connect
    }

    pub(crate) fn assigned(&mut self, task: TaskId, run: Run) {
        let known = self.held.iter().any(|h| h.task == task && h.run == run)
            || self.unacked.iter().any(|u| u.task == task && u.run == run);
        if !known {
            self.held.retain(|h| h.task != task);
            self.held.push(Held { task, run, started: false });
        }
    }

    pub(crate) fn cancelled(&mut self, task: TaskId, run: Run) {
        self.held.retain(|h| !(h.task == task && h.run == run));
    }

    pub(crate) fn said(&mut self, report: Unacked) {
        if self.said.len() < 64 {
            self.said.push(report);
        }
    }
}
