//! The step: what happened, to what is written and told.

use super::draft::Draft;
use super::state::State;
use super::{Commit, CommitId, Effects, Input, Prefetched, Reply, Token};
use crate::{Rejection, Timestamp};

/// What one step made. The effects are released only after the commit was applied, or, where the commit is
/// empty, after the epoch was confirmed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// For one transaction.
    pub commit: Commit,
    /// For after it.
    pub effects: Effects,
}

/// Takes the inputs in order, then lets time pass to `now`, then hands out.
///
/// `prefetched` must hold what [`State::needs`] asked for. If the commit isn't applied, `state` is no longer
/// the store's and must be loaded again.
pub fn step(state: &mut State, inputs: Vec<(Token, Input)>, prefetched: Prefetched, now: Timestamp) -> Step {
    let now = now.max(state.last_now);
    state.last_now = now;
    let mut draft = Draft::new(now, prefetched);
    for rows in std::mem::take(&mut draft.prefetched.ranges) {
        state.queue.refill_range(rows);
    }
    for rows in std::mem::take(&mut draft.prefetched.windows) {
        state.queue.refill_window(rows);
    }
    if let Some(rows) = draft.prefetched.delayed.take() {
        state.delayed.extend(rows, &state.sweeping);
    }
    for (job, rows) in std::mem::take(&mut draft.prefetched.sweeps) {
        state.sweep(&mut draft, job, rows);
    }
    if let Some((job, expansions)) = draft.prefetched.expansion.take() {
        state.expand(&mut draft, job, expansions);
    }
    for (token, input) in inputs {
        let reply = state.take(&mut draft, input);
        draft.reply(token, reply);
    }
    state.fire_timers(&mut draft);
    state.dispatch(&mut draft);
    state.finish_jobs(&mut draft);
    let (mut commit, effects) = draft.finish(state.last_event);
    state.last_event = commit.last_event;
    if !commit.is_empty() {
        state.last_commit.n += 1;
        commit.id = CommitId { ..state.last_commit };
    }
    Step { commit, effects }
}

impl State {
    fn take(&mut self, draft: &mut Draft, input: Input) -> Result<Reply, Rejection> {
        match input {
            Input::Submit(submit) => self.submit(draft, submit),
            Input::CreateJob { name, kind, weight, crawl, idempotency } => {
                self.create_job(draft, super::submit::NewJob { name, kind, weight, crawl }, idempotency)
            }
            Input::ControlJob { job, action, idempotency } => {
                self.control_job(draft, job, action, idempotency)
            }
            Input::CancelTask { task } => self.cancel_task(draft, task),
            Input::RetryTask { task, idempotency } => self.retry_task(draft, task, idempotency),
            Input::PurgeTask { task } => self.purge_task(draft, task),
            Input::CreateWorker { name, token_hash, token_prefix, idempotency } => {
                self.create_worker(draft, name, token_hash, token_prefix, idempotency)
            }
            Input::DeleteWorker { worker } => self.delete_worker(draft, worker),
            Input::ResetWorker { worker, idempotency } => self.reset_worker(draft, worker, idempotency),
            Input::ScreenshotWorker { worker } => self.screenshot_worker(draft, worker),
            Input::ConfigureWorker { worker, config } => self.configure_worker(draft, worker, config),
            Input::SetHost(policy) => Ok(self.set_host(draft, policy)),
            Input::Connect(connect) => self.connect_anew(draft, connect),
            Input::Disconnect { session, reason } => Ok(self.disconnect(draft, session, reason)),
            Input::Report(report) => Ok(self.report(draft, report)),
            Input::Heartbeat(beat) => Ok(self.heartbeat(draft, beat)),
            Input::BlockDetected { session, reason, suggested_action } => {
                Ok(self.block_detected(draft, session, reason, suggested_action))
            }
            Input::NetworkChanged { session, to } => Ok(self.network_changed(draft, session, to)),
            Input::WorkerError { session, message } => Ok(self.worker_error(draft, session, message)),
            Input::Draining { session } => Ok(self.drain(draft, session)),
            Input::PushConfirmed { leases } => Ok(self.push_confirmed(&leases)),
            Input::PushRefused { session, task, run } => Ok(self.push_refused(draft, session, task, run)),
            Input::Announce { gateway, sessions } => Ok(self.announce(draft, gateway, sessions)),
            Input::GatewayLost { gateway } => Ok(self.gateway_lost(draft, gateway)),
            Input::ReportLost { session, silent_for } => Ok(self.report_lost(draft, session, silent_for)),
            Input::Heard { sessions } => Ok(self.heard(draft, &sessions)),
            Input::Tick => Ok(Reply::Ok),
            Input::BusLost => {
                self.bus_away = true;
                Ok(Reply::Ok)
            }
            Input::Resync => {
                self.bus_away = false;
                Ok(self.start_afresh(draft))
            }
            Input::Stalled => Ok(self.start_afresh(draft)),
            Input::Query(query) => self.query(draft, &query),
        }
    }
}
