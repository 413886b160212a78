//! Workers and their connections: slots, liveness, what they hold.

use super::WorkerView;
use super::draft::Draft;
use super::queue::cool_down;
use super::state::{State, Timer};
use crate::{GatewayId, ReportedStatus, Run, SessionId, TaskId, Timestamp, WorkerId, WorkerRow};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// A registered machine.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) row: WorkerRow,
    /// Its newest connection, open or away.
    pub(super) session: Option<SessionId>,
    /// Live leases.
    pub(super) leases: BTreeSet<TaskId>,
    /// Hosts that it leaves alone, with how often in a row.
    pub(super) cooling: BTreeMap<Arc<str>, (Timestamp, u8)>,
    /// After a reset `blocked` heartbeats are ignored until it has said `idle` or `busy` once.
    pub(super) ignores_blocked: bool,
    /// A slot stayed occupied long past its run's end.
    pub(super) stuck: bool,
    pub(super) last_error: Option<String>,
    pub(super) written_at: Timestamp,
    /// Live connections that were replaced, for the brake on a token used twice.
    pub(super) swaps: VecDeque<Timestamp>,
    pub(super) held_until: Timestamp,
}

impl Worker {
    pub(super) fn load(row: WorkerRow) -> Self {
        let written_at = row.last_heartbeat_at.unwrap_or(row.created_at);
        Self {
            row,
            session: None,
            leases: BTreeSet::new(),
            cooling: BTreeMap::new(),
            ignores_blocked: false,
            stuck: false,
            last_error: None,
            written_at,
            swaps: VecDeque::new(),
            held_until: Timestamp(0),
        }
    }

    /// Whether it must leave the host alone now.
    pub(super) fn is_cooling(&self, host: &str, now: Timestamp) -> bool {
        self.cooling.get(host).is_some_and(|(until, _)| *until > now)
    }

    /// A challenge or refusal on the host: longer each time in a row. A wish to leave it to others for a while
    /// neither shortens that nor counts in it. Until when.
    pub(super) fn cool(&mut self, host: &Arc<str>, now: Timestamp, wish: Option<Duration>) -> Timestamp {
        let (before, level) = self.cooling.get(host).copied().unwrap_or((now, 0));
        let (until, level) = match wish {
            Some(length) => (before.max(now + length), level),
            None => (now + cool_down(level.saturating_add(1)), level.saturating_add(1)),
        };
        self.cooling.insert(Arc::clone(host), (until, level));
        until
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) worker: WorkerId,
    pub(super) gateway: GatewayId,
    pub(super) capacity: usize,
    pub(super) kinds: BTreeSet<Arc<str>>,
    pub(super) slots: BTreeMap<TaskId, Slot>,
    /// Position among the free, by last use.
    pub(super) used: u64,
    pub(super) draining: bool,
    /// It inherited leases without saying what it holds: its first heartbeat decides.
    pub(super) unproven: bool,
    pub(super) last_heard: Timestamp,
    /// Its socket is closed; until then its worker may come back with what it holds.
    pub(super) away_until: Option<Timestamp>,
    pub(super) status: ReportedStatus,
    pub(super) connected_at: Timestamp,
    /// Its connect was heard in this epoch: nothing that is only announced is newer.
    pub(super) came_anew: bool,
}

/// A slot holds a run until its worker shows that it is through with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) run: Run,
    /// When its lease ended while the worker may still be on it.
    pub(super) over_since: Option<Timestamp>,
}

impl Session {
    /// Stands in for a connection from before a takeover.
    pub(super) fn ghost(id: SessionId, worker: WorkerId, now: Timestamp, until: Timestamp) -> Self {
        Self {
            id,
            worker,
            gateway: GatewayId::NIL,
            capacity: 1,
            kinds: BTreeSet::new(),
            slots: BTreeMap::new(),
            used: 0,
            draining: false,
            unproven: false,
            last_heard: now,
            away_until: Some(until),
            status: ReportedStatus::Idle,
            connected_at: now,
            came_anew: false,
        }
    }

    pub(super) fn occupy(&mut self, task: TaskId, run: Run) {
        self.slots.insert(task, Slot { run, over_since: None });
    }

