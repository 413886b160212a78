//! The loop of a leader: gather, read, step, commit, release. Nothing batches by a timer: what gathers while
//! one commit is under way is the next batch.

mod recovery;

use crate::clock::Clock;
use crate::config::SchedulerConfig;
use crate::events::Publisher;
use crate::inbox::{Inbox, Work};
use crate::metrics::Metrics;
use crate::pusher::Pushers;
use crate::release::{Gateways, Targets};
use crate::traced::Traced;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use ukai_boot::Shutdown;
use ukai_bus::Bus;
use ukai_domain::scheduler::{Commit, Effects, Input, Prefetched, State, Step, Token, step};
use ukai_domain::{Code, Rejection};
use ukai_store::{CommitError, Store, StoreError};

/// Between two sendings of a commit whose outcome is unknown.
const RESEND_EVERY: Duration = Duration::from_millis(100);
/// After a commit that found no room: a try costs a load of memory.
const NO_ROOM: Duration = Duration::from_millis(500);
/// Longer between two steps is our own stall, or the store's: no worker is judged by it.
const STALL: Duration = Duration::from_secs(3);
/// Between two looks at the gauges.
const MEASURE_EVERY: Duration = Duration::from_millis(250);
/// Between two looks at those that cost a walk.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The token of inputs whose reply nobody waits for.
const NOBODY: Token = Token::MAX;
/// Row changes of one step, about; a larger input goes alone.
const MAX_WEIGHT: usize = 2_000;

pub(crate) struct Leader {
    pub(crate) config: SchedulerConfig,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) metrics: Metrics,
    pub(crate) inbox: Inbox,
    pub(crate) clock: Clock,
    pub(crate) seed: u64,
    pub(crate) leading: Shutdown,
    pub(crate) events: Publisher,
    /// The last step's time.
    pub(crate) stepped: Instant,
    pub(crate) measured: Option<Instant>,
    pub(crate) looked: Option<Instant>,
    /// What the next commit is a part of.
    pub(crate) traced: Traced,
}

/// Why a leader stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was asked to.
    Stopped,
    /// Another leads.
    Deposed,
}

/// What a turn's commit came to.
enum Outcome {
    Done(Done),
    /// The step or the commit broke: memory must be loaded again.
    Broken(String),
    /// Nothing was written because there is no room.
    Full(String),
}

/// A step whose commit was applied.
struct Done {
    commit: Arc<Commit>,
    effects: Effects,
}

/// Works in the order of their arrival, with one that was too large for the last turn.
struct Gathering<'a> {
    works: &'a mut mpsc::Receiver<Work>,
    held: Option<Work>,
}

impl Leader {
    pub(crate) async fn run(
        mut self,
        mut state: State,
        works: &mut mpsc::Receiver<Work>,
    ) -> anyhow::Result<Ended> {
        let mut gathering = Gathering { works, held: None };
        let mut gateways = Gateways::default();
        let mut pushers = Pushers::new(
            Arc::clone(&self.bus),
            self.inbox.clone(),
            state.epoch(),
            self.clock,
            self.leading.clone(),
            self.config.tracer.clone(),
        );
        loop {
            let Some(gathered) = self.gather(&state, &mut gathering).await else { return Ok(Ended::Stopped) };
            let confirmed = pushers.confirmed();
            match self.turn(&mut state, &mut gateways, &mut pushers, gathered, confirmed).await {
                Ok(()) => {}
                Err(TurnError::Deposed) => return Ok(Ended::Deposed),
                Err(TurnError::Stopped) => return Ok(Ended::Stopped),
                Err(TurnError::Store(error)) => return Err(error.into()),
                Err(TurnError::Broken(error)) => anyhow::bail!("a step without inputs breaks: {error}"),
            }
        }
    }

    /// Waits for work or a timer; `None` when it is time to stop.
    async fn gather(&self, state: &State, gathering: &mut Gathering<'_>) -> Option<Vec<Work>> {
        let mut gathered = Vec::new();
        let mut weight = 0;
        if let Some(work) = gathering.held.take() {
            weight = work.weight();
            gathered.push(work);
        } else if !state.has_background_work() {
            let timer = state.next_timer().map_or(Duration::from_secs(1), |at| self.clock.until(at));
            tokio::select! {
                biased;
                () = self.leading.stopping() => return None,
                work = gathering.works.recv() => {
                    let work = work?;
                    weight = work.weight();
                    gathered.push(work);
                }
                () = tokio::time::sleep(timer.min(Duration::from_secs(1))) => {}
            }
        }
        if self.leading.is_stopping() {
            return None;
        }
        while weight < MAX_WEIGHT.min(self.config.max_inputs) {
            let Ok(work) = gathering.works.try_recv() else { break };
            weight += work.weight();
            if weight > MAX_WEIGHT && !gathered.is_empty() {
                gathering.held = Some(work);
                break;
            }
            gathered.push(work);
        }
        Some(gathered)
    }

