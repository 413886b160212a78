//! Reports that come too late, and services that are asked to end under load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::json;
use ukai_testkit::fake_worker::{Answer, Happening};
use ukai_testkit::proxy::{Fault, Faults};

use super::{Measure, Outcome};
use crate::check::check;
use crate::crew::{Crew, Journal, enrol, is_hand_out, until};
use crate::fleet::{Fleet, LOST, Shape};
use crate::hand::{Hand, completed, holding, started};
use crate::laptop::{Laptop, connection};
use crate::world::{Trial, World};

/// How a process ends that is told to a second time.
const TOLD_TWICE: i32 = 130;

/// F24: at one who is there all the time, in both orders; then at one whose link was held.
pub(super) async fn late_result(trial: Trial) -> Outcome {
    let told = out_of_time().await?;
    let lost = silent(trial.seed).await?;
    Ok(vec![
        Measure::new("told that its run is over, both orders", told, 1),
        Measure::new("lost after its silence, beyond the timeout", lost.saturating_sub(LOST), 5),
    ])
}

/// A task runs out of its time at one worker, and another has it. Both report: the newest run first, and last. The longest
/// that an answer to the late one took.
async fn out_of_time() -> anyhow::Result<Duration> {
    let shape = Shape {
        task_timeout: Duration::from_secs(1),
        slack: Duration::from_millis(500),
        lost: Duration::from_secs(60),
        ..Shape::default()
    };
    let fleet = Fleet::start(shape).await?;
    let urls = fleet.gateway_urls(0);
    let (mut ids, mut longest) = (Vec::new(), Duration::ZERO);
    for is_newest_first in [true, false] {
        let (slow_id, token) = enrol(&fleet, "slow").await?;
        let mut slow = Hand::connect(&urls[0], &token, &holding(&[])).await?;
        let body = json!({ "productUrl": format!("https://shop.example/{is_newest_first}") });
        let made = fleet.ask(Method::POST, "/api/tasks", &body).await?;
        let (task, run) = slow.task().await?;
        ensure!(made["id"] == task.as_str(), "its task: {made}");
        slow.say("task:started", &started(&task, run))?;
        slow.flush().await?;
        let (other_id, token) = enrol(&fleet, "other").await?;
        let mut other = Hand::connect(&urls[1], &token, &holding(&[])).await?;
        let (again, newer) = other.task().await?;
        ensure!(again == task && newer == run + 1, "the task is another's: {again} {newer}");
        other.say("task:started", &started(&task, newer))?;
        for is_newest in [is_newest_first, !is_newest_first] {
            let (hand, run) = if is_newest { (&mut other, newer) } else { (&mut slow, run) };
            let asked = Instant::now();
            let number = hand.ask("task:completed", &completed(&task, run))?;
            let answer = hand.answer(number).await?;
            if is_newest {
                ensure!(answer["accepted"] == true && answer["reason"].is_null(), "the newest: {answer}");
            } else {
                ensure!(answer["accepted"] == false && answer["reason"] == "stale", "the late one: {answer}");
                longest = longest.max(asked.elapsed());
            }
        }
        ids.push(task);
        drop((slow, other));
        connection(&fleet, &slow_id, false).await?;
        connection(&fleet, &other_id, false).await?;
    }
    let runs = fleet.sql("SELECT count(*), outcome FROM ukai.run GROUP BY outcome ORDER BY outcome")?;
    ensure!(runs == "2|completed\n2|timed_out", "{runs}");
    check(&fleet, &Journal::default(), &ids, &[]).await?;
    Ok(longest)
}

/// A worker's link is held until its task is another's; its result arrives after. How long until it was lost.
async fn silent(seed: u64) -> anyhow::Result<Duration> {
    let fleet = Fleet::start(Shape { gateways: 1, ..Shape::default() }).await?;
    let mut crew = Crew::start(&fleet, 1, seed).await?;
    let dialled = Instant::now();
    // Its page is done after the hold, and before the hold ends.
    let link = crew.relink(&fleet, 0, LOST * 3 / 4).await?;
    let journal = Arc::clone(&crew.journal);
    let task =
        fleet.ask(Method::POST, "/api/tasks", &json!({ "productUrl": "https://shop.example/1" })).await?;
    let id = task["id"].as_str().context("an id")?.to_owned();
    until("it has the task", || journal.first_after(dialled, is_hand_out).is_some()).await?;
    link.set(Faults::both(Fault::Hold));
    let silent = Instant::now();
    let lost = format!("SELECT count(*) FROM ukai.run WHERE task = '{id}' AND outcome = 'lost'");
    until("it is lost", || fleet.sql(&lost).is_ok_and(|count| count == "1")).await?;
    let took = silent.elapsed();
    // Another worker has the next run when the late result arrives.
    let other = Crew::start(&fleet, 1, seed + 1).await;
    let other = other?;
    until("another has it", || other.journal.count(is_hand_out) == 1).await?;
    link.set(Faults::default());
    until("the newer run is accepted", || other.journal.accepted() == 1).await?;
    // Its socket was closed with its loss. On the next it says what it holds and is told to drop it, or that it is stale.
    let is_told = |h: &Happening| match h {
        Happening::Answered { answer: Answer::Refused(reason), .. } => reason == "stale",
        Happening::Cancelled { task } => *task == id,
        _ => false,
    };
    until("the late one is told", || journal.first_after(silent, is_told).is_some()).await?;
    ensure!(journal.accepted() == 0, "a result of an old run was accepted");
    check(&fleet, &other.journal, std::slice::from_ref(&id), &[]).await?;
    Ok(took)
}

