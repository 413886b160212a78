//! A worker connects: who it is, which connection wins, what it still holds.

use super::draft::Draft;
use super::ending::End;
use super::session::Session;
use super::state::{State, Timer};
use super::{Connect, Identity, PlaceName, PushMessage, Reply};
use crate::{
    Code, DEFAULT_KIND, Event, GatewayId, JobId, NetworkInfo, Place, Rejection, ReportedStatus, Run,
    SessionId, TaskId, WorkerConfig, WorkerId, WorkerRow, WorkerStats,
};
use std::sync::Arc;
use std::time::Duration;

/// A token that is used by two machines at once: more swaps than this in a minute hold it for a minute.
const MAX_SWAPS: usize = 3;
const SWAP_WINDOW: Duration = Duration::from_secs(60);
/// Slots of one worker at most.
const MAX_CAPACITY: u32 = 64;

impl State {
    /// A worker has connected just now.
    pub(super) fn connect_anew(&mut self, draft: &mut Draft, connect: Connect) -> Result<Reply, Rejection> {
        let id = connect.session;
        let reply = self.connect(draft, connect)?;
        if let Some(session) = self.sessions.get_mut(&id) {
            session.came_anew = true;
        }
        Ok(reply)
    }

    fn connect(&mut self, draft: &mut Draft, connect: Connect) -> Result<Reply, Rejection> {
        let id = match self.sessions.get(&connect.session).map(|s| s.worker) {
            // A repeat of a connect that made its worker: the same worker.
            Some(known) if matches!(connect.identity, Identity::Enrolled { .. }) => known,
            known => {
                let id = self.identify(draft, &connect.identity)?;
                if known.is_some_and(|known| known != id) {
                    return Err(Rejection::new(Code::Conflict, "this session belongs to another worker"));
                }
                id
            }
        };
        let resumed =
            self.sessions.get(&connect.session).is_some_and(|s| s.worker == id && s.away_until.is_none());
        if !resumed {
            self.replace_session(draft, id, connect.session)?;
        }
        self.open_session(draft, id, &connect);
        if !resumed {
            let config = self.workers.get(&id).map(|w| w.row.config.clone()).unwrap_or_default();
            draft.push(
                connect.gateway,
                connect.session,
                PushMessage::Registered {
                    worker: id,
                    heartbeat_interval: self.settings.heartbeat_interval,
                    task_timeout: self.settings.task_timeout,
                    config,
                },
            );
            draft.event(JobId::NIL, Event::WorkerConnected { worker: id });
            self.write_worker(draft, id);
        }
        self.resume(draft, id, &connect);
        self.settle_session(connect.session);
        Ok(Reply::Registered(id))
    }

    fn identify(&mut self, draft: &mut Draft, identity: &Identity) -> Result<WorkerId, Rejection> {
        match identity {
            Identity::Worker(id) if self.workers.contains_key(id) => Ok(*id),
            Identity::Worker(_) => Err(Rejection::new(Code::AuthFailed, "the worker's token was revoked")),
            Identity::Enrolled { name: Some(name) } => {
                let known = self.enrolled.get(name).copied();
                Ok(known.unwrap_or_else(|| self.enrol(draft, Some(name.clone()))))
            }
            Identity::Enrolled { name: None } => Ok(self.enrol(draft, None)),
        }
    }

    fn enrol(&mut self, draft: &mut Draft, name: Option<String>) -> WorkerId {
        let id = WorkerId(self.ids.next(draft.now));
        let name = name.unwrap_or_else(|| format!("worker-{}", &id.to_string()[24..]));
        self.add_worker(draft, id, name, None, None);
        id
    }

    pub(super) fn add_worker(
        &mut self,
        draft: &mut Draft,
        id: WorkerId,
        name: String,
        token_hash: Option<String>,
        token_prefix: Option<String>,
    ) {
        let row = WorkerRow {
            id,
            name: name.clone(),
            token_hash,
            token_prefix,
            blocked: false,
            blocked_reason: None,
            capabilities: vec![DEFAULT_KIND.to_owned()],
            capacity: 1,
            config: WorkerConfig::default(),
            network: NetworkInfo::default(),
            stats: WorkerStats::default(),
            last_heartbeat_at: None,
            connected_at: None,
            created_at: draft.now,
        };
        draft.event(JobId::NIL, Event::WorkerCreated { worker: id, name });
        draft.worker(row.clone());
        self.insert_worker(row);
    }