    async fn turn(
        &mut self,
        state: &mut State,
        gateways: &mut Gateways,
        pushers: &mut Pushers,
        gathered: Vec<Work>,
        confirmed: Option<Input>,
    ) -> Result<(), TurnError> {
        let epoch = state.epoch();
        let mut targets = Targets::default();
        let mut inputs: Vec<(Token, Input)> = Vec::with_capacity(gathered.len() + 1);
        if let Some(confirmed) = confirmed {
            inputs.push((targets.nobody(), confirmed));
        }
        self.traced.clear();
        gateways.expire(Instant::now());
        for work in gathered {
            if self.config.tracer.is_on() {
                self.traced.note(&work, state);
            }
            if targets.take(work, epoch, gateways, &mut inputs) {
                return Err(TurnError::Deposed);
            }
        }
        self.metrics.inputs.inc_by(inputs.len() as u64);
        // Kept for the case that one of them breaks the step or the commit.
        let kept = inputs.clone();
        match self.attempt(state, inputs).await? {
            Outcome::Done(done) => self.release(done, targets, state, gateways, pushers).await,
            Outcome::Full(message) => {
                tracing::error!(message, "nothing can be stored: no room");
                self.reload(state, gateways, pushers).await?;
                targets.refuse_commands(&storage_full());
                targets.answer(Vec::new(), epoch, gateways, &self.metrics);
                self.pause(NO_ROOM).await?;
            }
            Outcome::Broken(message) => {
                tracing::error!(message, inputs = kept.len(), "a batch broke: looking for the guilty input");
                self.bisect(state, kept, targets, gateways, pushers).await?;
            }
        }
        self.measure(state);
        Ok(())
    }

    /// Reads, steps and commits once.
    async fn attempt(
        &mut self,
        state: &mut State,
        mut inputs: Vec<(Token, Input)>,
    ) -> Result<Outcome, TurnError> {
        let begun = Instant::now();
        let prefetched = self.prefetch(state, &inputs).await?;
        let read = Instant::now();
        self.metrics.spent("read", read - begun);
        if read - std::mem::replace(&mut self.stepped, read) > STALL {
            tracing::warn!("a stall: every worker's clock gets a fresh start");
            inputs.insert(0, (NOBODY, Input::Resync));
        }
        let now = self.clock.now();
        let stepped = std::panic::catch_unwind(AssertUnwindSafe(|| step(state, inputs, prefetched, now)));
        let Ok(Step { commit, effects }) = stepped else {
            return Ok(Outcome::Broken("a step panicked".to_owned()));
        };
        let commit = Arc::new(commit);
        let stepped_at = Instant::now();
        self.metrics.spent("step", stepped_at - read);
        let mut spans = self.traced.begin(&self.config.tracer, &commit);
        let outcome = self.commit(&commit).await?;
        if outcome.is_some() {
            spans.iter_mut().for_each(|span| span.fail("not applied"));
        }
        drop(spans);
        let took = stepped_at.elapsed();
        self.metrics.spent("commit", took);
        self.metrics.commit_seconds.observe(took.as_secs_f64());
        Ok(match outcome {
            None => Outcome::Done(Done { commit, effects }),
            Some(broken) => broken,
        })
    }

    async fn prefetch(&self, state: &State, inputs: &[(Token, Input)]) -> Result<Prefetched, TurnError> {
        let needs = state.needs(inputs);
        if needs.is_empty() {
            return Ok(Prefetched::default());
        }
        loop {
            match self.read(state, needs.clone()).await {
                Ok(read) => return Ok(read),
                Err(StoreError::Unavailable(error)) => {
                    tracing::warn!(error, "the store is away: reading again");
                    self.pause(RESEND_EVERY).await?;
                }
                Err(error) => return Err(TurnError::Store(error)),
            }
        }
    }

