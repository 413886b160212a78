//! The store as the contract has it: one fenced transaction a commit, every row count checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use ukai_domain::scheduler::{
    ColdTask, Commit, CommitId, DelayedRows, EndedRun, ExpansionNeed, HostPolicy, IdempotencyRow, Input,
    LaneRow, Needs, PlaceName, Prefetched, RangeKey, RangeRows, Snapshot, State, SweepPlace, Token,
    WindowKey, WindowRows,
};
use ukai_domain::{
    CRAWL_KIND, Counts, DoneStatus, Expansion, Job, JobId, LaneKey, Outcome, PageUrl, Place, RunRow,
    Settings, TaskBody, TaskId, Timestamp, UrlHash, Waiting, WorkerId, WorkerRow,
};

/// Why a commit was not applied.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Deposed,
    /// The same name was applied before.
    Before,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct SimStore {
    pub(crate) epoch: u64,
    commits: BTreeSet<CommitId>,
    pub(crate) last_event: u64,
    last_now: Timestamp,
    pub(crate) places: BTreeMap<TaskId, Place>,
    pub(crate) runs: BTreeMap<TaskId, Vec<RunRow>>,
    pub(crate) purged: BTreeSet<TaskId>,
    pub(crate) jobs: BTreeMap<JobId, Job>,
    counts: BTreeMap<JobId, Counts>,
    pub(crate) total: Counts,
    pub(crate) workers: BTreeMap<WorkerId, WorkerRow>,
    lanes: BTreeMap<LaneKey, LaneRow>,
    hosts: BTreeMap<Arc<str>, HostPolicy>,
    idempotency: Vec<IdempotencyRow>,
    pub(crate) expansions: BTreeMap<(JobId, TaskId), Expansion>,
    pub(crate) urls: BTreeSet<(JobId, UrlHash)>,
}

impl SimStore {
    pub(crate) fn take_over(&mut self) -> u64 {
        self.epoch += 1;
        self.epoch
    }

    /// Whether any epoch has a commit of this number: what a careless look-up would ask.
    pub(crate) fn has_number(&self, n: u64) -> bool {
        self.commits.iter().any(|c| c.n == n)
    }

    pub(crate) fn apply(&mut self, commit: &Commit) -> Result<(), Refused> {
        if commit.id.epoch != self.epoch {
            return Err(Refused::Deposed);
        }
        if !self.commits.insert(commit.id) {
            return Err(Refused::Before);
        }
        assert!(commit.now >= self.last_now, "time went back");
        self.last_now = commit.now;
        self.apply_events(commit);
        let new: BTreeSet<TaskId> = commit.tasks.iter().map(|t| t.id).collect();
        for body in &commit.tasks {
            assert!(
                !self.places.contains_key(&body.id) && !self.purged.contains(&body.id),
                "{} twice",
                body.id
            );
        }
        self.apply_runs(commit);
        self.apply_links(commit);
        for change in &commit.moves {
            self.apply_move(change.task, change.from, change.to.as_ref(), &new);
        }
        for (job, delta) in &commit.counts {
            self.counts.entry(*job).or_default().add(delta);
            self.total.add(delta);
        }
        for job in &commit.jobs {
            self.jobs.insert(job.id, job.clone());
        }
        for job in &commit.deleted_jobs {
            assert!(self.jobs.remove(job).is_some(), "job {job} deleted twice");
            self.counts.remove(job);
            self.urls.retain(|(own, _)| own != job);
            assert!(self.expansions.keys().all(|(own, _)| own != job), "links of a deleted job {job}");
        }
        for worker in &commit.workers {
            self.workers.insert(worker.id, worker.clone());
        }
        for worker in &commit.deleted_workers {
            assert!(self.workers.remove(worker).is_some(), "worker {worker} deleted twice");
        }
        for lane in &commit.lanes {
            self.lanes.insert(lane.key.clone(), lane.clone());
        }
        for host in &commit.hosts {
            self.hosts.insert(Arc::clone(&host.host), host.clone());
        }
        self.idempotency.extend(commit.idempotency.iter().cloned());
        Ok(())
    }

