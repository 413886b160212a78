//! The jobs that wait with one priority for one kind: fair by weight, charged at hand-out.
//!
//! Start-time fair queuing: each job has a virtual time `v`; the smallest is next. A hand-out sets the band's
//! `V` to that `v` and adds 1/weight to it. A job that becomes active starts at max(V, v): it gets its share
//! from now on, never the share of a time when it had nothing.

use super::job::{JobQueue, Offer};
use crate::JobId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One hand-out of a job of weight 1, in units of virtual time.
const UNIT: u64 = 1_000_000;

#[derive(Debug, Default)]
pub(super) struct Band {
    /// V: the virtual time of the last hand-out.
    now: u64,
    /// Hand-outs so far.
    turns: u64,
    jobs: BTreeMap<JobId, JobQueue>,
    /// Jobs that offer something, by virtual time; among equals the one that was served longest ago.
    /// Jobs that wait in a slow lane come back at V together each time it opens: an order by id would serve
    /// the same one always.
    active: BTreeSet<(u64, u64, JobId)>,
    /// Remembered jobs above which idle ones are looked for.
    crowded: usize,
}

impl Band {
    pub(super) fn next(&self) -> Option<(JobId, Offer)> {
        let (_, _, job) = self.active.first()?;
        Some((*job, self.jobs.get(job)?.next()?))
    }

    pub(super) fn job(&self, job: JobId) -> Option<&JobQueue> {
        self.jobs.get(&job)
    }

    pub(super) fn job_mut(&mut self, job: JobId) -> Option<&mut JobQueue> {
        self.jobs.get_mut(&job)
    }

    pub(super) fn make_job(&mut self, job: JobId, weight: u32, held: bool) -> &mut JobQueue {
        let turns = self.turns;
        let queue = self.jobs.entry(job).or_insert_with(|| JobQueue::new(weight, held, turns));
        queue.weight = weight.max(1);
        queue
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = (JobId, &JobQueue)> {
        self.jobs.iter().map(|(id, queue)| (*id, queue))
    }

    /// A hand-out of the job: `V` := its v, its v += 1/weight.
    pub(super) fn charge(&mut self, job: JobId) {
        if let Some(queue) = self.jobs.get_mut(&job) {
            self.now = self.now.max(queue.v);
            self.turns += 1;
            let was = queue.place(job);
            queue.v += UNIT / u64::from(queue.weight);
            queue.served = self.turns;
            if queue.active {
                self.active.remove(&was);
                self.active.insert(queue.place(job));
            }
        }
        self.forget_idle();
    }

    /// Lists the job among the active ones, or takes it out, after anything that changes what it offers.
    pub(super) fn refresh(&mut self, job: JobId) {
        let Some(queue) = self.jobs.get_mut(&job) else { return };
        let should = queue.should_be_active();
        if should && !queue.active {
            queue.v = queue.v.max(self.now);
            self.active.insert(queue.place(job));
        } else if !should && queue.active {
            self.active.remove(&queue.place(job));
        }
        queue.active = should;
    }

    /// A job without rows is remembered only while it is ahead: coming back must not refund it.
    fn forget_idle(&mut self) {
        if self.jobs.len() > self.crowded.max(64) {
            let now = self.now;
            self.jobs.retain(|_, queue| !queue.is_empty() || queue.v > now);
            self.crowded = 2 * self.jobs.len();
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.jobs.values().flat_map(JobQueue::windows).map(|(_, window)| window.len()).sum()
    }

    /// What is inconsistent, in words.
    pub(super) fn faults(&self, lane_open: impl Fn(&Arc<str>) -> bool) -> Vec<String> {
        let mut faults = Vec::new();
        for (job, queue) in &self.jobs {
            faults.extend(queue.faults(&lane_open).into_iter().map(|fault| format!("{job}: {fault}")));
            if queue.active != self.active.contains(&queue.place(*job)) {
                faults.push(format!("{job}: active flag and set differ"));
            }
        }
        if self.active.len() != self.jobs.values().filter(|q| q.active).count() {
            faults.push("active set holds strangers".to_owned());
        }
        faults
    }
}
