//! The jobs that wait with one priority for one kind: fair by weight, charged at hand-out.
//!
//! Start-time fair queuing: each job has a virtual time `v`; the smallest is next. A hand-out sets the band's
//! `V` to that `v` and adds 1/weight to it. A job that becomes active starts at max(V, v): it gets its share
//! from now on, never the share of a time when it had nothing.

use super::window::{Head, Window};
use crate::{JobId, TaskId, Waiting};
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
    /// Jobs with a head in an open lane, by virtual time; among equals the one that was served longest ago.
    /// Jobs that wait in a slow lane come back at V together each time it opens: an order by id would serve
    /// the same one always.
    active: BTreeSet<(u64, u64, JobId)>,
}

#[derive(Debug)]
struct JobQueue {
    v: u64,
    /// The turn of its last hand-out, or when it came.
    served: u64,
    weight: u32,
    held: bool,
    active: bool,
    windows: BTreeMap<Arc<str>, Slot>,
    /// Heads of windows in open lanes.
    heads: BTreeSet<(TaskId, bool, Arc<str>)>,
}

impl JobQueue {
    /// Where it stands among the active.
    fn place(&self, job: JobId) -> (u64, u64, JobId) {
        (self.v, self.served, job)
    }
}

#[derive(Debug, Default)]
struct Slot {
    window: Window,
    /// As it stands in `heads`.
    listed: Option<Head>,
}

#[derive(Debug)]
pub(super) struct Offer {
    pub(super) job: JobId,
    pub(super) task: TaskId,
    pub(super) unread: bool,
    pub(super) host: Arc<str>,
}

impl Band {
    pub(super) fn next(&self) -> Option<Offer> {
        let (_, _, job) = self.active.first()?;
        let (task, unread, host) = self.jobs.get(job)?.heads.first()?;
        Some(Offer { job: *job, task: *task, unread: *unread, host: Arc::clone(host) })
    }

    pub(super) fn oldest_offer(&self) -> Option<TaskId> {
        self.next().map(|offer| offer.task)
    }

    pub(super) fn oldest_row(&self) -> Option<&Waiting> {
        self.windows().filter_map(|(_, _, window)| window.first()).min_by_key(|w| w.body.id)
    }

    pub(super) fn is_empty(&self) -> bool {
        // Virtual times of jobs that ran ahead are kept only while someone else is served.
        self.jobs.values().all(|job| job.windows.is_empty())
    }

    pub(super) fn window(&self, job: JobId, host: &Arc<str>) -> Option<&Window> {
        self.jobs.get(&job)?.windows.get(host).map(|slot| &slot.window)
    }

    pub(super) fn window_mut(&mut self, job: JobId, host: &Arc<str>) -> Option<&mut Window> {
        self.jobs.get_mut(&job)?.windows.get_mut(host).map(|slot| &mut slot.window)
    }

    pub(super) fn make_window(
        &mut self,
        job: JobId,
        host: &Arc<str>,
        weight: u32,
        held: bool,
    ) -> &mut Window {
        let served = self.turns;
        let queue = self.jobs.entry(job).or_insert_with(|| JobQueue {
            v: 0,
            served,
            weight: 1,
            held,
            active: false,
            windows: BTreeMap::new(),
            heads: BTreeSet::new(),
        });
        queue.weight = weight.max(1);
        queue.held = held;
        &mut queue.windows.entry(Arc::clone(host)).or_default().window
    }

    pub(super) fn hosts(&self, job: JobId) -> impl Iterator<Item = Arc<str>> {
        self.jobs.get(&job).into_iter().flat_map(|queue| queue.windows.keys().cloned())
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

    pub(super) fn set_held(&mut self, job: JobId, held: bool) {
        if let Some(queue) = self.jobs.get_mut(&job) {
            queue.held = held;
        }
        self.refresh(job);
    }

    /// Brings a window's head in the sets up to date; drops the window if nothing is left of it.
    pub(super) fn settle(&mut self, job: JobId, host: &Arc<str>, lane_open: bool) {
        let Some(queue) = self.jobs.get_mut(&job) else { return };
        let Some(slot) = queue.windows.get_mut(host) else { return };
        let head = if lane_open { slot.window.head() } else { None };
        if slot.listed != head {
            if let Some(old) = slot.listed.take() {
                queue.heads.remove(&(old.task, old.unread, Arc::clone(host)));
            }
            if let Some(new) = head {
                queue.heads.insert((new.task, new.unread, Arc::clone(host)));
            }
            slot.listed = head;
        }
        if slot.window.is_exhausted() {
            queue.windows.remove(host);
        }
        self.refresh(job);
    }

    fn refresh(&mut self, job: JobId) {
        let Some(queue) = self.jobs.get_mut(&job) else { return };
        let should = !queue.held && !queue.heads.is_empty();
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
        if self.jobs.len() > 2 * self.active.len() + 64 {
            let now = self.now;
            self.jobs.retain(|_, queue| !queue.windows.is_empty() || queue.v > now);
        }
    }

    pub(super) fn windows(&self) -> impl Iterator<Item = (JobId, &Arc<str>, &Window)> {
        self.jobs
            .iter()
            .flat_map(|(job, queue)| queue.windows.iter().map(move |(host, slot)| (*job, host, &slot.window)))
    }

    pub(super) fn rows(&self) -> usize {
        self.windows().map(|(_, _, window)| window.len()).sum()
    }

    /// What is inconsistent, in words.
    pub(super) fn faults(&self, lane_open: impl Fn(&Arc<str>) -> bool) -> Vec<String> {
        let mut faults = Vec::new();
        for (job, queue) in &self.jobs {
            for (host, slot) in &queue.windows {
                let want = if lane_open(host) { slot.window.head() } else { None };
                if slot.listed != want {
                    faults.push(format!("{job} {host}: head {:?} listed as {:?}", want, slot.listed));
                }
                let ids = slot.window.ids();
                if ids.windows(2).any(|pair| pair[0] >= pair[1]) {
                    faults.push(format!("{job} {host}: rows out of order"));
                }
            }
            if queue.active != self.active.contains(&queue.place(*job)) {
                faults.push(format!("{job}: active flag and set differ"));
            }
            if queue.active != (!queue.held && !queue.heads.is_empty()) {
                faults.push(format!("{job}: active {} with {} heads", queue.active, queue.heads.len()));
            }
        }
        if self.active.len() != self.jobs.values().filter(|q| q.active).count() {
            faults.push("active set holds strangers".to_owned());
        }
        faults
    }
}