    /// The newer connection wins; the older is told and closed. Two machines on one token are slowed down.
    fn replace_session(
        &mut self,
        draft: &mut Draft,
        id: WorkerId,
        newer: SessionId,
    ) -> Result<(), Rejection> {
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        if worker.held_until > draft.now {
            let message = "this token is used from two machines: it is held for a minute";
            return Err(Rejection::new(Code::RateLimited, message));
        }
        let Some(older) = worker.session.filter(|older| *older != newer) else { return Ok(()) };
        let Some(session) = self.sessions.get(&older) else { return Ok(()) };
        if session.away_until.is_some() {
            return Ok(());
        }
        while worker.swaps.front().is_some_and(|at| *at + SWAP_WINDOW < draft.now) {
            worker.swaps.pop_front();
        }
        worker.swaps.push_back(draft.now);
        if worker.swaps.len() > MAX_SWAPS {
            worker.held_until = draft.now + SWAP_WINDOW;
        }
        let message = "replaced by a newer connection of the same worker".to_owned();
        draft.push(session.gateway, older, PushMessage::Drop { code: Code::Conflict, message });
        Ok(())
    }

    fn open_session(&mut self, draft: &mut Draft, id: WorkerId, connect: &Connect) {
        let older = self.workers.get(&id).and_then(|w| w.session);
        let mut slots = std::collections::BTreeMap::new();
        let mut used = 0;
        let mut draining = false;
        if let Some(older) = older.and_then(|s| self.sessions.get(&s)) {
            draining = older.draining && older.id == connect.session;
            // Runs that ended while the worker was away: a new connection without them has let go of them.
            slots =
                older.slots.iter().filter(|(_, s)| s.over_since.is_none()).map(|(t, s)| (*t, *s)).collect();
            used = older.used;
        }
        if let Some(older) = older {
            self.remove_session(older);
        }
        let kinds: Vec<Arc<str>> = if connect.capabilities.is_empty() {
            vec![Arc::from(DEFAULT_KIND)]
        } else {
            connect.capabilities.clone()
        };
        let capacity = connect.capacity.clamp(1, MAX_CAPACITY);
        let session = Session {
            id: connect.session,
            worker: id,
            gateway: connect.gateway,
            capacity: capacity as usize,
            kinds: kinds.iter().cloned().collect(),
            slots,
            used,
            draining,
            unproven: false,
            last_heard: draft.now,
            away_until: None,
            status: ReportedStatus::Idle,
            connected_at: draft.now,
            came_anew: false,
        };
        self.sessions.insert(connect.session, session);
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.session = Some(connect.session);
            worker.row.capabilities = kinds.iter().map(ToString::to_string).collect();
            worker.row.capacity = capacity;
            worker.row.connected_at = Some(draft.now);
        }
    }

    /// Matches the worker's live leases with what it holds.
    fn resume(&mut self, draft: &mut Draft, id: WorkerId, connect: &Connect) {
        let leases: Vec<TaskId> =
            self.workers.get(&id).map(|w| w.leases.iter().copied().collect()).unwrap_or_default();
        let Some(held) = &connect.in_flight else {
            for task in &leases {
                self.adopt(draft, *task, connect.session);
            }
            if let Some(session) = self.sessions.get_mut(&connect.session) {
                session.unproven = !leases.is_empty();
            }
            return;
        };
        for task in leases {
            let Some(run) = self.leases.get(&task).map(|l| l.progress.run) else { continue };
            if held.contains(&(task, run)) {
                self.unconfirmed.remove(&task);
                self.adopt(draft, task, connect.session);
            } else if self.unconfirmed.contains_key(&task) {
                // Its push never arrived: the same run is pushed again.
                self.adopt(draft, task, connect.session);
                self.push_assigned(draft, task, connect.gateway, connect.session);
            } else {
                self.end_run(draft, task, End::Lost);
                self.free_slot(connect.session, task);
            }
        }
        for (task, run) in held {
            if self.leases.get(task).is_none_or(|l| l.worker != id || l.progress.run != *run) {
                self.tell_over(draft, connect.gateway, connect.session, *task, *run);
            }
        }
    }

    /// The worker is still on a run that is over: it is told, and the slot waits for it.
    fn tell_over(
        &mut self,
        draft: &mut Draft,
        gateway: GatewayId,
        session: SessionId,
        task: TaskId,
        run: Run,
    ) {
        let reason = "this run is over".to_owned();
        draft.push(gateway, session, PushMessage::Cancelled { task, run, reason });
        // Where a newer run of the same task is live here, its slot is the one that counts.
        if self.leases.get(&task).is_none_or(|lease| lease.session != session) {
            self.outlive_slot(session, task, run, draft.now);
        }
    }

    /// A live lease goes on through another connection of its worker.
    fn adopt(&mut self, draft: &mut Draft, task: TaskId, session: SessionId) {
        let Some(lease) = self.leases.get_mut(&task) else { return };
        let run = lease.progress.run;
        if lease.session != session {
            lease.session = session;
            let lease = lease.clone();
            draft.move_task(task, Some(PlaceName::Leased), Some(Place::Leased(lease)));
        }
        if let Some(session) = self.sessions.get_mut(&session) {
            session.occupy(task, run);
        }
    }

    pub(super) fn push_assigned(
        &self,
        draft: &mut Draft,
        task: TaskId,
        gateway: GatewayId,
        session: SessionId,
    ) {
        let Some(lease) = self.leases.get(&task) else { return };
        draft.push(
            gateway,
            session,
            PushMessage::Assigned {
                body: Arc::clone(&lease.body),
                run: lease.progress.run,
                attempt: lease.progress.attempts + 1,
                assigned_at: lease.assigned_at,
                deadline: lease.deadline,
                crawl: self.rules_for(&lease.body),
            },
        );
    }
}

