//! The workers, and a journal of everything that they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use reqwest::Method;
use serde_json::json;
use ukai_testkit::fake_worker::{Answer, Ending, FakeWorker, Happening, Observer};
use ukai_testkit::proxy::FaultProxy;

use crate::fleet::Fleet;

/// One thing that a worker was told.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// When it was read from the socket.
    pub(crate) at: Instant,
    /// Which worker.
    pub(crate) worker: usize,
    /// What.
    pub(crate) happening: Happening,
}

/// Everything that all workers were told, in order.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Mutex<Vec<Entry>>,
}

impl Journal {
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was told so far.
    #[must_use]
    pub(crate) fn all(&self) -> Vec<Entry> {
        self.entries().clone()
    }

    /// Adds what another journal has.
    pub(crate) fn take(&self, other: &Self) {
        let others = other.all();
        self.entries().extend(others);
    }

    /// A walk over what was told so far; whoever is told something meanwhile waits.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&[Entry]) -> T) -> T {
        at(&self.entries())
    }

    /// How many entries are like that.
    pub(crate) fn count(&self, like: impl Fn(&Happening) -> bool) -> usize {
        self.entries().iter().filter(|entry| like(&entry.happening)).count()
    }

    /// How many results were accepted.
    #[must_use]
    pub(crate) fn accepted(&self) -> usize {
        self.count(|happening| matches!(happening, Happening::Answered { answer: Answer::Accepted, .. }))
    }

    /// How many results were answered as accepted, now or before: whoever accepted one may not live to say so.
    #[must_use]
    pub(crate) fn results(&self) -> usize {
        let accepted = [Answer::Accepted, Answer::Duplicate];
        self.count(
            |happening| matches!(happening, Happening::Answered { answer, .. } if accepted.contains(answer)),
        )
    }

    /// The first entry after a moment that is like that.
    pub(crate) fn first_after(&self, moment: Instant, like: impl Fn(&Happening) -> bool) -> Option<Entry> {
        self.entries().iter().find(|entry| entry.at > moment && like(&entry.happening)).cloned()
    }

    /// The workers that were registered after a moment.
    #[must_use]
    pub(crate) fn registered_after(&self, moment: Instant) -> BTreeSet<usize> {
        let entries = self.entries();
        let registered =
            entries.iter().filter(|entry| entry.at > moment && entry.happening == Happening::Registered);
        registered.map(|entry| entry.worker).collect()
    }

    /// Task and run of each result that such workers reported after a moment, and that isn't answered.
    pub(crate) fn unanswered(
        &self,
        moment: Instant,
        such: impl Fn(usize) -> bool,
    ) -> BTreeSet<(String, u64)> {
        let mut open = BTreeSet::new();
        for entry in self.entries().iter().filter(|entry| entry.at > moment && such(entry.worker)) {
            match &entry.happening {
                Happening::Reported { task, run } => open.insert((task.clone(), *run)),
                Happening::Answered { task, run, .. } => open.remove(&(task.clone(), *run)),
                _ => false,
            };
        }
        open
    }

    /// The runs of each task whose result was accepted.
    #[must_use]
    pub(crate) fn accepted_runs(&self) -> BTreeMap<String, Vec<u64>> {
        let mut runs: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for entry in self.entries().iter() {
            if let Happening::Answered { task, run, answer: Answer::Accepted } = &entry.happening {
                runs.entry(task.clone()).or_default().push(*run);
            }
        }
        runs
    }
}

/// A hand-out.
#[must_use]
pub(crate) fn is_hand_out(happening: &Happening) -> bool {
    matches!(happening, Happening::Assigned { .. })
}

/// One worker of the crew.
#[derive(Debug)]
pub(crate) struct Member {
    /// How it is ended.
    pub(crate) ending: Ending,
    /// Its id at the server.
    pub(crate) id: String,
    /// What it shows at the door.
    pub(crate) token: String,
}

/// How a member behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habits {
    /// The longest that a page takes.
    pub(crate) page: Duration,
    /// It goes on with what it is told to drop.
    pub(crate) ignores_cancels: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self { page: PAGE, ignores_cancels: false }
    }
}

/// Workers that run in this process.
#[derive(Debug)]
pub(crate) struct Crew {
    /// What they were told.
    pub(crate) journal: Arc<Journal>,
    /// The workers, by their number in the journal.
    pub(crate) members: Vec<Member>,
    seed: u64,
}

/// What a page takes where a row doesn't say otherwise: evenly spread up to this.
pub(crate) const PAGE: Duration = Duration::from_millis(600);

impl Crew {
    /// Connects workers, evenly over the gateways, and waits until all are registered.
    ///
    /// # Errors
    /// One can't be.
    pub(crate) async fn start(fleet: &Fleet, count: usize, seed: u64) -> anyhow::Result<Self> {
        Self::start_slow(fleet, count, seed, PAGE).await
    }