    /// Links are kept once, become tasks once, and no page is taken twice.
    fn apply_links(&mut self, commit: &Commit) {
        for key in &commit.expanded {
            assert!(self.expansions.remove(key).is_some(), "{key:?} expanded twice");
        }
        for (job, n) in &commit.dropped_expansions {
            let before = self.expansions.len();
            self.expansions.retain(|(own, _), _| own != job);
            assert_eq!((before - self.expansions.len()) as u64, *n, "dropped expansions of {job}");
        }
        for expansion in &commit.expansions {
            assert!(!expansion.links.is_empty() && expansion.links.len() <= 1_000);
            let before = self.expansions.insert((expansion.job, expansion.task), expansion.clone());
            assert!(before.is_none(), "{} kept twice", expansion.task);
        }
        for url in &commit.urls {
            assert!(self.urls.insert(*url), "page {url:?} taken twice");
        }
        // Each of them is one task, as deep as its crawl goes at most.
        let bodies = commit.tasks.iter().filter(|body| &*body.lane.kind == CRAWL_KIND);
        let mut pages: Vec<_> = bodies.map(|body| (body.job, page_of(body))).collect();
        let mut urls = commit.urls.clone();
        pages.sort_unstable();
        urls.sort_unstable();
        assert_eq!(pages, urls, "tasks and pages of crawls");
        for body in &commit.tasks {
            let own = commit.jobs.iter().find(|job| job.id == body.job).or_else(|| self.jobs.get(&body.job));
            let most = own.and_then(|job| job.crawl.as_ref()).map_or(0, |crawl| crawl.rules.max_depth);
            assert!(body.depth <= most, "{} is too deep", body.url);
        }
    }

    /// Every number once, no gap.
    fn apply_events(&mut self, commit: &Commit) {
        for row in &commit.events {
            assert_eq!(row.first, self.last_event + 1, "a number is reused or missing");
            assert!(!row.events.is_empty());
            self.last_event = row.last();
        }
        assert_eq!(commit.last_event, self.last_event, "the commit's last number");
    }

    /// An ending belongs to the run that is leased, and comes once.
    fn apply_runs(&mut self, commit: &Commit) {
        for run in &commit.runs {
            let runs = self.runs.entry(run.task).or_default();
            assert!(runs.iter().all(|r| r.run != run.run), "run {} of {} ended twice", run.run, run.task);
            // A lease that was made in this very step isn't stored; its run must be the next then.
            match self.places.get(&run.task) {
                Some(Place::Leased(lease)) if lease.progress.run == run.run => {
                    assert_eq!(lease.worker, run.worker, "another worker's run ended");
                }
                Some(place) => assert!(run.run > place.progress().run, "an old run {} ended", run.run),
                None => assert!(commit.tasks.iter().any(|t| t.id == run.task), "a run of nothing"),
            }
            assert!(run.attempt <= 3, "attempt {} of {}: more than there are", run.attempt, run.task);
            runs.push(run.clone());
        }
    }

    /// A row leaves exactly the place where it is; out of `done` only by a retry or a purge.
    fn apply_move(
        &mut self,
        task: TaskId,
        from: Option<PlaceName>,
        to: Option<&Place>,
        new: &BTreeSet<TaskId>,
    ) {
        let have = self.places.get(&task).map(Place::name);
        assert_eq!(have, from, "{task}: the row count of its old place");
        assert_eq!(from.is_none(), new.contains(&task), "{task}: new without a body or the reverse");
        if let (Some(Place::Done(done)), Some(to)) = (self.places.get(&task), to) {
            assert_ne!(done.status, DoneStatus::Completed, "{task} left `completed`");
            // A retry that is handed out and fails in the same step has used an attempt already.
            assert!(to.progress().attempts <= 1, "{task} came back with attempts");
        }
        match to {
            Some(place) => {
                assert_eq!(place.body().id, task);
                self.places.insert(task, place.clone());
            }
            None => {
                assert_eq!(from, Some(PlaceName::Done), "{task} purged before its end");
                self.places.remove(&task);
                self.runs.remove(&task);
                self.purged.insert(task);
            }
        }
    }