/// F35: each process in turn, and each is started again.
pub(super) async fn asked_to_end(trial: Trial) -> Outcome {
    // The grace of production: here nobody may be too slow for it.
    let mut world =
        World::start(Shape { monitors: 2, away: Duration::from_secs(10), ..Shape::default() }, trial).await?;
    let http = world.fleet.http.clone();
    let mut longest = Duration::ZERO;
    let leader = world.fleet.leader()?;
    let fleet = &mut world.fleet;
    // The standby first: there is one when the leader goes.
    fleet.schedulers.swap(0, leader);
    let services = fleet.schedulers.iter_mut().rev().chain(&mut fleet.gateways);
    let services = services.chain(&mut fleet.monitors).chain([&mut fleet.api]);
    for service in services {
        service.process.terminate()?;
        let asked = Instant::now();
        let status = service.process.ended(Duration::from_secs(35)).await?;
        longest = longest.max(asked.elapsed());
        ensure!(status.success(), "{} ended with {status}", service.process.name());
        service.process.start_again()?;
        service.ready(&http).await?;
    }
    world.none_lost("in orderly ends")?;
    world.finish(&[]).await?;
    Ok(vec![Measure::new("the longest orderly end", longest, 30)])
}

/// F35, its other half: a real worker is asked to end while its page is open, once and twice.
pub(super) async fn worker_asked_to_end(_trial: Trial) -> Outcome {
    let shape = Shape { task_timeout: Duration::from_secs(60), ..Shape::default() };
    let fleet = Fleet::start(shape).await?;
    let mut laptop = Laptop::start(&fleet, &fleet.gateway_urls(0)[0], None).await?;
    let first = laptop.submit(&fleet, "/slow?ms=3000").await?;
    laptop.opens(&fleet, &first).await?;
    ensure!(laptop.leftovers()?.len() >= 2, "a profile and a process aren't seen while its page is open");
    laptop.process.terminate()?;
    let asked = Instant::now();
    let status = laptop.process.ended(Duration::from_secs(35)).await?;
    let orderly = asked.elapsed();
    ensure!(status.success(), "it ended with {status}: {}", laptop.process.log());
    let runs = fleet.sql("SELECT outcome FROM ukai.run")?;
    ensure!(runs == "completed", "its task was finished first: {runs}");
    let left = laptop.leftovers()?;
    ensure!(left.is_empty(), "it left behind: {left:?}");

    laptop.process.start_again()?;
    connection(&fleet, &laptop.id, true).await?;
    let second = laptop.submit(&fleet, "/slow?ms=8000").await?;
    laptop.opens(&fleet, &second).await?;
    laptop.process.terminate()?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    ensure!(laptop.process.status()?.is_none(), "it ended with its page open: {}", laptop.process.log());
    laptop.process.terminate()?;
    let asked = Instant::now();
    let status = laptop.process.ended(Duration::from_secs(35)).await?;
    let at_once = asked.elapsed();
    ensure!(status.code() == Some(TOLD_TWICE), "it ended with {status}");
    laptop.process.start_again()?;
    check(&fleet, &Journal::default(), &[first, second], &[]).await?;
    laptop.process.terminate()?;
    laptop.process.ended(Duration::from_secs(35)).await?;
    let left = laptop.leftovers()?;
    ensure!(left.is_empty(), "left behind by an end at once, also by the next start: {left:?}");
    laptop.is_calm(&[])?;
    Ok(vec![
        Measure::new("a worker's orderly end, its page included", orderly, 30),
        Measure::new("its end when it is asked twice", at_once, 2),
    ])
}
