//! Operators register, delete, reset, look at and configure workers, and set hosts' politeness.

use super::draft::Draft;
use super::ending::End;
use super::state::State;
use super::{HostPolicy, HostView, IdempotencyKey, PushMessage, Reply};
use crate::{Code, Event, JobId, Rejection, TaskId, WorkerConfig, WorkerId};

impl State {
    pub(super) fn create_worker(
        &mut self,
        draft: &mut Draft,
        name: String,
        token_hash: String,
        token_prefix: String,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Reply, Rejection> {
        if let Some(replay) = draft.replay(idempotency.as_ref()) {
            // The token was shown once and isn't stored: a repeat can only name the worker.
            return Err(match replay? {
                Reply::Worker(view) => {
                    let message =
                        format!("worker {} was made by this key; its token was shown then", view.row.id);
                    Rejection::new(Code::Conflict, message)
                }
                _ => Rejection::new(Code::Conflict, "this Idempotency-Key was used before"),
            });
        }
        let id = WorkerId(self.ids.next(draft.now));
        self.add_worker(draft, id, name, Some(token_hash), Some(token_prefix));
        let reply = self.worker_reply(id)?;
        draft.remember(idempotency, &reply);
        Ok(reply)
    }

    pub(super) fn worker_reply(&self, id: WorkerId) -> Result<Reply, Rejection> {
        let worker = self.workers.get(&id).ok_or_else(|| no_worker(id))?;
        Ok(Reply::Worker(Box::new(self.worker_view(worker))))
    }

    pub(super) fn delete_worker(&mut self, draft: &mut Draft, id: WorkerId) -> Result<Reply, Rejection> {
        let worker = self.workers.get(&id).ok_or_else(|| no_worker(id))?;
        let session = worker.session;
        let leases: Vec<TaskId> = worker.leases.iter().copied().collect();
        for task in leases {
            self.end_run(draft, task, End::HandedBack);
        }
        if let Some(id) = session {
            if let Some(open) = self.sessions.get(&id).filter(|s| s.away_until.is_none()) {
                let message = "the worker's token was revoked".to_owned();
                draft.push(open.gateway, id, PushMessage::Drop { code: Code::AuthFailed, message });
            }
            self.remove_session(id);
        }
        if let Some(worker) = self.workers.remove(&id)
            && self.enrolled.get(&worker.row.name) == Some(&id)
        {
            self.enrolled.remove(&worker.row.name);
        }
        draft.event(JobId::NIL, Event::WorkerDeleted { worker: id });
        draft.delete_worker(id);
        Ok(Reply::Ok)
    }

    pub(super) fn reset_worker(
        &mut self,
        draft: &mut Draft,
        id: WorkerId,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Reply, Rejection> {
        if let Some(replay) = draft.replay(idempotency.as_ref()) {
            return replay;
        }
        let worker = self.workers.get_mut(&id).ok_or_else(|| no_worker(id))?;
        if !worker.row.blocked {
            return Err(Rejection::new(Code::Conflict, format!("worker {id} is not blocked")));
        }
        worker.row.blocked = false;
        worker.row.blocked_reason = None;
        worker.ignores_blocked = true;
        worker.cooling.clear();
        let (session, config) = (worker.session, worker.row.config.clone());
        draft.event(JobId::NIL, Event::WorkerReset { worker: id });
        self.write_worker(draft, id);
        if let Some(session) = session {
            if let Some(open) = self.sessions.get(&session).filter(|s| s.away_until.is_none()) {
                draft.push(open.gateway, session, PushMessage::ConfigUpdate { config, reset: true });
            }
            self.settle_session(session);
        }
        let reply = self.worker_reply(id)?;
        draft.remember(idempotency, &reply);
        Ok(reply)
    }

    /// Nothing of it is stored: what isn't pushed now is asked for again.
    pub(super) fn screenshot_worker(&self, draft: &mut Draft, id: WorkerId) -> Result<Reply, Rejection> {
        let worker = self.workers.get(&id).ok_or_else(|| no_worker(id))?;
        let session = worker.session.and_then(|session| self.sessions.get(&session));
        let Some(open) = session.filter(|session| session.away_until.is_none()) else {
            return Err(Rejection::new(Code::Conflict, format!("worker {id} is disconnected")));
        };
        let leases = worker.leases.iter().filter_map(|task| self.leases.get(task));
        let begun = leases.filter(|lease| lease.session == open.id && lease.started_at.is_some());
        let Some(lease) = begun.max_by_key(|lease| (lease.started_at, lease.body.id)) else {
            return Err(Rejection::new(Code::Conflict, format!("worker {id} has no page open")));
        };
        let (task, run) = (lease.body.id, lease.progress.run);
        draft.push(open.gateway, open.id, PushMessage::Screenshot { task, run });
        Ok(Reply::Shown { task, run })
    }

    pub(super) fn configure_worker(
        &mut self,
        draft: &mut Draft,
        id: WorkerId,
        change: WorkerConfig,
    ) -> Result<Reply, Rejection> {
        let worker = self.workers.get_mut(&id).ok_or_else(|| no_worker(id))?;
        if change.rate_limit.is_some_and(|r| r.min_delay_ms > r.max_delay_ms) {
            return Err(Rejection::new(Code::InvalidPayload, "rateLimit.minDelayMs: is above maxDelayMs"));
        }
        worker.row.config.rate_limit = change.rate_limit.or(worker.row.config.rate_limit);
        worker.row.config.headless = change.headless.or(worker.row.config.headless);
        let session = worker.session;
        if let Some(open) = session.and_then(|s| self.sessions.get(&s)).filter(|s| s.away_until.is_none()) {
            draft.push(open.gateway, open.id, PushMessage::ConfigUpdate { config: change, reset: false });
        }
        self.write_worker(draft, id);
        self.worker_reply(id)
    }

    pub(super) fn set_host(&mut self, draft: &mut Draft, policy: HostPolicy) -> Reply {
        let host = std::sync::Arc::clone(&policy.host);
        draft.host(policy.clone());
        self.queue.set_policy(policy, draft.now);
        let lanes: Vec<_> = self.queue.lanes_of(&host).map(|(key, _)| key.clone()).collect();
        for key in lanes {
            self.lane_changed(&key, draft.now);
        }
        Reply::Host(self.host_view(&host, draft.now))
    }

    pub(super) fn host_view(&self, host: &str, now: crate::Timestamp) -> HostView {
        let policy = self.queue.policy(host);
        HostView {
            host: host.to_owned(),
            min_interval_ms: policy.map_or(0, |p| p.min_interval_ms),
            max_concurrency: policy.map_or(0, |p| p.max_concurrency),
            running: self.queue.lanes_of(host).map(|(_, lane)| lane.running()).sum(),
            cooldown_until: self.queue.lanes_of(host).filter_map(|(_, lane)| lane.cooling_until(now)).max(),
        }
    }
}

fn no_worker(id: WorkerId) -> Rejection {
    Rejection::new(Code::WorkerNotFound, format!("there is no worker {id}"))
}
