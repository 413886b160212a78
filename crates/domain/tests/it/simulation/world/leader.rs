//! The leader's loop around the core, with its crashes, takeovers and deliberate mistakes.

use super::{Asked, Leader, Mutant, World};
use crate::simulation::store::Refused;
use rand::RngExt;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use ukai_domain::scheduler::{Input, State, Step, Token, faults, step};
use ukai_domain::{Place, TaskId};

/// What becomes of one step of the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Well,
    CrashBeforeCommit,
    CrashAfterCommit,
    /// The commit's reply is lost; it is sent again.
    ReplyLost,
    /// The commit never arrived; before it is sent again another takes over.
    DeposedBeforeResend,
    /// Another took over before this step.
    DeposedBefore,
}

impl World {
    pub(super) fn fate(&mut self) -> Fate {
        match self.random.random_range(0..100) {
            0..2 => Fate::CrashBeforeCommit,
            2..4 => Fate::CrashAfterCommit,
            4..6 => Fate::ReplyLost,
            6..7 => Fate::DeposedBeforeResend,
            7..8 => Fate::DeposedBefore,
            8..10 => {
                // It sleeps from here on; another leads.
                if self.leaders.len() < 3 {
                    self.take_over();
                }
                Fate::Well
            }
            _ => Fate::Well,
        }
    }

    pub(super) fn take_over(&mut self) {
        let epoch = self.store.take_over();
        if !self.store.expansions.is_empty() {
            *self.hits.entry(("links", "takeover")).or_default() += 1;
        }
        let snapshot = self.store.load(epoch, &self.settings);
        let state = State::load(self.settings.clone(), snapshot, self.random.random(), self.now);
        assert_eq!(faults(&state), Vec::<String>::new(), "after a takeover");
        self.leaders.push(Leader { state, alive: true });
        // Gateways announce their sessions to the new leader.
        let sessions = self.workers.iter().filter_map(|w| Some(w.connect(w.session?))).collect();
        self.inbox.push_front((Input::Announce { gateway: crate::kit::GATEWAY, sessions }, Asked::Other));
    }

    /// One step of the newest leader with all that has arrived.
    pub(super) fn lead(&mut self, fate: Fate) {
        if fate == Fate::DeposedBefore {
            self.take_over();
        }
        // A leader that slept through a takeover wakes up later and finds inputs addressed to it.
        let sleeper = !self.calm && self.leaders.len() > 1 && (fate == Fate::DeposedBefore || self.chance(8));
        let which = if sleeper { 0 } else { self.leaders.len() - 1 };
        let fate = if sleeper { Fate::Well } else { fate };
        let mut asked = Vec::new();
        let mut inputs: Vec<(Token, Input)> = Vec::new();
        let most = self.inbox.len().min(6);
        for (n, (input, who)) in self.inbox.drain(..most).enumerate() {
            inputs.push((n as Token, input));
            asked.push(who);
        }
        if sleeper && let Some(at) = inputs.iter().position(|(_, i)| matches!(i, Input::Announce { .. })) {
            // That one is for the new leader.
            let (_, announce) = inputs.remove(at);
            self.inbox.push_front((announce, asked.remove(at)));
            for (n, (token, _)) in inputs.iter_mut().enumerate() {
                *token = n as Token;
            }
        }
        self.count_hits(&inputs);
        if self.mutant == Mutant::FenceDropped {
            self.drop_fence(&mut inputs);
        }
        let reports = inputs.iter().any(|(_, input)| matches!(input, Input::Report(_)));
        self.live_before = if reports { self.live_runs() } else { BTreeSet::new() };
        let mut prefetched = self.store.prefetch(&self.leaders[which].state, &inputs);
        if self.mutant == Mutant::PagesForgotten {
            prefetched.urls.clear();
        }
        let now = self.now;
        let state = &mut self.leaders[which].state;
        let stepped = catch_unwind(AssertUnwindSafe(|| step(state, inputs, prefetched, now)));
        let mut done = match stepped {
            Ok(done) => done,
            // Rows of another's time may break its step: it loads again, and finds itself deposed.
            Err(_) if sleeper => Step::default(),
            Err(panic) => std::panic::resume_unwind(panic),
        };
        // A sleeper's memory doesn't fit the rows that were read: nothing of its step may get out.
        if !sleeper {
            assert_eq!(faults(&self.leaders[which].state), Vec::<String>::new());
        }
        if !sleeper {
            self.count_links(&done);
        }
        self.mutate(&mut done);
        let early = matches!(self.mutant, Mutant::AckBeforeCommit | Mutant::EffectsBeforeCommit);
        if early {
            let effects = done.effects.clone();
            self.release(effects, asked.clone(), self.mutant == Mutant::EffectsBeforeCommit);
        }
        let released = self.commit(&done, fate, which);
        match released {
            true if !early => self.release(done.effects, asked, true),
            true => {}
            false => {}
        }
        self.store.check();
        if sleeper {
            assert!(!self.leaders[which].alive || self.mutant != Mutant::None, "a deposed leader goes on");
        } else if self.leaders[which].alive && which + 1 == self.leaders.len() {
            let state = &self.leaders[which].state;
            assert_eq!(state.total(), self.store.total, "memory and store count differently");
            self.store.compare_readings(state);
        } else if which + 1 == self.leaders.len() {
            self.take_over();
        }
        if sleeper {
            self.leaders[which].alive = false;
        }
        self.leaders.retain(|l| l.alive);
        self.check_promises();
    }