    /// The same at addresses of one's own, by the worker's number, and at pages that take up to `page`.
    ///
    /// # Errors
    /// One can't be connected.
    pub(crate) async fn start_at(
        fleet: &Fleet,
        count: usize,
        seed: u64,
        page: Duration,
        urls: impl Fn(usize) -> Vec<String>,
    ) -> anyhow::Result<Self> {
        Self::hire(enrol_many(fleet, count).await?, seed, page, urls).await
    }

    /// The same at pages that take up to `page`.
    ///
    /// # Errors
    /// As [`Crew::start`].
    pub(crate) async fn start_slow(
        fleet: &Fleet,
        count: usize,
        seed: u64,
        page: Duration,
    ) -> anyhow::Result<Self> {
        Self::start_at(fleet, count, seed, page, |number| fleet.gateway_urls(number)).await
    }

    /// Connects workers that are known already, by id and token, and waits until all are registered. A page takes them
    /// `page` at most.
    ///
    /// # Errors
    /// One can't be.
    pub(crate) async fn hire(
        hired: Vec<(String, String)>,
        seed: u64,
        page: Duration,
        urls: impl Fn(usize) -> Vec<String>,
    ) -> anyhow::Result<Self> {
        let (count, begun) = (hired.len(), Instant::now());
        let mut crew = Self { journal: Arc::default(), members: Vec::new(), seed };
        for (number, (id, token)) in hired.into_iter().enumerate() {
            crew.members.push(Member { ending: Ending::default(), id, token });
            crew.dial(number, urls(number), page);
        }
        let journal = Arc::clone(&crew.journal);
        until("all workers are registered", || journal.registered_after(begun).len() == count).await?;
        Ok(crew)
    }

    /// A member dials again, through a link of its own.
    ///
    /// # Errors
    /// It isn't registered again.
    pub(crate) async fn relink(
        &mut self,
        fleet: &Fleet,
        number: usize,
        page: Duration,
    ) -> anyhow::Result<FaultProxy> {
        self.members.get(number).context("a member")?.ending.kill.cancel();
        let gateway = &fleet.gateways[number % fleet.gateways.len()];
        let link = FaultProxy::to(gateway.address).await?;
        let dialled = Instant::now();
        self.dial(number, vec![format!("http://{}", link.address())], page);
        until("it is back", || self.journal.registered_after(dialled).contains(&number)).await?;
        Ok(link)
    }

    /// Another machine with a member's token; its journal is its own.
    pub(crate) fn twin(fleet: &Fleet, of: &Member, seed: u64) -> Self {
        let member = Member { ending: Ending::default(), id: of.id.clone(), token: of.token.clone() };
        let mut twin = Self { journal: Arc::default(), members: vec![member], seed };
        twin.dial(0, fleet.gateway_urls(1), PAGE);
        twin
    }

    /// Starts a member (again) at these addresses; before, it remembers nothing.
    pub(crate) fn dial(&mut self, number: usize, urls: Vec<String>, page: Duration) {
        self.dial_as(number, urls, Habits { page, ..Habits::default() });
    }

    /// The same with other habits.
    pub(crate) fn dial_as(&mut self, number: usize, mut urls: Vec<String>, habits: Habits) {
        let Some(member) = self.members.get_mut(number) else { return };
        let others = urls.split_off(urls.len().min(1));
        let Some(url) = urls.pop() else { return };
        member.ending = Ending::default();
        let mut worker = FakeWorker::new(&url, &member.token, self.seed ^ (number as u64) << 8);
        worker.others = others;
        worker.page = habits.page / 10..habits.page;
        worker.ignores_cancels = habits.ignores_cancels;
        worker.reconnect = Duration::from_millis(500);
        tokio::spawn(worker.run(member.ending.clone(), observer(&self.journal, number)));
    }
}

/// So many new workers.
async fn enrol_many(fleet: &Fleet, count: usize) -> anyhow::Result<Vec<(String, String)>> {
    let mut hired = Vec::new();
    for number in 0..count {
        hired.push(enrol(fleet, &format!("crew-{number}")).await?);
    }
    Ok(hired)
}

/// A new worker's id and token.
///
/// # Errors
/// None was made.
pub(crate) async fn enrol(fleet: &Fleet, name: &str) -> anyhow::Result<(String, String)> {
    let made = fleet.ask(Method::POST, "/api/workers", &json!({ "name": name })).await?;
    let text = |field: &str| made[field].as_str().map(str::to_owned).context("a new worker");
    Ok((text("id")?, text("token")?))
}

/// Writes into the journal as `worker`.
pub(crate) fn observer(journal: &Arc<Journal>, worker: usize) -> Observer {
    let journal = Arc::clone(journal);
    Arc::new(move |happening| journal.entries().push(Entry { at: Instant::now(), worker, happening }))
}

/// Waits for a condition.
///
/// # Errors
/// It doesn't come true within two minutes.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !is_so() {
        anyhow::ensure!(begun.elapsed() < Duration::from_secs(120), "never came: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