/// Connections end, gateways come and go.
impl State {
    pub(super) fn disconnect(&mut self, draft: &mut Draft, session: SessionId, reason: String) -> Reply {
        if self.sessions.get(&session).is_some_and(|s| s.draining) {
            self.hand_back(draft, session);
        }
        self.go_away(draft, session, reason, self.settings.away_grace);
        Reply::Ok
    }

    /// A worker that said that it leaves and then left: what it still holds goes on elsewhere, uncounted.
    fn hand_back(&mut self, draft: &mut Draft, session: SessionId) {
        let held = |task: &&TaskId| self.leases.get(task).is_some_and(|l| l.session == session);
        let worker = self.sessions.get(&session).and_then(|s| self.workers.get(&s.worker));
        let tasks: Vec<TaskId> =
            worker.map(|w| w.leases.iter().filter(held).copied().collect()).unwrap_or_default();
        for task in tasks {
            self.end_run(draft, task, End::HandedBack);
            self.free_slot(session, task);
        }
    }

    fn go_away(&mut self, draft: &mut Draft, id: SessionId, reason: String, grace: Duration) {
        let Some(session) = self.sessions.get_mut(&id).filter(|s| s.away_until.is_none()) else { return };
        session.away_until = Some(draft.now + grace);
        let worker = session.worker;
        draft.event(JobId::NIL, Event::WorkerDisconnected { worker, reason });
        self.timers.insert((draft.now + grace, Timer::AwayOver(id)));
        self.settle_session(id);
        self.write_worker(draft, worker);
        if self.workers.get(&worker).is_some_and(|w| w.leases.is_empty()) {
            self.remove_session(id);
        }
    }

    /// The session is over for good: what it holds is lost.
    pub(super) fn lose_session(&mut self, draft: &mut Draft, id: SessionId, reason: &str) {
        let Some(session) = self.sessions.get(&id) else { return };
        let (worker, gateway, open) = (session.worker, session.gateway, session.away_until.is_none());
        let leases: Vec<TaskId> =
            self.workers.get(&worker).map(|w| w.leases.iter().copied().collect()).unwrap_or_default();
        for task in leases {
            if self.leases.get(&task).is_some_and(|l| l.session == id) {
                let end = if self.unconfirmed.contains_key(&task) { End::HandedBack } else { End::Lost };
                self.end_run(draft, task, end);
            }
        }
        if open {
            let message = reason.to_owned();
            draft.push(gateway, id, PushMessage::Drop { code: Code::Unavailable, message });
            draft.event(JobId::NIL, Event::WorkerDisconnected { worker, reason: reason.to_owned() });
        }
        self.write_worker(draft, worker);
        self.remove_session(id);
    }

    pub(super) fn announce(
        &mut self,
        draft: &mut Draft,
        gateway: GatewayId,
        sessions: Vec<Connect>,
    ) -> Reply {
        let listed: std::collections::BTreeSet<SessionId> = sessions.iter().map(|c| c.session).collect();
        let gone: Vec<SessionId> = self
            .sessions
            .values()
            .filter(|s| s.gateway == gateway && s.away_until.is_none() && !listed.contains(&s.id))
            .map(|s| s.id)
            .collect();
        for id in gone {
            self.go_away(draft, id, "not announced by its gateway".to_owned(), self.settings.away_grace);
        }
        for connect in sessions {
            let session = connect.session;
            let known = match self.is_outdated(&connect) {
                true => Err(Rejection::new(Code::Conflict, "its worker has a newer connection elsewhere")),
                false => self.connect(draft, connect),
            };
            if let Err(rejection) = known {
                draft.push(
                    gateway,
                    session,
                    PushMessage::Drop { code: rejection.code, message: rejection.message },
                );
            }
        }
        Reply::Ok
    }