    /// Whether the effects may be released.
    pub(super) fn commit(&mut self, done: &Step, fate: Fate, which: usize) -> bool {
        if done.commit.is_empty() {
            let stands = self.leaders[which].state.epoch() == self.store.epoch;
            self.leaders[which].alive = stands;
            return stands || self.mutant == Mutant::AnswerWithoutEpochCheck;
        }
        match fate {
            Fate::Well => {}
            Fate::CrashBeforeCommit => {
                self.leaders[which].alive = false;
                return false;
            }
            Fate::CrashAfterCommit => {
                self.store.apply(&done.commit).expect("a leader's commit");
                self.leaders[which].alive = false;
                return false;
            }
            Fate::ReplyLost => {
                self.store.apply(&done.commit).expect("a leader's commit");
                assert_eq!(self.store.apply(&done.commit), Err(Refused::Before), "the second sending");
                return true;
            }
            Fate::DeposedBeforeResend => {
                self.take_over();
                self.lead_newest_quietly();
            }
            Fate::DeposedBefore => {}
        }
        if self.mutant == Mutant::CommitLookedUp
            && fate == Fate::DeposedBeforeResend
            && self.store.has_number(done.commit.id.n)
        {
            self.leaders[which].alive = false;
            return true;
        }
        match self.store.apply(&done.commit) {
            Ok(()) => true,
            Err(Refused::Deposed) => {
                self.leaders[which].alive = false;
                false
            }
            Err(Refused::Before) => panic!("a commit's name was used twice"),
        }
    }

    /// The new leader writes something before the old one tries again.
    pub(super) fn lead_newest_quietly(&mut self) {
        let which = self.leaders.len() - 1;
        if let Some((announce, _)) = self.inbox.pop_front() {
            let inputs = vec![(0, announce)];
            let prefetched = self.store.prefetch(&self.leaders[which].state, &inputs);
            let done = step(&mut self.leaders[which].state, inputs, prefetched, self.now);
            if !done.commit.is_empty() {
                self.store.apply(&done.commit).expect("the new leader's commit");
            }
            self.release(done.effects, vec![Asked::Other], true);
        }
    }

    pub(super) fn drop_fence(&mut self, inputs: &mut [(Token, Input)]) {
        for (_, input) in inputs {
            if let Input::Report(report) = input
                && let Some(Place::Leased(lease)) = self.store.places.get(&report.task)
            {
                report.run = None;
                report.session = lease.session;
            }
        }
    }

    pub(super) fn mutate(&mut self, done: &mut Step) {
        match self.mutant {
            Mutant::NoRequeue => {
                let lost: BTreeSet<TaskId> = done
                    .commit
                    .runs
                    .iter()
                    .filter(|r| r.outcome == ukai_domain::Outcome::Lost)
                    .map(|r| r.task)
                    .collect();
                done.commit.moves.retain(|m| !lost.contains(&m.task));
            }
            Mutant::EventNumberReused => {
                if let Some(row) = done.commit.events.first_mut()
                    && row.first > 1
                    && self.random.random_range(0..20) == 0
                {
                    row.first -= 1;
                }
            }
            Mutant::LinksLost => done.commit.expansions.clear(),
            Mutant::None
            | Mutant::PagesForgotten
            | Mutant::FenceDropped
            | Mutant::AckBeforeCommit
            | Mutant::EffectsBeforeCommit
            | Mutant::AnswerWithoutEpochCheck
            | Mutant::CommitLookedUp => {}
        }
    }
}
