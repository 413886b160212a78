//! After a step or a commit that broke: memory from the store again, and the input whose fault it was.

use super::{Leader, NOBODY, Outcome, TurnError, storage_full};
use crate::pusher::Pushers;
use crate::release::{Gateways, Targets};
use ukai_domain::scheduler::{Input, Reply, State, Token};
use ukai_domain::{Code, Rejection};
use ukai_store::StoreError;

/// What memory knows of connections after it was loaded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connections {
    /// Those of before, each with what the store says that its worker holds.
    Kept,
    /// None: their gateways announce them.
    Unknown,
}

/// The search for an input that breaks its step or commit.
struct Search {
    /// Inputs to be tried, the next ones last.
    parts: Vec<Vec<(Token, Input)>>,
    replies: Vec<(Token, Result<Reply, Rejection>)>,
    targets: Targets,
}

impl Leader {
    /// Finds the guilty input by halves: it alone is refused.
    pub(super) async fn bisect(
        &mut self,
        state: &mut State,
        inputs: Vec<(Token, Input)>,
        targets: Targets,
        gateways: &mut Gateways,
        pushers: &mut Pushers,
    ) -> Result<(), TurnError> {
        let mut search = Search { parts: Vec::new(), replies: Vec::new(), targets };
        search.halve(inputs);
        // Nothing at all goes first: where that breaks too, no input is to blame.
        search.parts.push(Vec::new());
        search.note(self.reload(state, gateways, pushers).await?);
        while let Some(part) = search.parts.pop() {
            let kept = part.clone();
            match self.attempt(state, part).await? {
                Outcome::Done(mut done) => {
                    search.replies.append(&mut done.effects.replies);
                    self.release(done, Targets::default(), state, gateways, pushers).await;
                }
                Outcome::Full(message) => {
                    tracing::error!(message, "nothing can be stored: no room");
                    search.parts.push(kept);
                    search.refuse_rest();
                    search.note(self.reload(state, gateways, pushers).await?);
                }
                Outcome::Broken(message) => {
                    if kept.is_empty() {
                        return Err(TurnError::Broken(message));
                    }
                    if let [(token, input)] = &kept[..] {
                        let input = input.name();
                        tracing::error!(input, message, "this input breaks the step or the commit: refused");
                        self.metrics.poison_inputs.inc();
                        search.refuse(*token);
                    } else {
                        search.halve(kept);
                    }
                    search.note(self.reload(state, gateways, pushers).await?);
                }
            }
        }
        search.targets.answer(search.replies, state.epoch(), gateways, &self.metrics);
        Ok(())
    }

    /// Memory as the store has it, never as a step left it whose commit was not applied.
    pub(super) async fn reload(
        &mut self,
        state: &mut State,
        gateways: &mut Gateways,
        pushers: &mut Pushers,
    ) -> Result<Connections, TurnError> {
        self.metrics.reloads.inc();
        let connections = state.connections();
        *state = self.load(state).await?;
        let announces: Vec<(Token, Input)> =
            state.readopt(connections).into_iter().map(|announce| (NOBODY, announce)).collect();
        if announces.is_empty() {
            return Ok(Connections::Kept);
        }
        let message = match self.attempt(state, announces).await? {
            Outcome::Done(done) => {
                self.release(done, Targets::default(), state, gateways, pushers).await;
                return Ok(Connections::Kept);
            }
            Outcome::Full(message) | Outcome::Broken(message) => message,
        };
        tracing::error!(message, "connections can't be kept: their gateways are to announce them");
        *state = self.load(state).await?;
        gateways.forget();
        Ok(Connections::Unknown)
    }

    async fn load(&mut self, broken: &State) -> Result<State, TurnError> {
        let settings = &self.config.settings;
        let snapshot = loop {
            match self.store.load(broken.epoch(), settings.delayed_window).await {
                Ok(snapshot) => break snapshot,
                Err(StoreError::Unavailable(error) | StoreError::Full(error)) => {
                    tracing::warn!(error, "memory can't be loaded yet");
                    self.pause(super::RESEND_EVERY).await?;
                }
                Err(error) => return Err(TurnError::Store(error)),
            }
        };
        self.seed = self.seed.rotate_left(7) ^ 0x9e37_79b9_7f4a_7c15;
        let mut state = State::load(settings.clone(), snapshot, self.seed, self.clock.now());
        state.continue_commits(broken);
        Ok(state)
    }
}

impl Search {
    /// A part that broke is tried again in two.
    fn halve(&mut self, mut part: Vec<(Token, Input)>) {
        let second = part.split_off(part.len() / 2);
        self.parts.extend([second, part].into_iter().filter(|half| !half.is_empty()));
    }

    /// Where the connections are not known any more, words of gateways would be those of strangers: they get no
    /// answer and send them again after they have announced.
    fn note(&mut self, connections: Connections) {
        if connections == Connections::Kept {
            return;
        }
        for part in &mut self.parts {
            part.retain(|(token, _)| !self.targets.is_of_gateway(*token));
        }
        self.targets.drop_batches();
    }

    fn refuse(&mut self, token: Token) {
        let rejection = Rejection::new(Code::InternalError, "the input could not be processed");
        self.replies.push((token, Err(rejection)));
    }

    /// There is no room: commands are refused, gateways get no answer.
    fn refuse_rest(&mut self) {
        for (token, _) in self.parts.drain(..).flatten() {
            if !self.targets.is_of_gateway(token) {
                self.replies.push((token, Err(storage_full())));
            }
        }
    }
}
