//! The commit and the effects of one step while they are being made.

use super::{
    Commit, Effects, EndedRun, IdempotencyKey, IdempotencyRow, Move, PlaceName, Prefetched, Push, Reply,
    Token,
};
use crate::{
    Counts, Event, EventRow, Expansion, GatewayId, Job, JobId, Place, Rejection, SessionId, TaskId,
    Timestamp, UrlHash, WorkerId, WorkerRow,
};
use std::collections::{BTreeMap, BTreeSet};

/// Grows during a step, then becomes its commit and effects.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) now: Timestamp,
    pub(super) prefetched: Prefetched,
    commit: Commit,
    effects: Effects,
    move_of: BTreeMap<TaskId, usize>,
    /// Replies of before and of this step, by principal, route and key.
    remembered: BTreeMap<(String, String, String), IdempotencyRow>,
    counts: BTreeMap<JobId, Counts>,
    events: BTreeMap<JobId, Vec<Event>>,
    jobs: BTreeMap<JobId, Job>,
    workers: BTreeMap<WorkerId, Option<WorkerRow>>,
    ended: BTreeMap<TaskId, Vec<EndedRun>>,
    /// Pages that this step gave to crawls.
    urls: BTreeSet<(JobId, UrlHash)>,
    /// Jobs whose counts changed: looked at for their end after all inputs.
    pub(super) touched_jobs: BTreeSet<JobId>,
}

impl Draft {
    pub(super) fn new(now: Timestamp, mut prefetched: Prefetched) -> Self {
        let remembered = std::mem::take(&mut prefetched.idempotency);
        Self {
            remembered: remembered.into_iter().map(|row| (name_of(&row), row)).collect(),
            now,
            prefetched,
            commit: Commit { now, ..Commit::default() },
            effects: Effects::default(),
            move_of: BTreeMap::new(),
            counts: BTreeMap::new(),
            events: BTreeMap::new(),
            jobs: BTreeMap::new(),
            workers: BTreeMap::new(),
            ended: BTreeMap::new(),
            urls: BTreeSet::new(),
            touched_jobs: BTreeSet::new(),
        }
    }

    pub(super) fn reply(&mut self, token: Token, reply: Result<Reply, Rejection>) {
        self.effects.replies.push((token, reply));
    }

    pub(super) fn push(&mut self, gateway: GatewayId, session: SessionId, message: super::PushMessage) {
        self.effects.pushes.push(Push { gateway, session, message });
    }

    pub(super) fn event(&mut self, job: JobId, event: Event) {
        self.events.entry(job).or_default().push(event);
    }

    pub(super) fn new_task(&mut self, body: std::sync::Arc<crate::TaskBody>) {
        self.commit.tasks.push(body);
    }

    /// A task's way: several in one step become one.
    pub(super) fn move_task(&mut self, task: TaskId, from: Option<PlaceName>, to: Option<Place>) {
        if let Some(&at) = self.move_of.get(&task) {
            debug_assert_eq!(
                self.commit.moves[at].to.as_ref().map(Place::name),
                from,
                "{task} moved from elsewhere"
            );
            self.commit.moves[at].to = to;
        } else {
            self.move_of.insert(task, self.commit.moves.len());
            self.commit.moves.push(Move { task, from, to });
        }
    }

    /// Where this step put the task, if it did: `Some(None)` is purged.
    pub(super) fn moved(&self, task: TaskId) -> Option<Option<&Place>> {
        self.move_of.get(&task).map(|&at| self.commit.moves[at].to.as_ref())
    }

    pub(super) fn count(&mut self, job: JobId, delta: &Counts) {
        self.counts.entry(job).or_default().add(delta);
        self.touched_jobs.insert(job);
    }

    pub(super) fn expansion(&mut self, expansion: Expansion) {
        self.commit.expansions.push(expansion);
    }

    pub(super) fn expanded(&mut self, job: JobId, task: TaskId) {
        self.commit.expanded.push((job, task));
    }

    /// Of `open` expansions those of this step are not written, and those of before are deleted.
    pub(super) fn drop_expansions(&mut self, job: JobId, open: u64) {
        let before = self.commit.expansions.len();
        self.commit.expansions.retain(|e| e.job != job);
        let stored = open.saturating_sub((before - self.commit.expansions.len()) as u64);
        if stored > 0 {
            self.commit.dropped_expansions.push((job, stored));
        }
    }

