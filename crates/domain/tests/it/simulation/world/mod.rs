//! One seeded world: chance picks what happens next.

mod fleet;
mod leader;
mod operators;
mod promises;
mod quiet;

use crate::simulation::Hits;
use crate::simulation::store::SimStore;
use crate::simulation::worker::{SimWorker, Unacked};
use leader::Fate;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use ukai_domain::scheduler::{IdempotencyKey, Input, Push, State};
use ukai_domain::{JobId, Run, Settings, TaskId, Timestamp, WorkerId};

/// A deliberate mistake of the leader around the core, which the checks must catch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    None,
    /// A report's run isn't compared with the lease's.
    FenceDropped,
    /// Workers' acks go out before the commit.
    AckBeforeCommit,
    /// Pushes and callers' replies go out before the commit.
    EffectsBeforeCommit,
    /// A batch that writes nothing is answered without asking whether the epoch still stands.
    AnswerWithoutEpochCheck,
    /// Runs of lost workers don't return to the queue.
    NoRequeue,
    /// After a reload numbers of events begin where a lost commit had begun.
    EventNumberReused,
    /// After a lost reply the commit is looked up by number instead of inserted again.
    CommitLookedUp,
    /// A completion is stored without the page's links.
    LinksLost,
    /// Which pages a crawl has isn't read before its links become tasks.
    PagesForgotten,
}

struct Leader {
    state: State,
    alive: bool,
}

/// What a caller waits for.
#[derive(Clone, Debug)]
enum Asked {
    Report { worker: usize, report: Unacked },
    Submit { key: Option<IdempotencyKey>, n: usize },
    Other,
}

pub(crate) struct World {
    random: StdRng,
    settings: Settings,
    pub(crate) store: SimStore,
    /// The last one leads; an older one may still believe that it does.
    leaders: Vec<Leader>,
    now: Timestamp,
    workers: Vec<SimWorker>,
    /// Inputs on their way to the leader.
    inbox: VecDeque<(Input, Asked)>,
    /// Pushes on their way to workers.
    wire: Vec<Push>,
    jobs: Vec<JobId>,
    tasks: Vec<TaskId>,
    /// Tasks whose submission was answered.
    accepted: BTreeSet<TaskId>,
    /// Runs whose result was acknowledged.
    acked: BTreeMap<TaskId, Run>,
    idempotent: BTreeMap<String, Vec<TaskId>>,
    sessions: u128,
    /// What was leased before the step.
    live_before: BTreeSet<(TaskId, WorkerId, Run)>,
    mutant: Mutant,
    calm: bool,
    pub(crate) hits: Hits,
}

impl World {
    pub(crate) fn new(seed: u64, mutant: Mutant) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let settings = Settings {
            window_rows: random.random_range(2..6),
            window_budget: random.random_range(8..64),
            delayed_window: random.random_range(1..6),
            sweep_slice: random.random_range(1..8),
            expansion_links: random.random_range(1..12),
            max_handouts: random.random_range(1..8),
            ..Settings::default()
        };
        let mut world = Self {
            random,
            store: SimStore::default(),
            leaders: Vec::new(),
            now: Timestamp(1_800_000_000_000),
            workers: Vec::new(),
            inbox: VecDeque::new(),
            wire: Vec::new(),
            jobs: Vec::new(),
            tasks: Vec::new(),
            accepted: BTreeSet::new(),
            acked: BTreeMap::new(),
            idempotent: BTreeMap::new(),
            sessions: 0,
            live_before: BTreeSet::new(),
            mutant,
            calm: false,
            hits: Hits::new(),
            settings,
        };
        world.take_over();
        for n in 0..world.random.random_range(2..6) {
            world.make_worker(n);
        }
        world
    }

    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    pub(super) fn make_worker(&mut self, n: u32) {
        let input = Input::CreateWorker {
            name: format!("w{n}"),
            token_hash: String::new(),
            token_prefix: String::new(),
            idempotency: None,
        };
        self.inbox.push_back((input, Asked::Other));
        self.lead(Fate::Well);
        let id = *self.store.workers.keys().next_back().expect("a worker was made");
        let contract_only = self.chance(30);
        self.workers.push(SimWorker::new(id, contract_only));
    }

    /// One thing happens.
    pub(crate) fn act(&mut self) {
        match self.random.random_range(0..100) {
            0..10 => self.submit(),
            10..22 => self.operate(),
            22..62 => self.work(),
            62..72 => self.deliver(),
            72..80 => {
                let seconds = if self.chance(80) {
                    self.random.random_range(0..4_000)
                } else {
                    self.random.random_range(0..40_000)
                };
                self.now = self.now + Duration::from_millis(seconds);
                self.inbox.push_back((Input::Tick, Asked::Other));
            }
            80..84 => self.trouble(),
            _ => {}
        }
        if self.chance(70) {
            let fate = self.fate();
            self.lead(fate);
        }
    }
}