    async fn read(
        &self,
        state: &State,
        needs: ukai_domain::scheduler::Needs,
    ) -> Result<Prefetched, StoreError> {
        let mut read = self.store.prefetch(needs).await?;
        let more = state.needs_after(&read);
        if !more.is_empty() {
            read.add(self.store.prefetch(more).await?);
        }
        Ok(read)
    }

    /// `None` once applied. An unknown outcome sends the same commit again, never a new one.
    async fn commit(&self, commit: &Arc<Commit>) -> Result<Option<Outcome>, TurnError> {
        if commit.is_empty() {
            return loop {
                match self.store.check_epoch(self.events.epoch()).await {
                    Ok(()) => break Ok(None),
                    Err(CommitError::Unavailable(error)) => {
                        tracing::warn!(error, "the store is away: confirming again");
                        self.pause(RESEND_EVERY).await?;
                    }
                    Err(CommitError::Deposed { .. }) => break Err(TurnError::Deposed),
                    Err(CommitError::Full(error)) => break Ok(Some(Outcome::Full(error))),
                    Err(error) => break Ok(Some(Outcome::Broken(error.to_string()))),
                }
            };
        }
        let outcome = loop {
            match self.store.commit(Arc::clone(commit)).await {
                Ok(_applied) => break None,
                Err(CommitError::Unavailable(error)) => {
                    tracing::warn!(error, "the store is away: sending the commit again");
                    self.pause(RESEND_EVERY).await?;
                }
                Err(CommitError::Deposed { .. }) => return Err(TurnError::Deposed),
                Err(CommitError::Refused(error)) => break Some(Outcome::Broken(error)),
                Err(CommitError::Full(error)) => break Some(Outcome::Full(error)),
            }
        };
        if outcome.is_none() {
            self.metrics.commits.inc();
            self.metrics
                .commit_rows
                .observe((commit.moves.len() + commit.tasks.len() + commit.runs.len()) as f64);
        }
        Ok(outcome)
    }

    async fn pause(&self, time: Duration) -> Result<(), TurnError> {
        tokio::select! {
            () = self.leading.stopping() => Err(TurnError::Stopped),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    async fn release(
        &self,
        done: Done,
        targets: Targets,
        state: &State,
        gateways: &mut Gateways,
        pushers: &mut Pushers,
    ) {
        let begun = Instant::now();
        for run in &done.commit.runs {
            let outcome = run.outcome.as_str();
            self.metrics.run_ends.get_or_create(&crate::metrics::Outcome { outcome }).inc();
        }
        targets.answer(done.effects.replies, state.epoch(), gateways, &self.metrics);
        pushers.send(done.effects.pushes, &self.metrics);
        self.events.publish(&done.commit.events, done.commit.last_event).await;
        self.metrics.spent("release", begun.elapsed());
    }

    /// Gauges follow a few times a second: some cost a walk over memory.
    fn measure(&mut self, state: &State) {
        if self.measured.is_some_and(|at| at.elapsed() < MEASURE_EVERY) {
            return;
        }
        self.measured = Some(Instant::now());
        if self.looked.is_none_or(|at| at.elapsed() > LOOK_EVERY) {
            self.looked = Some(Instant::now());
            self.look(state);
        }
        self.metrics.counts(&state.total());
        self.metrics.leases.set(i64::try_from(state.lease_count()).unwrap_or(i64::MAX));
        self.metrics.window_rows.set(i64::try_from(state.window_rows()).unwrap_or(i64::MAX));
        for (kind, depth) in state.depth() {
            self.metrics.depth.get_or_create(&crate::metrics::Kind { kind: kind.to_string() }).set(depth);
        }
    }

    /// Gauges that cost a walk over sessions and windows.
    fn look(&self, state: &State) {
        let oldest = state.oldest_ready().map_or(0.0, |at| self.clock.now().since(at).as_secs_f64());
        self.metrics.oldest_ready.set(oldest);
        self.metrics.connected.set(i64::try_from(state.connected()).unwrap_or(i64::MAX));
    }
}

/// Why a turn can't go on.
pub(crate) enum TurnError {
    Deposed,
    Stopped,
    Store(StoreError),
    /// What broke is not any input's fault.
    Broken(String),
}

fn storage_full() -> Rejection {
    Rejection::new(Code::StorageFull, "the server's storage is full")
}