    /// The counts are the rows'.
    pub(crate) fn check(&self) {
        let mut counted: BTreeMap<JobId, Counts> = BTreeMap::new();
        for place in self.places.values() {
            let counts = counted.entry(place.body().job).or_default();
            match place {
                Place::Ready(_) => counts.ready += 1,
                Place::Delayed(..) => counts.delayed += 1,
                Place::Leased(_) => counts.leased += 1,
                Place::Done(done) => match done.status {
                    DoneStatus::Completed => counts.completed += 1,
                    DoneStatus::Failed => counts.failed += 1,
                    DoneStatus::Cancelled => counts.cancelled += 1,
                },
            }
        }
        for (job, kept) in &self.counts {
            assert!(kept.balanced(), "job {job} doesn't balance: {kept:?}");
            let mut have = counted.remove(job).unwrap_or_default();
            (have.submitted, have.purged, have.items) = (kept.submitted, kept.purged, kept.items);
            assert_eq!(have, *kept, "job {job}: its counts are not its rows'");
        }
        assert!(counted.is_empty(), "tasks of jobs without counts");
        self.check_crawls();
        assert!(self.total.balanced(), "the total doesn't balance: {:?}", self.total);
    }

    /// What jobs count of their crawls is what is there; each page of a crawl is one task; no job ends with links open.
    fn check_crawls(&self) {
        let mut open: BTreeMap<JobId, (u64, u64)> = BTreeMap::new();
        for expansion in self.expansions.values() {
            let counted = open.entry(expansion.job).or_default();
            *counted = (counted.0 + 1, counted.1 + expansion.links.len() as u64);
        }
        let mut pages: BTreeMap<JobId, u64> = BTreeMap::new();
        for (job, _) in &self.urls {
            *pages.entry(*job).or_default() += 1;
        }
        for job in self.jobs.values() {
            let crawl = job.crawl.as_deref().cloned().unwrap_or_default();
            let progress = crawl.progress;
            let have = (open.remove(&job.id).unwrap_or_default(), pages.remove(&job.id).unwrap_or_default());
            let want = ((progress.open_expansions, progress.pending_links), progress.pages);
            assert_eq!(have, want, "crawl {}", job.id);
            assert!(
                !job.status.is_terminal() || progress.open_expansions == 0,
                "{} ended with links open",
                job.id
            );
            assert!(progress.pages <= u64::from(crawl.rules.max_pages), "{} is too large", job.id);
        }
        assert!(open.is_empty() && pages.is_empty(), "links of jobs that are gone");
    }

    /// The open tasks that a completed result was accepted for since their last retry must have exactly that.
    pub(crate) fn completed_runs(&self, task: TaskId) -> usize {
        self.runs.get(&task).map_or(0, |runs| runs.iter().filter(|r| r.outcome == Outcome::Completed).count())
    }

    /// What a job has in memory is exactly what the store has up to where it has read.
    pub(crate) fn compare_readings(&self, state: &State) {
        let mut stored: BTreeMap<RangeKey, BTreeMap<Arc<str>, Vec<TaskId>>> = BTreeMap::new();
        for place in self.places.values() {
            if let Place::Ready(w) = place {
                let hosts = stored.entry(range_key(w)).or_default();
                hosts.entry(Arc::clone(&w.body.lane.host)).or_default().push(w.body.id);
            }
        }
        for reading in state.readings() {
            let mut hosts = stored.remove(&reading.key).unwrap_or_default();
            if state.is_sweeping(reading.key.job) {
                assert!(reading.windows.is_empty(), "a job that is being ended keeps rows in memory");
                continue;
            }
            for (host, ids, own) in &reading.windows {
                let rows = hosts.remove(host).unwrap_or_default();
                let covered =
                    own.unwrap_or(if reading.more { reading.read_until } else { TaskId(uuid::Uuid::max()) });
                let must: Vec<TaskId> = rows.iter().copied().filter(|id| *id <= covered).collect();
                assert_eq!(ids[..must.len().min(ids.len())], must, "{host} of {:?}", reading.key);
                // Rows beyond may be in memory too; they wait for the reading to reach them.
                assert!(
                    ids.iter().all(|id| rows.contains(id)),
                    "{host} of {:?}: rows of nowhere",
                    reading.key
                );
            }
            // Hosts without a window have nothing that was read.
            for (host, rows) in hosts {
                let unread = reading.more && rows.iter().all(|id| *id > reading.read_until);
                assert!(unread, "{host}: {rows:?} are in the store but not in {reading:?}");
            }
        }
        for (key, rows) in stored {
            let swept = state.is_sweeping(key.job);
            assert!(swept, "{key:?} is unknown with {} hosts", rows.len());
        }
    }

