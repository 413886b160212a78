//! The leader dies, freezes or is deposed at a chosen side of a commit: its way to the database is held.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use ukai_testkit::fake_worker::{Answer, Happening};
use ukai_testkit::proxy::Faults;

use super::{HOLD_DOWN, HOLD_UP, Measure, Outcome};
use crate::crew::until;
use crate::fleet::Shape;
use crate::world::{Trial, World};

/// Commits that were sent and aren't applied. Other transactions wait for the leader, which hears nothing.
const OPEN: &str = "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND state <> 'idle'";
/// Runs that the newest commit ended.
const ENDED: &str = "FROM ukai.run WHERE outcome = 'completed' AND ended_at = \
     (SELECT now FROM ukai.commit_log ORDER BY epoch DESC, n DESC LIMIT 1)";
/// One of so many has reports: a gateway sends what gathered when its last batch is answered.
const MOST_COMMITS: usize = 50;
/// Reports that wait, at least, when a leader dies that has heard them.
const REPORTS: usize = 5;
/// How long a leader stands still.
const STOPPED: Duration = Duration::from_secs(60);
/// Tasks that are submitted when it wakes.
const MORE_TASKS: usize = 200;
/// What it says then.
const DEPOSED: &[&str] = &["deposed: standing by", "stopped leading"];
/// The standbys look every half second, a lease lasts five.
const DISPATCH_AGAIN: u64 = 10;
/// What is said of a database that doesn't answer, or of an epoch that is over.
const OWN_WORDS: &[&str] = &["stopped leading", "gateways can't be heard"];

/// F03.
pub(super) async fn killed_before_a_commit(trial: Trial) -> Outcome {
    let mut world = World::start(Shape::default(), trial).await?;
    let leader = hold_commits(&world).await?;
    let (killed, _) = kill(&mut world, leader).await?;
    let took = world.next_hand_out(killed, Instant::now()).await?;
    world.finish_without_rerun(OWN_WORDS).await?;
    Ok(vec![Measure::new("dispatch again", took, DISPATCH_AGAIN)])
}

/// F03 without a standby: the one that died is started again.
pub(super) async fn killed_without_a_standby(trial: Trial) -> Outcome {
    let mut world = World::start(Shape { schedulers: 1, ..Shape::default() }, trial).await?;
    let leader = hold_commits(&world).await?;
    world.fleet.schedulers[leader].process.kill()?;
    world.fleet.schedulers[leader].database.set(Faults::default());
    let http = world.fleet.http.clone();
    let begun = Instant::now();
    world.fleet.schedulers[leader].process.start_again()?;
    world.fleet.schedulers[leader].ready(&http).await?;
    let started = Instant::now();
    let took = world.next_hand_out(started, begun).await?;
    world.finish_without_rerun(OWN_WORDS).await?;
    Ok(vec![Measure::new("dispatch again after the start", took, 3)])
}

/// F04: what was leased at the kill is what the standby finds; each goes on as the run that it was.
pub(super) async fn killed_before_its_effects(trial: Trial) -> Outcome {
    let mut world = World::start(Shape::default(), trial).await?;
    let leader = world.fleet.leader()?;
    commit_without_reply(&world, leader).await?;
    let (killed, _) = kill(&mut world, leader).await?;
    let took = world.next_hand_out(killed, Instant::now()).await?;
    world.finish_without_rerun(OWN_WORDS).await?;
    Ok(vec![Measure::new("dispatch again", took, DISPATCH_AGAIN)])
}

/// F05: the reports that it has heard, or that wait for it, are answered by the next leader.
pub(super) async fn killed_before_reports_are_committed(trial: Trial) -> Outcome {
    let mut world = World::start(Shape::default(), trial).await?;
    let journal = Arc::clone(&world.crew.journal);
    let held = Instant::now();
    let leader = hold_commits(&world).await?;
    let mut waiting = BTreeSet::new();
    until("reports wait", || {
        waiting = journal.unanswered(held, |_| true);
        waiting.len() >= REPORTS
    })
    .await?;
    let leased = world.fleet.runs("SELECT id, run FROM ukai.task_lease")?;
    ensure!(waiting.is_subset(&leased), "reports were committed: the fault missed its moment");
    let (killed, leads) = kill(&mut world, leader).await?;
    until("they are answered", || journal.unanswered(held, |_| true).is_disjoint(&waiting)).await?;
    let answered = leads.elapsed();
    let counted = journal.accepted_runs();
    let missing: Vec<_> =
        waiting.iter().filter(|(task, run)| counted.get(task) != Some(&vec![*run])).collect();
    ensure!(missing.is_empty(), "these were reported and don't count: {missing:?}");
    world.finish_without_rerun(OWN_WORDS).await?;
    Ok(after_takeover(leads.duration_since(killed), answered))
}

/// F06: the reports whose commit it never heard of are answered as duplicates by the next leader.
pub(super) async fn killed_before_reports_are_answered(trial: Trial) -> Outcome {
    let mut world = World::start(Shape::default(), trial).await?;
    let journal = Arc::clone(&world.crew.journal);
    let leader = world.fleet.leader()?;
    commit_without_reply(&world, leader).await?;
    let committed = world.fleet.runs(&format!("SELECT task, run {ENDED}"))?;
    let (killed, leads) = kill(&mut world, leader).await?;
    let twice = |task: &str, run: u64| {
        let answer = Answer::Duplicate;
        let answered = Happening::Answered { task: task.to_owned(), run, answer };
        journal.count(|happening| *happening == answered) > 0
    };
    until("they are answered", || committed.iter().all(|(task, run)| twice(task, *run))).await?;
    let answered = leads.elapsed();
    world.finish_without_rerun(OWN_WORDS).await?;
    Ok(after_takeover(leads.duration_since(killed), answered))
}