    /// Whether the crawl has the page, from before or from this step.
    pub(super) fn has_url(&self, job: JobId, url: UrlHash) -> bool {
        self.prefetched.urls.contains(&(job, url)) || self.urls.contains(&(job, url))
    }

    /// The crawl has the page from now on; whether it hadn't before.
    pub(super) fn add_url(&mut self, job: JobId, url: UrlHash) -> bool {
        let is_new = !self.has_url(job, url);
        if is_new {
            self.urls.insert((job, url));
            self.commit.urls.push((job, url));
        }
        is_new
    }

    pub(super) fn run_ended(&mut self, row: crate::RunRow) {
        let ended = EndedRun { run: row.run, worker: row.worker, outcome: row.outcome };
        self.ended.entry(row.task).or_default().push(ended);
        self.commit.runs.push(row);
    }

    /// Ended runs of a task: those of the store, then those of this step.
    pub(super) fn ended_runs(&self, task: TaskId) -> impl Iterator<Item = &EndedRun> {
        let cold = self.prefetched.tasks.get(&task).map_or(&[][..], |cold| &cold.runs);
        cold.iter().chain(self.ended.get(&task).into_iter().flatten())
    }

    pub(super) fn job(&mut self, job: Job) {
        self.jobs.insert(job.id, job);
    }

    pub(super) fn delete_job(&mut self, job: JobId) {
        self.jobs.remove(&job);
        self.commit.deleted_jobs.push(job);
    }

    /// Whether this step deletes the job: its id can't be used again before the next.
    pub(super) fn deletes(&self, job: JobId) -> bool {
        self.commit.deleted_jobs.contains(&job)
    }

    pub(super) fn worker(&mut self, row: WorkerRow) {
        self.workers.insert(row.id, Some(row));
    }

    pub(super) fn delete_worker(&mut self, worker: WorkerId) {
        self.workers.insert(worker, None);
    }

    pub(super) fn lane(&mut self, row: super::LaneRow) {
        self.commit.lanes.retain(|lane| lane.key != row.key);
        self.commit.lanes.push(row);
    }

    pub(super) fn host(&mut self, policy: super::HostPolicy) {
        self.commit.hosts.retain(|host| host.host != policy.host);
        self.commit.hosts.push(policy);
    }

    /// The remembered reply to the same command, if there is one; a conflict if its body was another.
    pub(super) fn replay(&self, key: Option<&IdempotencyKey>) -> Option<Result<Reply, Rejection>> {
        let key = key?;
        let name = (key.principal.clone(), key.route.clone(), key.key.clone());
        let row = self.remembered.get(&name)?;
        if row.key.body_hash != key.body_hash {
            let message = "this Idempotency-Key was used with another body";
            return Some(Err(Rejection::new(crate::Code::Conflict, message)));
        }
        let stored = serde_json::from_str(&row.reply);
        Some(stored.map_err(|_| Rejection::new(crate::Code::InternalError, "the stored reply can't be read")))
    }

    /// Remembers the reply, so that a repeat gets it again.
    pub(super) fn remember(&mut self, key: Option<IdempotencyKey>, reply: &Reply) {
        if let (Some(key), Ok(reply)) = (key, serde_json::to_string(reply)) {
            let row = IdempotencyRow { key, reply, at: self.now };
            self.remembered.insert(name_of(&row), row.clone());
            self.commit.idempotency.push(row);
        }
    }

    /// Numbers the events job by job and closes the commit.
    pub(super) fn finish(mut self, last_event: u64) -> (Commit, Effects) {
        let mut next = last_event + 1;
        for (job, events) in self.events {
            let first = next;
            next += events.len() as u64;
            self.commit.events.push(EventRow { first, job, at: self.now, events });
        }
        self.commit.last_event = next - 1;
        self.commit.counts = self.counts.into_iter().filter(|(_, delta)| !delta.is_zero()).collect();
        self.commit.jobs = self.jobs.into_values().collect();
        for (id, row) in self.workers {
            match row {
                Some(row) => self.commit.workers.push(row),
                None => self.commit.deleted_workers.push(id),
            }
        }
        // Out and back into nothing: a task that was made and purged in one step leaves no row.
        self.commit.moves.retain(|m| m.from.is_some() || m.to.is_some());
        (self.commit, self.effects)
    }
}

fn name_of(row: &IdempotencyRow) -> (String, String, String) {
    (row.key.principal.clone(), row.key.route.clone(), row.key.key.clone())
}