    fn ready(&self) -> impl Iterator<Item = &Waiting> {
        self.places.values().filter_map(|place| if let Place::Ready(w) = place { Some(w) } else { None })
    }

    fn delayed(&self) -> Vec<(Timestamp, TaskId, &Waiting)> {
        let mut rows: Vec<_> = self
            .places
            .values()
            .filter_map(|p| if let Place::Delayed(w, at) = p { Some((*at, w.body.id, w)) } else { None })
            .collect();
        rows.sort_unstable_by_key(|(at, id, _)| (*at, *id));
        rows
    }

    pub(crate) fn prefetch(&self, state: &State, inputs: &[(Token, Input)]) -> Prefetched {
        let mut read = self.read(&state.needs(inputs));
        read.add(self.read(&state.needs_after(&read)));
        read
    }

    fn read(&self, needs: &Needs) -> Prefetched {
        let cold = |task: &TaskId| {
            let ended = |r: &RunRow| EndedRun { run: r.run, worker: r.worker, outcome: r.outcome };
            let runs = self.runs.get(task).into_iter().flatten().map(ended).collect();
            Some((*task, ColdTask { place: self.places.get(task)?.clone(), runs }))
        };
        let known = |job: &JobId| {
            Some((*job, (self.jobs.get(job)?.clone(), self.counts.get(job).copied().unwrap_or_default())))
        };
        Prefetched {
            tasks: needs.tasks.iter().filter_map(cold).collect(),
            jobs: needs.jobs.iter().filter_map(known).collect(),
            idempotency: self
                .idempotency
                .iter()
                .filter(|row| {
                    needs.idempotency.iter().any(|k| k.principal == row.key.principal && k.key == row.key.key)
                })
                .cloned()
                .collect(),
            windows: needs
                .windows
                .iter()
                .map(|need| {
                    let WindowKey { lane, priority, job } = &need.key;
                    let range = RangeKey { kind: Arc::clone(&lane.kind), priority: *priority, job: *job };
                    let looked = self.ready().filter(|w| range_key(w) == range && w.body.id > need.after);
                    let (mut rows, mut rest, mut looks) = (Vec::new(), None, 0);
                    for row in looked {
                        if row.body.lane == *lane {
                            if rows.len() == need.limit {
                                rest = Some(rows.last().map_or(need.after, |w: &Waiting| w.body.id));
                                break;
                            }
                            rows.push(row.clone());
                        }
                        looks += 1;
                        if looks >= need.looks {
                            rest = Some(row.body.id);
                            break;
                        }
                    }
                    WindowRows { key: need.key.clone(), rows, rest }
                })
                .collect(),
            ranges: needs
                .ranges
                .iter()
                .map(|need| {
                    let mut rest =
                        self.ready().filter(|w| range_key(w) == need.key && w.body.id > need.after);
                    let rows: Vec<Waiting> = rest.by_ref().take(need.limit).cloned().collect();
                    RangeRows { key: need.key.clone(), rows, more: rest.next().is_some() }
                })
                .collect(),
            delayed: needs.delayed.as_ref().map(|need| {
                let rows = self.delayed();
                let mut rest = rows.into_iter().filter(|(at, id, _)| (*at, *id) > need.after);
                let rows = rest.by_ref().take(need.limit).map(|(at, _, w)| (w.clone(), at)).collect();
                DelayedRows { rows, more: rest.next().is_some() }
            }),
            sweeps: needs
                .sweeps
                .iter()
                .map(|need| {
                    let own = self.places.values().filter(|p| p.body().job == need.job);
                    let placed = own.filter_map(|p| Some((SweepPlace::of(p)?, p)));
                    let mut rows: Vec<(SweepPlace, &Place)> = placed
                        .filter(|(at, _)| need.ended_too || !matches!(at, SweepPlace::Ended(_)))
                        .filter(|(at, _)| need.after.as_ref().is_none_or(|after| at > after))
                        .collect();
                    rows.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
                    (need.job, rows.into_iter().take(need.limit).map(|(_, p)| p.clone()).collect())
                })
                .collect(),
            expansion: needs.expansion.as_ref().map(|need| (need.job, self.next_expansions(need))),
            urls: needs.urls.iter().filter(|url| self.urls.contains(url)).copied().collect(),
            ahead: needs.ahead.iter().map(|task| (*task, self.ahead(*task))).collect(),
        }
    }

