//! A worker's periodic word, and what it says of blocks and networks.

use super::draft::Draft;
use super::ending::End;
use super::state::State;
use super::{Heartbeat, Refusal, Reply};
use crate::{Event, JobId, NetworkInfo, ReportedStatus, SessionId, TaskId, WorkerId};
use std::time::Duration;

/// Rows of workers are written at most this often while nothing changes.
const WRITE_INTERVAL: Duration = Duration::from_secs(60);

impl State {
    pub(super) fn heartbeat(&mut self, draft: &mut Draft, beat: Heartbeat) -> Reply {
        let Some(id) = self.hear(beat.session, draft) else {
            return Reply::Refused(Refusal::UnknownSession);
        };
        if let Some(session) = self.sessions.get_mut(&beat.session) {
            session.status = beat.status;
        }
        self.prove(draft, id, &beat);
        self.release_through(&beat);
        let mut write = false;
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.row.stats = beat.stats;
            write |= draft.now.since(worker.written_at) >= WRITE_INTERVAL;
        }
        write |= self.take_network(draft, id, beat.network);
        match beat.status {
            ReportedStatus::Blocked => {
                if self.workers.get(&id).is_some_and(|w| !w.ignores_blocked) {
                    self.block(draft, id, "reported by its heartbeat".to_owned(), "wait".to_owned());
                }
            }
            ReportedStatus::Idle | ReportedStatus::Busy => {
                if let Some(worker) = self.workers.get_mut(&id) {
                    worker.ignores_blocked = false;
                }
            }
        }
        if write {
            self.write_worker(draft, id);
        }
        self.settle_session(beat.session);
        Reply::Ok
    }

    /// The first heartbeat of a connection that inherited leases: it confirms one or lets go of them.
    fn prove(&mut self, draft: &mut Draft, id: WorkerId, beat: &Heartbeat) {
        let Some(session) = self.sessions.get_mut(&beat.session).filter(|s| s.unproven) else { return };
        session.unproven = false;
        let leases: Vec<TaskId> =
            self.workers.get(&id).map(|w| w.leases.iter().copied().collect()).unwrap_or_default();
        let busy = beat.status == ReportedStatus::Busy;
        for task in &leases {
            let kept =
                beat.current_task == Some(*task) || busy && beat.current_task.is_none() && leases.len() == 1;
            if kept {
                self.unconfirmed.remove(task);
                continue;
            }
            let end = if self.unconfirmed.contains_key(task) { End::HandedBack } else { End::Lost };
            self.end_run(draft, *task, end);
            self.free_slot(beat.session, *task);
        }
    }

    /// Slots of ended runs become free once the worker says idle or names another task.
    fn release_through(&mut self, beat: &Heartbeat) {
        let Some(session) = self.sessions.get_mut(&beat.session) else { return };
        let idle = beat.status == ReportedStatus::Idle;
        session.slots.retain(|task, slot| {
            let through = idle || beat.current_task.is_some_and(|current| current != *task);
            slot.over_since.is_none() || !through
        });
    }

    /// Whether the worker's row changed.
    fn take_network(&mut self, draft: &mut Draft, id: WorkerId, to: NetworkInfo) -> bool {
        let Some(worker) = self.workers.get_mut(&id) else { return false };
        let from = worker.row.network.clone();
        let changed = from.external_ip != to.external_ip || from.isp_name != to.isp_name;
        if to.external_ip.is_empty() && to.isp_name.is_empty() && changed {
            // It doesn't know at the moment: the last known stays.
            return false;
        }
        worker.row.network = to.clone();
        if changed && !from.external_ip.is_empty() {
            draft.event(JobId::NIL, Event::WorkerNetworkChanged { worker: id, from, to });
        }
        changed
    }

    pub(super) fn network_changed(
        &mut self,
        draft: &mut Draft,
        session: SessionId,
        to: NetworkInfo,
    ) -> Reply {
        let Some(id) = self.hear(session, draft) else { return Reply::Refused(Refusal::UnknownSession) };
        if self.take_network(draft, id, to) {
            self.write_worker(draft, id);
        }
        Reply::Ok
    }

    pub(super) fn block_detected(
        &mut self,
        draft: &mut Draft,
        session: SessionId,
        reason: String,
        suggested_action: String,
    ) -> Reply {
        let Some(id) = self.hear(session, draft) else { return Reply::Refused(Refusal::UnknownSession) };
        self.block(draft, id, reason, suggested_action);
        Reply::Ok
    }

    /// The worker gets nothing until reset. What it holds it may finish.
    fn block(&mut self, draft: &mut Draft, id: WorkerId, reason: String, suggested_action: String) {
        let Some(worker) = self.workers.get_mut(&id).filter(|w| !w.row.blocked) else { return };
        worker.row.blocked = true;
        worker.row.blocked_reason = Some(reason.clone());
        let session = worker.session;
        draft.event(JobId::NIL, Event::WorkerBlocked { worker: id, reason, suggested_action });
        self.write_worker(draft, id);
        if let Some(session) = session {
            self.settle_session(session);
        }
    }

    /// Shown on the worker's page until it completes a page.
    pub(super) fn worker_error(&mut self, draft: &Draft, session: SessionId, message: String) -> Reply {
        let Some(id) = self.hear(session, draft) else { return Reply::Refused(Refusal::UnknownSession) };
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.last_error = Some(message);
        }
        Reply::Ok
    }

    pub(super) fn drain(&mut self, draft: &Draft, session: SessionId) -> Reply {
        if self.hear(session, draft).is_none() {
            return Reply::Refused(Refusal::UnknownSession);
        }
        if let Some(known) = self.sessions.get_mut(&session) {
            known.draining = true;
        }
        self.settle_session(session);
        Reply::Ok
    }
}
