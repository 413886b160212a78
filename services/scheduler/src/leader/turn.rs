//! One turn: inputs to a step, the step to its commit, the commit's end to everything that waits for it.

use super::flight::{Done, Flight};
use super::recovery::Connections;
use super::{Leader, Memory, RESEND_EVERY, TurnError, storage_full};
use crate::inbox::Work;
use crate::release::Targets;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ukai_boot::trace::Span;
use ukai_domain::scheduler::{Commit, Effects, Input, Needs, Prefetched, State, Step, Token};
use ukai_store::StoreError;

#[cfg(feature = "failpoints")]
use super::failing::step;
#[cfg(not(feature = "failpoints"))]
use ukai_domain::scheduler::step;

/// After a commit that found no room: a try costs a load of memory.
const NO_ROOM: Duration = Duration::from_millis(500);
/// Longer between two steps is our own stall, or the store's: no worker is judged by it.
const STALL: Duration = Duration::from_secs(3);
/// The token of inputs whose reply nobody waits for.
pub(super) const NOBODY: Token = Token::MAX;

/// The inputs of a step, and where their replies go.
pub(super) struct Turn {
    pub(super) targets: Targets,
    pub(super) inputs: Vec<(Token, Input)>,
}

impl Turn {
    /// Where connections are not known any more, words of gateways would be those of strangers: they get no answer, and
    /// send them again after they have announced.
    fn leave_out_gateways(&mut self) {
        self.inputs.retain(|(token, _)| !self.targets.is_of_gateway(*token));
        self.targets.drop_batches();
    }
}

/// A step that nobody may know of before its commit is applied.
pub(super) struct Stepped {
    pub(super) commit: Arc<Commit>,
    pub(super) effects: Effects,
    pub(super) spans: Vec<Span>,
}

/// Why a step has no effect: it was never stored.
pub(super) enum Unapplied {
    /// The step or the commit broke: memory must be loaded again.
    Broken(String),
    /// Nothing was written because there is no room.
    Full(String),
}

impl Leader {
    /// Steps what was gathered and sends its commit, behind the one that is under way.
    pub(super) async fn turn(
        &mut self,
        memory: &mut Memory,
        gathered: Vec<Work>,
        flight: &mut Option<Flight>,
    ) -> Result<(), TurnError> {
        // What is answered only by the commit's end decides what a gateway's next batch is.
        if flight.as_ref().is_some_and(|f| gathered.iter().any(|work| f.turn.targets.has_gateway_of(work))) {
            self.land(memory, flight).await?;
        }
        let mut turn = self.take(memory, gathered)?;
        // What is read must have been written.
        if flight.is_some() && !memory.state.needs(&turn.inputs).is_empty() {
            self.land_before(memory, flight, &mut turn).await?;
        }
        let mut stepped = self.step(&mut memory.state, turn.inputs.clone()).await?;
        if flight.is_some() && self.land_before(memory, flight, &mut turn).await? {
            // Memory is what it was before the commit that failed: this step never was.
            stepped = self.step(&mut memory.state, turn.inputs.clone()).await?;
        }
        match stepped {
            Ok(stepped) => *flight = Some(self.launch(stepped, turn)),
            Err(message) => drop(self.find_guilty(memory, turn, message).await?),
        }
        Ok(())
    }

    fn take(&mut self, memory: &mut Memory, gathered: Vec<Work>) -> Result<Turn, TurnError> {
        let mut turn = Turn { targets: Targets::default(), inputs: Vec::with_capacity(gathered.len() + 1) };
        if let Some(confirmed) = memory.pushers.confirmed() {
            turn.inputs.push((turn.targets.nobody(), confirmed));
        }
        self.traced.clear();
        memory.gateways.expire(Instant::now());
        for work in gathered {
            if self.config.tracer.is_on() {
                self.traced.note(&work, &memory.state);
            }
            if turn.targets.take(work, memory.state.epoch(), &mut memory.gateways, &mut turn.inputs) {
                return Err(TurnError::Deposed);
            }
        }
        self.metrics.inputs.inc_by(turn.inputs.len() as u64);
        Ok(turn)
    }

    /// [`Leader::land`], while `turn` was taken already. Whether memory was loaded again.
    async fn land_before(
        &mut self,
        memory: &mut Memory,
        flight: &mut Option<Flight>,
        turn: &mut Turn,
    ) -> Result<bool, TurnError> {
        let reloaded = self.land(memory, flight).await?;
        if reloaded == Some(Connections::Unknown) {
            turn.leave_out_gateways();
        }
        Ok(reloaded.is_some())
    }

