//! Workers that live and do nothing, and reports that can't be stored: each costs itself, and nobody else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use ukai_testkit::fake_worker::Happening;

use super::{Measure, Outcome};
use crate::check::check;
use crate::crew::{Crew, Entry, Habits, enrol, is_hand_out, until};
use crate::fleet::{Fleet, LOST, Shape};
use crate::hand::{Hand, failed, heartbeat, holding, started};
use crate::load::Load;
use crate::world::Trial;

/// What a run may take here, and what is added for its way.
const TIMEOUT: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_secs(1);

/// F45: a worker beats, never answers, and goes on when it is told that its task is over.
pub(super) async fn beats_and_never_answers(trial: Trial) -> Outcome {
    let shape = Shape { schedulers: 1, task_timeout: TIMEOUT, slack: SLACK, ..Shape::default() };
    let fleet = Fleet::start(shape).await?;
    let mut crew = Crew::start(&fleet, 4, trial.seed).await?;
    let (journal, stuck) = (Arc::clone(&crew.journal), 0);
    crew.members[stuck].ending.kill.cancel();
    let dialled = Instant::now();
    let habits = Habits { page: Duration::from_secs(36_000), ignores_cancels: true };
    crew.dial_as(stuck, fleet.gateway_urls(0), habits);
    until("it is back", || journal.registered_after(dialled).contains(&stuck)).await?;
    let load = Load::start(&fleet, 100);
    let own = |happening: fn(&Happening) -> bool| {
        journal.all().into_iter().find(|e| e.worker == stuck && e.at > dialled && happening(&e.happening))
    };
    until("it has a task", || own(is_hand_out).is_some()).await?;
    let given = own(is_hand_out).context("a task")?.at;
    let is_cut = |happening: &Happening| matches!(happening, Happening::Cut(_));
    until("its session is dropped", || own(is_cut).is_some()).await?;
    let dropped = own(is_cut).context("a cut")?.at.duration_since(given);
    let view = fleet.get(&format!("/api/workers/{}", crew.members[stuck].id)).await?;
    ensure!(view["stuck"] == true, "it isn't shown as stuck: {view}");
    let seen = load.finish().await?;
    let id = &crew.members[stuck].id;
    let suffered = fleet.sql(&format!("SELECT count(DISTINCT task) FROM ukai.run WHERE worker = '{id}'"))?;
    ensure!(suffered == "1", "{suffered} tasks suffered from it");
    check(&fleet, &journal, &seen.accepted, &[]).await?;
    let beyond = dropped.saturating_sub(TIMEOUT + SLACK + LOST);
    Ok(vec![Measure::new("its session is dropped, beyond deadline and timeout", beyond, 5)])
}

/// Reports that can't be taken.
const POISONS: usize = 20;
/// What they say where they are.
const POISON: &str = "poisonous";
/// The leader's words on each.
const REFUSED: &[&str] = &["this input breaks the step or the commit", "a batch broke"];

/// F44: a rule of the database stands for whatever it can't hold.
pub(super) async fn unstorable_reports(trial: Trial) -> Outcome {
    let fleet = Fleet::start(Shape::default()).await?;
    let rule = format!("CHECK (error NOT LIKE '%{POISON}%')");
    fleet.sql(&format!("ALTER TABLE ukai.run ADD CONSTRAINT poisonous {rule}"))?;
    poisoned(fleet, trial.seed, REFUSED).await
}

/// F44, its other half: a point in the scheduler's step stands for whatever panics it.
pub(super) async fn panicking_reports(trial: Trial) -> Outcome {
    let fleet =
        Fleet::start(Shape { points: Some("step-panics=return(poisonous)"), ..Shape::default() }).await?;
    poisoned(fleet, trial.seed, &[REFUSED, &["leader/failing.rs"]].concat()).await
}

/// One worker's reports are poisonous; the others go on meanwhile.
async fn poisoned(fleet: Fleet, seed: u64, forgiven: &[&str]) -> Outcome {
    let crew = Crew::start(&fleet, 10, seed).await?;
    let journal = Arc::clone(&crew.journal);
    let load = Load::start(&fleet, 400);
    until("results", || journal.accepted() >= 100).await?;
    let (_, token) = enrol(&fleet, "poisoner").await?;
    let mut hand = Hand::connect(&fleet.gateway_urls(0)[0], &token, &holding(&[])).await?;
    hand.say("worker:heartbeat", &heartbeat(None))?;
    let (task, run) = hand.task().await?;
    hand.say("task:started", &started(&task, run))?;
    let begun = Instant::now();
    for _ in 0..POISONS {
        let number = hand.ask("task:failed", &failed(&task, run, POISON))?;
        let answer = hand.answer(number).await?;
        ensure!(
            answer["accepted"] == false,
            "it was taken (the row of panics needs programs with the feature ukai-scheduler/failpoints): {answer}"
        );
    }
    let ended = Instant::now();
    let leader = &fleet.schedulers[fleet.leader()?];
    let counted = leader.metric(&fleet.http, "ukai_scheduler_poison_inputs").await?;
    ensure!(counted == POISONS as f64, "{POISONS} reports were refused, {counted} counted");
    let refused = leader.process.log().matches(REFUSED[0]).count();
    ensure!(refused == POISONS, "{POISONS} reports were refused, {refused} logged");
    let lost = fleet.sql(&format!("SELECT count(*) FROM ukai.run WHERE task = '{task}'"))?;
    ensure!(lost == "0", "a refused report changed its task");
    let number = hand.ask("task:failed", &failed(&task, run, "a failure"))?;
    let answer = hand.answer(number).await?;
    ensure!(answer["accepted"] == true, "{answer}");
    drop(hand);
    let entries = journal.all();
    let before = slowest_answer(&entries, begun - (ended - begun), begun);
    let meanwhile = slowest_answer(&entries, begun, ended);
    let seen = load.finish().await?;
    check(&fleet, &journal, &seen.accepted, forgiven).await?;
    let allowed = (before * 2).max(Duration::from_secs(1));
    Ok(vec![Measure {
        what: "99 of 100 of the others' answers meanwhile (bound: twice as before, 1 s at least)",
        took: meanwhile,
        bound: allowed,
    }])
}

/// How long 99 of 100 reports of that time waited for their answer.
fn slowest_answer(entries: &[Entry], from: Instant, to: Instant) -> Duration {
    let sent = entries.iter().filter(|e| (from..to).contains(&e.at));
    let mut waits: Vec<Duration> = sent
        .filter_map(|report| {
            let Happening::Reported { task, run } = &report.happening else { return None };
            let answer = entries.iter().find(|e| match &e.happening {
                Happening::Answered { task: t, run: r, .. } => t == task && r == run,
                _ => false,
            });
            answer.map(|answer| answer.at.saturating_duration_since(report.at))
        })
        .collect();
    waits.sort_unstable();
    waits.get((waits.len() * 99).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
}