    /// Whether an announced connection is older than the one that its worker has: a gateway may not have noticed yet that
    /// its worker has gone elsewhere.
    fn is_outdated(&self, announced: &Connect) -> bool {
        let Identity::Worker(worker) = announced.identity else { return false };
        let current = self.workers.get(&worker).and_then(|w| self.sessions.get(&w.session?));
        current.is_some_and(|current| {
            current.came_anew
                && current.away_until.is_none()
                && current.id != announced.session
                && current.gateway != announced.gateway
        })
    }

    pub(super) fn gateway_lost(&mut self, draft: &mut Draft, gateway: GatewayId) -> Reply {
        let sessions: Vec<SessionId> =
            self.sessions.values().filter(|s| s.gateway == gateway).map(|s| s.id).collect();
        for id in sessions {
            let unconfirmed: Vec<TaskId> = self
                .unconfirmed
                .keys()
                .filter(|task| self.leases.get(task).is_some_and(|l| l.session == id))
                .copied()
                .collect();
            for task in unconfirmed {
                self.end_run(draft, task, End::HandedBack);
                self.free_slot(id, task);
            }
            let grace = self.settings.heartbeat_timeout;
            self.go_away(draft, id, "its gateway is gone".to_owned(), grace);
        }
        Reply::Ok
    }

    pub(super) fn push_refused(
        &mut self,
        draft: &mut Draft,
        session: SessionId,
        task: TaskId,
        run: Run,
    ) -> Reply {
        let same = self.leases.get(&task).is_some_and(|l| l.session == session && l.progress.run == run);
        if same && self.unconfirmed.contains_key(&task) {
            self.end_run(draft, task, End::HandedBack);
            self.free_slot(session, task);
            // The gateway has no such socket: nothing more goes there until it says otherwise.
            self.go_away(draft, session, "its gateway doesn't know it".to_owned(), self.settings.away_grace);
        }
        Reply::Ok
    }

    pub(super) fn push_confirmed(&mut self, leases: &[(TaskId, Run)]) -> Reply {
        for (task, run) in leases {
            if self.unconfirmed.get(task) == Some(run) {
                self.unconfirmed.remove(task);
            }
        }
        Reply::Ok
    }

    /// A judge heard nothing: true only for the same session, and only if nothing was heard here since.
    pub(super) fn report_lost(&mut self, draft: &mut Draft, id: SessionId, silent_for: Duration) -> Reply {
        let timeout = self.settings.heartbeat_timeout;
        let silent = self.sessions.get(&id).is_some_and(|s| {
            s.away_until.is_none() && silent_for >= timeout && draft.now.since(s.last_heard) >= timeout
        });
        if silent && !self.bus_away {
            self.lose_session(draft, id, "silent for too long");
        }
        Reply::Ok
    }

    pub(super) fn heard(&mut self, draft: &Draft, sessions: &[(SessionId, Duration)]) -> Reply {
        for (id, ago) in sessions {
            if let Some(session) = self.sessions.get_mut(id) {
                session.last_heard = session.last_heard.max(draft.now - *ago);
            }
        }
        Reply::Ok
    }

    /// Nobody could be heard for a while: every clock gets a fresh start.
    pub(super) fn start_afresh(&mut self, draft: &Draft) -> Reply {
        let fresh = draft.now + self.settings.heartbeat_timeout;
        for session in self.sessions.values_mut() {
            session.last_heard = draft.now;
            if session.away_until.is_some_and(|until| until < fresh) {
                session.away_until = Some(fresh);
                self.timers.insert((fresh, Timer::AwayOver(session.id)));
            }
            for (task, slot) in session.slots.iter_mut().filter(|(_, slot)| slot.over_since.is_some()) {
                slot.over_since = Some(draft.now);
                self.timers.insert((fresh, Timer::Stuck(session.id, *task, slot.run)));
            }
        }
        let tasks: Vec<TaskId> = self.leases.keys().copied().collect();
        for task in tasks {
            if let Some(lease) = self.leases.get_mut(&task)
                && lease.deadline < fresh
            {
                self.deadlines.remove(&(lease.deadline, task));
                lease.deadline = fresh;
                self.deadlines.insert((fresh, task));
            }
        }
        Reply::Ok
    }
}