    /// Waits for the end of the commit under way, if there is one, and does what follows from it. What is known of
    /// connections since, where memory was loaded again for it.
    pub(super) async fn land(
        &mut self,
        memory: &mut Memory,
        flight: &mut Option<Flight>,
    ) -> Result<Option<Connections>, TurnError> {
        let Some(mut landing) = flight.take() else { return Ok(None) };
        let unapplied = landing.outcome(&self.metrics).await?;
        let Flight { done, turn, .. } = landing;
        match unapplied {
            None => {
                self.release(done, turn.targets, memory).await;
                Ok(None)
            }
            Some(Unapplied::Full(message)) => {
                tracing::error!(message, "nothing can be stored: no room");
                let connections = self.reload(memory).await?;
                let mut targets = turn.targets;
                targets.refuse_commands(&storage_full());
                targets.answer(Vec::new(), memory.state.epoch(), &mut memory.gateways, &self.metrics);
                self.pause(NO_ROOM).await?;
                Ok(Some(connections))
            }
            Some(Unapplied::Broken(message)) => self.find_guilty(memory, turn, message).await.map(Some),
        }
    }

    async fn find_guilty(
        &mut self,
        memory: &mut Memory,
        turn: Turn,
        message: String,
    ) -> Result<Connections, TurnError> {
        let inputs = turn.inputs.len();
        tracing::error!(message, inputs, "a batch broke: looking for the guilty input");
        self.bisect(memory, turn).await
    }

    /// Reads, steps and commits once.
    pub(super) async fn attempt(
        &mut self,
        state: &mut State,
        inputs: Vec<(Token, Input)>,
    ) -> Result<Result<Done, Unapplied>, TurnError> {
        let Stepped { commit, effects, spans } = match self.step(state, inputs).await? {
            Ok(stepped) => stepped,
            Err(message) => return Ok(Err(Unapplied::Broken(message))),
        };
        let unapplied = self.committer().send(&commit).await?;
        drop(spans);
        Ok(unapplied.map_or(Ok(Done { commit, effects }), Err))
    }

    /// Reads and steps; the message where the step breaks.
    async fn step(
        &mut self,
        state: &mut State,
        mut inputs: Vec<(Token, Input)>,
    ) -> Result<Result<Stepped, String>, TurnError> {
        let begun = Instant::now();
        let prefetched = self.prefetch(state, &inputs).await?;
        let read = Instant::now();
        self.metrics.spent("read", read - begun);
        if read - std::mem::replace(&mut self.stepped, read) > STALL {
            tracing::warn!("a stall: every worker's clock gets a fresh start");
            inputs.insert(0, (NOBODY, Input::Stalled));
        }
        let now = self.clock.now();
        let stepped = std::panic::catch_unwind(AssertUnwindSafe(|| step(state, inputs, prefetched, now)));
        let Ok(Step { commit, effects }) = stepped else { return Ok(Err("a step panicked".to_owned())) };
        self.metrics.spent("step", read.elapsed());
        let spans = self.traced.begin(&self.config.tracer, &commit);
        Ok(Ok(Stepped { commit: Arc::new(commit), effects, spans }))
    }

    async fn prefetch(&self, state: &State, inputs: &[(Token, Input)]) -> Result<Prefetched, TurnError> {
        let mut needs = state.needs(inputs);
        if needs.is_empty() {
            return Ok(Prefetched::default());
        }
        loop {
            match Box::pin(self.read(state, needs.clone())).await {
                Ok(read) => return Ok(read),
                Err(StoreError::Unavailable(error)) => {
                    tracing::warn!(error, "the store is away: reading again");
                    self.pause(RESEND_EVERY).await?;
                    // Perhaps it was too much for the time that a reading has.
                    needs.halve();
                }
                Err(error) => return Err(TurnError::Store(error)),
            }
        }
    }

    async fn read(&self, state: &State, needs: Needs) -> Result<Prefetched, StoreError> {
        let mut read = self.store.prefetch(needs).await?;
        let more = state.needs_after(&read);
        if !more.is_empty() {
            read.add(self.store.prefetch(more).await?);
        }
        Ok(read)
    }

    /// Tells what is durable now to everyone who waits for it.
    pub(super) async fn release(&self, done: Done, targets: Targets, memory: &mut Memory) {
        let begun = Instant::now();
        for run in &done.commit.runs {
            let outcome = run.outcome.as_str();
            self.metrics.run_ends.get_or_create(&crate::metrics::Outcome { outcome }).inc();
        }
        let epoch = memory.state.epoch();
        targets.answer(done.effects.replies, epoch, &mut memory.gateways, &self.metrics);
        memory.pushers.send(done.effects.pushes, &self.metrics);
        self.events.publish(&done.commit.events, done.commit.last_event).await;
        self.metrics.spent("release", begun.elapsed());
    }
}
