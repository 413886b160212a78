//! What must hold after every step, as predicates that tests, the simulation and debug builds share.
//!
//! They look at the leader's memory alone; the simulation compares it with the store as well.

use super::state::State;
use crate::TaskId;
use std::collections::BTreeSet;

/// What is broken, in words; empty when sound. Cost grows with what is in memory: not for release builds.
#[must_use]
pub fn faults(state: &State) -> Vec<String> {
    let mut faults = state.queue.faults();
    faults.extend(counts(state));
    faults.extend(leases(state));
    faults.extend(sessions(state));
    faults.extend(crawls(state));
    faults
}

/// The balance, per job and in all; open counts match what is in memory.
fn counts(state: &State) -> Vec<String> {
    let mut faults = Vec::new();
    if !state.total.balanced() {
        faults.push(format!("the total doesn't balance: {:?}", state.total));
    }
    let leased = i64::try_from(state.leases.len()).unwrap_or(i64::MAX);
    if state.total.leased != leased {
        faults.push(format!("{} leases counted, {leased} held", state.total.leased));
    }
    let depth: i64 = state.depth.values().sum();
    if state.total.ready != depth {
        faults.push(format!("{} ready counted, depth {depth}", state.total.ready));
    }
    for job in state.jobs.values() {
        if !job.counts.balanced() {
            faults.push(format!("job {} doesn't balance: {:?}", job.job.id, job.counts));
        }
    }
    faults
}

/// A leased task waits nowhere else; attempts stay in bounds; every index has exactly the leases.
fn leases(state: &State) -> Vec<String> {
    let mut faults = Vec::new();
    let mut waiting = BTreeSet::new();
    for reading in state.queue.readings() {
        for id in reading.windows.iter().flat_map(|(_, ids, _)| ids) {
            if !waiting.insert(*id) {
                faults.push(format!("{id} waits twice, once in {:?}", reading.key));
            }
        }
    }
    for (_, id) in state.delayed.rows.keys() {
        if !waiting.insert(*id) {
            faults.push(format!("{id} waits and is delayed"));
        }
    }
    for (id, lease) in &state.leases {
        if waiting.contains(id) {
            faults.push(format!("{id} is leased and waits"));
        }
        if !state.deadlines.contains(&(lease.deadline, *id)) {
            faults.push(format!("{id} has no deadline"));
        }
        if lease.progress.attempts >= lease.body.max_attempts {
            faults.push(format!("{id} was handed out with {} attempts used", lease.progress.attempts));
        }
        let indexed = state.workers.get(&lease.worker).is_some_and(|w| w.leases.contains(id));
        if state.workers.contains_key(&lease.worker) && !indexed {
            faults.push(format!("{id} isn't among its worker's leases"));
        }
        let slot = state.sessions.get(&lease.session).and_then(|s| s.slots.get(id));
        if !slot.is_some_and(|s| s.run == lease.progress.run && s.over_since.is_none()) {
            faults.push(format!("{id} run {} occupies no slot of its session", lease.progress.run));
        }
    }
    if state.deadlines.len() != state.leases.len() {
        faults.push(format!("{} deadlines for {} leases", state.deadlines.len(), state.leases.len()));
    }
    for task in state.unconfirmed.keys().filter(|task| !state.leases.contains_key(task)) {
        faults.push(format!("{task} is unconfirmed without a lease"));
    }
    faults
}

/// A crawl's links are pending exactly while a page of it is open; what is open is worked on unless it is paused.
fn crawls(state: &State) -> Vec<String> {
    let mut faults = Vec::new();
    for job in state.jobs.values().map(|state| &state.job) {
        let open = job.open_expansions();
        let Some(crawl) = &job.crawl else { continue };
        if (open == 0) != (crawl.progress.pending_links == 0) {
            faults.push(format!("job {}: {open} pages with {} links", job.id, crawl.progress.pending_links));
        }
        if open > 0 && job.status.is_terminal() {
            faults.push(format!("job {} has ended with {open} open pages", job.id));
        }
        if crawl.progress.pages > u64::from(crawl.rules.max_pages) {
            faults.push(format!("job {} has {} pages of its most", job.id, crawl.progress.pages));
        }
        let expands = open > 0 && !job.status.is_terminal() && job.status != crate::JobStatus::Paused;
        if expands != state.expanding.contains_key(&job.id) {
            faults.push(format!("job {} is to expand: {expands}, but listed otherwise", job.id));
        }
    }
    if let Some(job) = state.expanding.keys().find(|job| !state.jobs.contains_key(job)) {
        faults.push(format!("job {job} expands and is not in memory"));
    }
    faults
}

fn sessions(state: &State) -> Vec<String> {
    let mut faults = Vec::new();
    for session in state.sessions.values() {
        let worker = state.workers.get(&session.worker);
        if worker.is_none_or(|w| w.session != Some(session.id)) {
            faults.push(format!("session {} isn't its worker's", session.id));
        }
        let eligible = session.has_free_slot() && worker.is_some_and(|w| !w.row.blocked);
        if eligible != state.free.contains(&(session.used, session.id)) {
            faults.push(format!("session {} eligible {eligible} but listed otherwise", session.id));
        }
        let live: BTreeSet<&TaskId> =
            session.slots.iter().filter(|(_, s)| s.over_since.is_none()).map(|(t, _)| t).collect();
        for task in live {
            if state.leases.get(task).is_none_or(|l| l.session != session.id) {
                faults.push(format!("session {} has a slot for {task} without its lease", session.id));
            }
        }
    }
    if state.free.iter().any(|(_, id)| !state.sessions.contains_key(id)) {
        faults.push("a free slot of no session".to_owned());
    }
    faults
}

impl State {
    /// How far every job has read, and what it has in memory: for the comparison with the store.
    pub fn readings(&self) -> impl Iterator<Item = super::queue::Reading> {
        self.queue.readings()
    }

    /// Whether the job is being ended in slices.
    #[must_use]
    pub fn is_sweeping(&self, job: crate::JobId) -> bool {
        self.sweeping.contains(&job)
    }
}