fn after_takeover(took: Duration, answered: Duration) -> Vec<Measure> {
    vec![
        Measure::new("another leads", took, DISPATCH_AGAIN),
        Measure::new("the reports are answered, after that", answered, 5),
    ]
}

/// Holds what the leader says to the database, until work has gathered; which one leads.
async fn hold_commits(world: &World) -> anyhow::Result<usize> {
    let leader = world.fleet.leader()?;
    world.fleet.schedulers[leader].database.set(HOLD_UP);
    // Whatever passed before the hold has arrived by then, and more waits.
    tokio::time::sleep(Duration::from_millis(400)).await;
    Ok(leader)
}

/// Kills the leader: when that was, and when another led. What the old one handed out may be on its way until then.
async fn kill(world: &mut World, leader: usize) -> anyhow::Result<(Instant, Instant)> {
    world.fleet.schedulers[leader].process.kill()?;
    let killed = Instant::now();
    until("another leads", || world.fleet.leader().is_ok_and(|now| now != leader)).await?;
    Ok((killed, Instant::now()))
}

/// Returns when a commit was applied that ends runs, and whose reply is held. All of the leader's words wait for a while
/// before, so that many reports gather.
async fn commit_without_reply(world: &World, leader: usize) -> anyhow::Result<()> {
    let link = &world.fleet.schedulers[leader].database;
    link.set(HOLD_UP);
    tokio::time::sleep(Duration::from_millis(600)).await;
    for _ in 0..MOST_COMMITS {
        link.hold_down_after(b"COMMIT", 1);
        link.set(Faults::default());
        until("a commit whose reply is held", || link.faults() == HOLD_DOWN).await?;
        until("it is applied", || world.fleet.sql(OPEN).is_ok_and(|open| open == "0")).await?;
        if world.fleet.sql(&format!("SELECT count(*) {ENDED}"))? != "0" {
            return Ok(());
        }
    }
    anyhow::bail!("no report in {MOST_COMMITS} commits")
}

/// F07.
pub(super) async fn frozen(trial: Trial) -> Outcome {
    let mut world = World::start(Shape::default(), trial).await?;
    let leader = world.fleet.leader()?;
    world.fleet.schedulers[leader].process.freeze()?;
    let frozen = Instant::now();
    let took = world.next_hand_out(frozen, frozen + Duration::from_millis(200)).await?;
    until("another leads", || world.fleet.leader().is_ok_and(|now| now != leader)).await?;
    tokio::time::sleep(STOPPED.saturating_sub(frozen.elapsed())).await;
    let its_last =
        "SELECT coalesce(max(n), 0) FROM ukai.commit_log WHERE epoch < (SELECT epoch FROM ukai.leader)";
    let last: u64 = world.fleet.sql(its_last)?.parse()?;
    // It wakes with requests in its hands, and others come.
    world.submit_more(MORE_TASKS).await?;
    world.fleet.schedulers[leader].process.thaw()?;
    let old = &world.fleet.schedulers[leader].process;
    until("it knows that it is deposed", || DEPOSED.iter().any(|words| old.log().contains(words))).await?;
    world.until_results(world.size.tasks + MORE_TASKS).await?;
    ensure!(world.fleet.leader()? != leader, "the one that slept leads");
    let late: u64 = world.fleet.sql(its_last)?.parse()?;
    ensure!(late <= last, "it committed after its epoch was over: {last}, then {late}");
    let leading = world.fleet.schedulers[leader].metric(&world.fleet.http, "ukai_scheduler_leading").await?;
    ensure!(leading == 0.0, "it believes that it leads");
    world.finish_without_rerun(OWN_WORDS).await?;
    Ok(vec![Measure::new("dispatch by the standby", took, DISPATCH_AGAIN)])
}

/// F43: the reply of an applied commit is held until a standby leads, and then the commit itself, whose numbers the standby
/// writes meanwhile. An answer of the old leader would be one to a task that isn't there, or to a report that doesn't count.
pub(super) async fn deposed_with_a_commit_under_way(trial: Trial) -> Outcome {
    let world = World::start(Shape::default(), trial).await?;
    let leader = world.fleet.leader()?;
    commit_without_reply(&world, leader).await?;
    let applied = succeeded(world, leader).await?;
    let world = World::start(Shape::default(), trial).await?;
    let leader = hold_commits(&world).await?;
    let under_way = succeeded(world, leader).await?;
    Ok(vec![
        Measure::new("dispatch by the standby, the commit applied", applied, DISPATCH_AGAIN),
        Measure::new("the commit under way", under_way, DISPATCH_AGAIN),
    ])
}

/// How long until a standby dispatches, while the leader's words are held. Then they are let go.
async fn succeeded(world: World, leader: usize) -> anyhow::Result<Duration> {
    let held = Instant::now();
    until("another leads", || world.fleet.leader().is_ok_and(|now| now != leader)).await?;
    let took = world.next_hand_out(held, Instant::now()).await?;
    let old = &world.fleet.schedulers[leader];
    old.database.set(Faults::default());
    let is_deposed = || DEPOSED.iter().any(|words| old.process.log().contains(words));
    until("it knows that it is deposed", is_deposed).await?;
    ensure!(world.fleet.leader()? != leader, "the one whose words were held leads");
    ensure!(
        old.metric(&world.fleet.http, "ukai_scheduler_leading").await? == 0.0,
        "it believes that it leads"
    );
    world.finish_without_rerun(OWN_WORDS).await?;
    Ok(took)
}