    pub(super) fn has_free_slot(&self) -> bool {
        self.away_until.is_none() && !self.draining && !self.unproven && self.slots.len() < self.capacity
    }
}

impl State {
    /// Puts the session among the free or takes it out, after anything that changes its slots.
    pub(super) fn settle_session(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else { return };
        let blocked =
            self.workers.get(&session.worker).is_none_or(|w| w.row.blocked || w.session != Some(id));
        let key = (session.used, id);
        if session.has_free_slot() && !blocked {
            self.free.insert(key);
        } else {
            self.free.remove(&key);
        }
    }

    /// The least recently used session that may take the kind on the host; `avoid` only if no other may.
    pub(super) fn find_slot(
        &self,
        kind: &Arc<str>,
        host: &Arc<str>,
        avoid: Option<WorkerId>,
        now: Timestamp,
    ) -> Option<SessionId> {
        let mut second_best = None;
        for (_, id) in &self.free {
            let Some(session) = self.sessions.get(id) else { continue };
            if !session.kinds.contains(kind) {
                continue;
            }
            if self.workers.get(&session.worker).is_some_and(|w| w.is_cooling(host, now)) {
                continue;
            }
            if Some(session.worker) == avoid {
                second_best.get_or_insert(*id);
                continue;
            }
            return Some(*id);
        }
        second_best
    }

    /// Whether any free session can do the kind at all.
    pub(super) fn has_free_slot_for(&self, kind: &Arc<str>) -> bool {
        self.free.iter().any(|(_, id)| self.sessions.get(id).is_some_and(|s| s.kinds.contains(kind)))
    }

    /// The slot of a run becomes free.
    pub(super) fn free_slot(&mut self, id: SessionId, task: TaskId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.slots.remove(&task);
        }
        self.settle_session(id);
    }

    /// The lease is over but the worker may still be on the page: the slot stays occupied.
    pub(super) fn outlive_slot(&mut self, id: SessionId, task: TaskId, run: Run, now: Timestamp) {
        let stuck_at = now + self.settings.heartbeat_timeout;
        if let Some(session) = self.sessions.get_mut(&id) {
            session.slots.insert(task, Slot { run, over_since: Some(now) });
            self.timers.insert((stuck_at, Timer::Stuck(id, task, run)));
        }
        self.settle_session(id);
    }

    /// Forgets a session. Its leases must have ended or moved.
    pub(super) fn remove_session(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.remove(&id) {
            self.free.remove(&(session.used, id));
            if let Some(worker) = self.workers.get_mut(&session.worker)
                && worker.session == Some(id)
            {
                worker.session = None;
            }
        }
    }

    /// The worker's row with what memory knows fresher.
    pub(super) fn fresh_row(&self, worker: &Worker) -> WorkerRow {
        let mut row = worker.row.clone();
        if let Some(session) = worker.session.and_then(|id| self.sessions.get(&id))
            && session.capacity > 0
            && !session.kinds.is_empty()
        {
            row.last_heartbeat_at = Some(session.last_heard);
            row.connected_at = Some(session.connected_at);
        }
        row
    }

    /// Writes the worker's row with this step.
    pub(super) fn write_worker(&mut self, draft: &mut Draft, id: WorkerId) {
        let Some(row) = self.workers.get(&id).map(|w| self.fresh_row(w)) else { return };
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.row = row.clone();
            worker.written_at = draft.now;
        }
        draft.worker(row);
    }

    /// A worker as the public sees it.
    pub(super) fn worker_view(&self, worker: &Worker) -> WorkerView {
        let session = worker.session.and_then(|id| self.sessions.get(&id));
        let connected = session.is_some_and(|s| s.away_until.is_none());
        let status = if !connected {
            "disconnected"
        } else if worker.row.blocked {
            "blocked"
        } else if worker.leases.is_empty() && session.is_none_or(|s| s.status != ReportedStatus::Busy) {
            "idle"
        } else {
            "busy"
        };
        WorkerView {
            row: self.fresh_row(worker),
            status: status.to_owned(),
            connected,
            current_tasks: worker.leases.iter().copied().collect(),
            stuck: worker.stuck,
            last_error: worker.last_error.clone(),
        }
    }
}