    fn next_expansions(&self, need: &ExpansionNeed) -> Vec<Expansion> {
        let mut left = need.links;
        let fits = |(n, expansion): &(usize, &Expansion)| {
            let fits = *n == 0 || expansion.links.len() <= left;
            left = left.saturating_sub(expansion.links.len());
            fits
        };
        let own = self.expansions.values().filter(|e| e.job == need.job && e.task > need.after);
        own.enumerate().take_while(fits).map(|(_, expansion)| expansion.clone()).collect()
    }

    fn ahead(&self, task: TaskId) -> u64 {
        let Some(Place::Ready(me)) = self.places.get(&task) else { return 0 };
        let before = |p: &&Place| {
            matches!(p, Place::Ready(w) if w.body.lane.kind == me.body.lane.kind
                && (w.body.priority > me.body.priority || w.body.priority == me.body.priority && w.body.id < task))
        };
        self.places.values().filter(before).count() as u64
    }

    pub(crate) fn load(&self, epoch: u64, settings: &Settings) -> Snapshot {
        let mut ranges: BTreeSet<RangeKey> = BTreeSet::new();
        let mut depth: BTreeMap<Arc<str>, i64> = BTreeMap::new();
        let mut leases = Vec::new();
        for place in self.places.values() {
            match place {
                Place::Ready(w) => {
                    *depth.entry(Arc::clone(&w.body.lane.kind)).or_default() += 1;
                    ranges.insert(range_key(w));
                }
                Place::Leased(lease) => leases.push(lease.clone()),
                Place::Delayed(..) | Place::Done(_) => {}
            }
        }
        let delayed = self.delayed();
        let more = delayed.len() > settings.delayed_window;
        let rows =
            delayed.into_iter().take(settings.delayed_window).map(|(at, _, w)| (w.clone(), at)).collect();
        let open = |job: &&Job| {
            let counts = self.counts.get(&job.id).copied().unwrap_or_default();
            !job.status.is_terminal() || job.implicit || job.deleting || counts.open() > 0
        };
        Snapshot {
            epoch,
            last_event: self.last_event,
            last_now: self.last_now,
            last_id: self
                .places
                .keys()
                .chain(&self.purged)
                .map(|t| t.0)
                .chain(self.jobs.keys().map(|j| j.0))
                .chain(self.workers.keys().map(|w| w.0))
                .max()
                .unwrap_or_default(),
            jobs: self
                .jobs
                .values()
                .filter(open)
                .map(|job| (job.clone(), self.counts.get(&job.id).copied().unwrap_or_default()))
                .collect(),
            total: self.total,
            leases,
            ranges: ranges.into_iter().collect(),
            depth: depth.into_iter().collect(),
            delayed: Some(DelayedRows { rows, more }),
            workers: self.workers.values().cloned().collect(),
            lanes: self.lanes.values().cloned().collect(),
            hosts: self.hosts.values().cloned().collect(),
        }
    }
}

fn page_of(body: &TaskBody) -> UrlHash {
    PageUrl::parse(&body.url).expect("a page").hash()
}

fn range_key(w: &Waiting) -> RangeKey {
    RangeKey { kind: Arc::clone(&w.body.lane.kind), priority: w.body.priority, job: w.body.job }
}
