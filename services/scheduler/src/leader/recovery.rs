//! After a step or a commit that broke: memory from the store again, and the input whose fault it was.

use super::turn::{NOBODY, Turn, Unapplied};
use super::{Leader, Memory, TurnError, storage_full};
use crate::release::Targets;
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
    /// What is known of connections by now.
    connections: Connections,
}

impl Leader {
    /// Finds the guilty input by halves: it alone is refused.
    pub(super) async fn bisect(&mut self, memory: &mut Memory, turn: Turn) -> Result<Connections, TurnError> {
        let (parts, replies, connections) = (Vec::new(), Vec::new(), Connections::Kept);
        let mut search = Search { parts, replies, targets: turn.targets, connections };
        search.halve(turn.inputs);
        // Nothing at all goes first: where that breaks too, no input is to blame.
        search.parts.push(Vec::new());
        search.note(self.reload(memory).await?);
        while let Some(part) = search.parts.pop() {
            let kept = part.clone();
            match self.attempt(&mut memory.state, part).await? {
                Ok(mut done) => {
                    search.replies.append(&mut done.effects.replies);
                    self.release(done, Targets::default(), memory).await;
                }
                Err(Unapplied::Full(message)) => {
                    tracing::error!(message, "nothing can be stored: no room");
                    search.parts.push(kept);
                    search.refuse_rest();
                    search.note(self.reload(memory).await?);
                }
                Err(Unapplied::Broken(message)) => {
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
                    search.note(self.reload(memory).await?);
                }
            }
        }
        search.targets.answer(search.replies, memory.state.epoch(), &mut memory.gateways, &self.metrics);
        Ok(search.connections)
    }

    /// Memory as the store has it, never as a step left it whose commit was not applied.
    pub(super) async fn reload(&mut self, memory: &mut Memory) -> Result<Connections, TurnError> {
        self.metrics.reloads.inc();
        let loaded = self.load(&memory.state).await?;
        let broken = std::mem::replace(&mut memory.state, loaded);
        let announces: Vec<(Token, Input)> =
            memory.state.readopt(&broken).into_iter().map(|input| (NOBODY, input)).collect();
        if announces.is_empty() {
            return Ok(Connections::Kept);
        }
        let message = match self.attempt(&mut memory.state, announces).await? {
            Ok(done) => {
                self.release(done, Targets::default(), memory).await;
                return Ok(Connections::Kept);
            }
            Err(Unapplied::Full(message) | Unapplied::Broken(message)) => message,
        };
        tracing::error!(message, "connections can't be kept: their gateways are to announce them");
        memory.state = self.load(&memory.state).await?;
        memory.gateways.forget();
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
        state.continue_from(broken);
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
        self.connections = Connections::Unknown;
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
