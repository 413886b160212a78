//! Reads that the leader's memory answers: the queue, workers, hosts, and why a task is where it is.

use super::draft::Draft;
use super::state::State;
use super::{Query, QueueView, Reply, WhyView};
use crate::{Code, Done, JobStatus, Lease, Place, Rejection, Run, TaskId, Timestamp, Waiting, WorkerId};
use serde_json::{Value, json};

impl State {
    pub(super) fn query(&mut self, draft: &Draft, query: &Query) -> Result<Reply, Rejection> {
        Ok(match query {
            Query::Queue => Reply::Queue(Box::new(self.queue_view())),
            Query::Why(task) => Reply::Why(Box::new(self.why(draft, *task)?)),
            Query::Worker(id) => self.worker_reply(*id)?,
            Query::Workers { page, limit } => {
                let skip = (page.saturating_sub(1) as usize).saturating_mul(*limit as usize);
                let views = self
                    .workers
                    .values()
                    .rev()
                    .skip(skip)
                    .take(*limit as usize)
                    .map(|w| self.worker_view(w))
                    .collect();
                Reply::Workers(views, self.workers.len() as u64)
            }
            Query::Host(host) => Reply::Host(self.host_view(host, draft.now)),
            Query::Holds { task, run, worker, enrolled } => {
                self.check_holder(*task, *run, *worker, *enrolled)?;
                Reply::Ok
            }
        })
    }

    fn check_holder(
        &self,
        task: TaskId,
        run: Run,
        worker: WorkerId,
        enrolled: bool,
    ) -> Result<(), Rejection> {
        let known = self.workers.get(&worker).is_some_and(|w| w.row.token_hash.is_none() == enrolled);
        let lease = self.leases.get(&task).filter(|lease| lease.progress.run == run);
        match lease {
            Some(lease) if known && lease.worker == worker => Ok(()),
            Some(_) => {
                Err(Rejection::new(Code::Forbidden, format!("run {run} of task {task} is not this worker's")))
            }
            None => Err(Rejection::new(Code::Conflict, format!("run {run} of task {task} is not under way"))),
        }
    }

    fn queue_view(&self) -> QueueView {
        let open = |s: &&super::session::Session| s.away_until.is_none();
        QueueView {
            total: self.total,
            jobs: self
                .jobs
                .values()
                .filter(|s| s.counts.open() > 0)
                .map(|s| (s.job.id, s.job.name.clone(), s.counts))
                .collect(),
            depth: self
                .depth
                .iter()
                .filter(|(_, n)| **n != 0)
                .map(|(kind, n)| (kind.to_string(), *n))
                .collect(),
            oldest_ready: self.queue.oldest().into_values().min(),
            workers: self.sessions.values().filter(open).count() as u64,
            free_slots: self
                .free
                .iter()
                .filter_map(|(_, id)| self.sessions.get(id))
                .map(|s| (s.capacity - s.slots.len().min(s.capacity)) as u64)
                .sum(),
            slots: self.sessions.values().filter(open).map(|s| s.capacity as u64).sum(),
        }
    }

    fn why(&mut self, draft: &Draft, task: TaskId) -> Result<WhyView, Rejection> {
        let place = self.place_of(draft, task)?;
        let mut view = match &place {
            Place::Ready(waiting) => self.why_ready(draft, waiting),
            Place::Delayed(waiting, at) => why_delayed(waiting, *at),
            Place::Leased(lease) => why_leased(lease),
            Place::Done(done) => why_done(done),
        };
        let runs: Vec<Value> = draft
            .ended_runs(task)
            .map(|r| json!({ "run": r.run, "workerId": r.worker, "outcome": r.outcome }))
            .collect();
        if let Value::Object(details) = &mut view.details {
            details.insert("runs".to_owned(), Value::Array(runs));
        }
        Ok(view)
    }

    /// The first reason in this order that applies.
    fn why_ready(&mut self, draft: &Draft, waiting: &Waiting) -> WhyView {
        let body = &waiting.body;
        let ready = |reason: &str, until: Option<Timestamp>, details: Value| WhyView {
            state: "pending".to_owned(),
            reason: reason.to_owned(),
            since: Some(body.created_at),
            until,
            details,
        };
        if let Some(job) = self.find_job(draft, body.job).filter(|s| s.job.status == JobStatus::Paused) {
            return ready("job_paused", None, json!({ "jobId": job.job.id, "jobName": job.job.name }));
        }
        let host = &*body.lane.host;
        if let Some(lane) = self.queue.lane(&body.lane) {
            if let Some(until) = lane.cooling_until(draft.now) {
                return ready("lane_cooldown", Some(until), json!({ "host": host }));
            }
            if !lane.is_open() && !lane.is_parked() {
                let details = json!({ "host": host, "running": lane.running() });
                return ready("lane_interval", lane.opens_at(), details);
            }
        }
        let capable: Vec<_> = self
            .sessions
            .values()
            .filter(|s| s.away_until.is_none() && s.kinds.contains(&body.lane.kind))
            .filter_map(|s| self.workers.get(&s.worker))
            .collect();
        if capable.is_empty() {
            return ready("no_capable_worker", None, json!({ "kind": &*body.lane.kind }));
        }
        if capable.iter().all(|w| w.row.blocked || w.is_cooling(host, draft.now)) {
            let until = capable
                .iter()
                .filter(|w| !w.row.blocked)
                .filter_map(|w| w.cooling.get(host).map(|(until, _)| *until))
                .min();
            return ready("workers_blocked", until, json!({ "workers": capable.len(), "host": host }));
        }
        match draft.prefetched.ahead.get(&body.id).copied().unwrap_or(0) {
            0 => ready("all_busy", None, json!({ "workers": capable.len() })),
            ahead => ready("behind", None, json!({ "ahead": ahead, "workers": capable.len() })),
        }
    }
}

fn why_delayed(waiting: &Waiting, at: Timestamp) -> WhyView {
    WhyView {
        state: "pending".to_owned(),
        reason: "delayed".to_owned(),
        since: Some(waiting.body.created_at),
        until: Some(at),
        details: json!({ "attempts": waiting.progress.attempts }),
    }
}

fn why_leased(lease: &Lease) -> WhyView {
    let word = if lease.started_at.is_some() { "running" } else { "assigned" };
    WhyView {
        state: word.to_owned(),
        reason: word.to_owned(),
        since: Some(lease.started_at.unwrap_or(lease.assigned_at)),
        until: Some(lease.deadline),
        details: json!({ "workerId": lease.worker, "run": lease.progress.run }),
    }
}

fn why_done(done: &Done) -> WhyView {
    WhyView {
        state: done.status.as_str().to_owned(),
        reason: done.status.as_str().to_owned(),
        since: Some(done.finished_at),
        until: None,
        details: json!({ "attempts": done.progress.attempts, "error": done.error }),
    }
}
