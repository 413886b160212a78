//! A fleet under load, with its crew: what every row starts from and ends with.

use std::time::{Duration, Instant};

use crate::check::{Need, check, known, needs, settled, told};
use crate::crew::{Crew, is_hand_out, until};
use crate::fleet::{Fleet, Shape};
use crate::load::Load;

/// How much there is to do, and who does it.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Workers, evenly over the gateways.
    pub workers: usize,
    /// Tasks that are submitted, one a request.
    pub tasks: usize,
    /// The longest that a page takes; the shortest takes a tenth of it.
    pub page: Duration,
}

impl Size {
    /// For a machine that compiles or tests other things meanwhile: a fifth of the workers, each five times as fast.
    pub const SMALL: Self = Self { workers: 40, tasks: 1_000, page: Duration::from_millis(600) };

    /// What the table is measured with.
    pub const USUAL: Self = Self { workers: 200, tasks: 1_000, page: Duration::from_secs(3) };

    /// The same for longer.
    pub const LARGE: Self = Self { tasks: 10_000, ..Self::USUAL };
}

/// One run of a row.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// Chooses its moment and the workers' times.
    pub seed: u64,
    /// What the fleet does meanwhile, in rows under load.
    pub size: Size,
}

/// How long nothing may come of the work.
const STANDSTILL: Duration = Duration::from_secs(120);

/// A fleet at work.
pub(crate) struct World {
    pub(crate) fleet: Fleet,
    pub(crate) crew: Crew,
    pub(crate) load: Load,
    pub(crate) size: Size,
    /// What the processes needed before the fault.
    before: Vec<Need>,
}

impl World {
    /// Starts a fleet, its crew and a submitter, and waits until results come in.
    pub(crate) async fn start(shape: Shape, trial: Trial) -> anyhow::Result<Self> {
        Self::start_at(shape, trial, Fleet::gateway_urls).await
    }

    /// The same with workers that dial the addresses of one's own choice.
    pub(crate) async fn start_at(
        shape: Shape,
        Trial { seed, size }: Trial,
        urls: impl Fn(&Fleet, usize) -> Vec<String>,
    ) -> anyhow::Result<Self> {
        let fleet = Fleet::start(shape).await?;
        let crew =
            Crew::start_at(&fleet, size.workers, seed, size.page, |number| urls(&fleet, number)).await?;
        let load = Load::start(&fleet, size.tasks);
        let mut world = Self { fleet, crew, load, size, before: Vec::new() };
        // Another moment of the work for each seed.
        let results = 100 + usize::try_from(seed % 7).unwrap_or(0) * 20;
        world.until_results(results).await?;
        world.before = needs(&world.fleet)?;
        Ok(world)
    }

    /// Once everything was submitted, begins to submit more: for faults that outlast the load.
    pub(crate) async fn submit_more(&mut self, count: usize) -> anyhow::Result<()> {
        let first = std::mem::replace(&mut self.load, Load::start(&self.fleet, 0)).finish().await?;
        known(&self.fleet, &first.accepted)?;
        self.load = Load::start(&self.fleet, count);
        Ok(())
    }

    /// Waits until so many results were accepted in all.
    pub(crate) async fn until_results(&self, count: usize) -> anyhow::Result<()> {
        let (mut seen, mut since) = (0, Instant::now());
        while seen < count {
            let now = self.crew.journal.results();
            if now > seen {
                (seen, since) = (now, Instant::now());
            }
            anyhow::ensure!(since.elapsed() < STANDSTILL, "{seen} results of {count}, and no more");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// How long after `fault` the first task was handed out that was handed out after `from`.
    pub(crate) async fn next_hand_out(&self, fault: Instant, from: Instant) -> anyhow::Result<Duration> {
        let journal = &self.crew.journal;
        until("a hand-out", || journal.first_after(from, is_hand_out).is_some()).await?;
        let entry = journal.first_after(from, is_hand_out);
        Ok(entry.map(|entry| entry.at.duration_since(fault)).unwrap_or_default())
    }

    /// No run was lost or timed out.
    pub(crate) fn none_lost(&self, because: &str) -> anyhow::Result<()> {
        let lost = self.fleet.sql(
            "SELECT outcome, worker, ended_at - assigned_at, started_at - assigned_at, error FROM ukai.run WHERE outcome IN ('lost', 'timed_out')",
        )?;
        anyhow::ensure!(lost.is_empty(), "{} runs were lost {because}: {lost}", lost.lines().count());
        Ok(())
    }

    /// As [`World::finish`], after a fault that no worker saw: each task was handed out once, and completed.
    pub(crate) async fn finish_without_rerun(self, forgiven: &[&str]) -> anyhow::Result<()> {
        let Self { fleet, crew, load, size, before } = self;
        let seen = load.finish().await?;
        check(&fleet, &crew.journal, &seen.accepted, forgiven).await?;
        told(&fleet, &seen.accepted).await?;
        let other = fleet.sql("SELECT * FROM ukai.run WHERE run > 1 OR outcome <> 'completed'")?;
        anyhow::ensure!(other.is_empty(), "tasks were handed out again: {other}");
        settled(&fleet, &before, size.workers).await
    }

    /// Waits until everything was submitted and has ended, then checks what must hold. `forgiven` are words of error
    /// lines that belong to the fault.
    pub(crate) async fn finish(self, forgiven: &[&str]) -> anyhow::Result<()> {
        let seen = self.load.finish().await?;
        check(&self.fleet, &self.crew.journal, &seen.accepted, forgiven).await?;
        settled(&self.fleet, &self.before, self.size.workers).await
    }
}
