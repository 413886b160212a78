//! What the next step takes: works in the order of their arrival.

use super::Leader;
use super::flight::Flight;
use crate::inbox::Work;
use std::time::Duration;
use tokio::sync::mpsc;
use ukai_domain::scheduler::State;

/// Row changes of one step, about; a larger input goes alone.
const MAX_WEIGHT: usize = 2_000;
/// Nothing to do: looked at again after so long.
const IDLE: Duration = Duration::from_secs(1);

/// What a leader has to do next.
pub(super) enum Gathered {
    /// A step of these; of none where a timer or work of its own is due.
    Works(Vec<Work>),
    /// The commit under way has ended.
    Landed,
    /// It is time to stop.
    Stop,
}

/// Works that no step took yet.
pub(super) struct Gathering<'a> {
    works: &'a mut mpsc::Receiver<Work>,
    most: usize,
    gathered: Vec<Work>,
    weight: usize,
    /// One that is too large for the next step.
    held: Option<Work>,
}

impl<'a> Gathering<'a> {
    /// Steps take `most` inputs at most.
    pub(super) fn new(works: &'a mut mpsc::Receiver<Work>, most: usize) -> Self {
        Self { works, most: most.min(MAX_WEIGHT), gathered: Vec::new(), weight: 0, held: None }
    }

    fn add(&mut self, work: Work) {
        let weight = work.weight();
        if self.weight + weight > MAX_WEIGHT && !self.gathered.is_empty() {
            self.held = Some(work);
        } else {
            self.weight += weight;
            self.gathered.push(work);
        }
    }

    /// Adds what is there, up to what one step takes.
    fn fill(&mut self) {
        while self.held.is_none() && self.weight < self.most {
            let Ok(work) = self.works.try_recv() else { break };
            self.add(work);
        }
    }

    fn take(&mut self) -> Vec<Work> {
        let gathered = std::mem::take(&mut self.gathered);
        self.weight = 0;
        if let Some(held) = self.held.take() {
            self.add(held);
        }
        gathered
    }

    /// No step is going to take what is left.
    pub(super) fn give_back(&mut self) {
        self.gathered.drain(..).chain(self.held.take()).for_each(Work::give_back);
    }
}

impl Leader {
    /// Waits for work or a timer.
    pub(super) async fn gather(&self, state: &State, gathering: &mut Gathering<'_>) -> Gathered {
        if gathering.gathered.is_empty() && !state.has_background_work() {
            let timer = state.next_timer().map_or(IDLE, |at| self.clock.until(at));
            tokio::select! {
                biased;
                () = self.leading.stopping() => return Gathered::Stop,
                work = gathering.works.recv() => match work {
                    Some(work) => gathering.add(work),
                    None => return Gathered::Stop,
                },
                () = tokio::time::sleep(timer.min(IDLE)) => {}
            }
        }
        if self.leading.is_stopping() {
            return Gathered::Stop;
        }
        gathering.fill();
        Gathered::Works(gathering.take())
    }

    /// Waits for the end of the commit under way, or for so much work that its step is worth being done meanwhile:
    /// little is not, because every commit has its price.
    pub(super) async fn gather_beside(&self, flight: &mut Flight, gathering: &mut Gathering<'_>) -> Gathered {
        loop {
            if self.leading.is_stopping() {
                flight.landed().await;
                return Gathered::Landed;
            }
            gathering.fill();
            if gathering.held.is_some() || gathering.weight >= self.config.step_ahead {
                return Gathered::Works(gathering.take());
            }
            tokio::select! {
                biased;
                () = flight.landed() => return Gathered::Landed,
                work = gathering.works.recv() => match work {
                    Some(work) => gathering.add(work),
                    None => return Gathered::Stop,
                },
            }
        }
    }
}
