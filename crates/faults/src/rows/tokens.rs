//! Words under a wrong name: another's task, a guessed run, a revoked or a shared token, the same result many times.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Measure, Outcome};
use crate::check::check;
use crate::crew::{Crew, Journal, enrol, until};
use crate::fleet::{Fleet, Shape};
use crate::hand::{Hand, completed, holding, started};
use crate::load::Load;
use crate::world::Trial;

/// Times that one result is sent, half of them through each gateway.
const TIMES: usize = 50;

/// F25: a worker reports over and over, loses its patience, and goes on at another gateway at the same time.
pub(super) async fn one_result_many_times(_trial: Trial) -> Outcome {
    let fleet = Fleet::start(Shape { schedulers: 1, ..Shape::default() }).await?;
    let (_, token) = enrol(&fleet, "repeater").await?;
    let urls = fleet.gateway_urls(0);
    let mut first = Hand::connect(&urls[0], &token, &holding(&[])).await?;
    let id = submit(&fleet, 1).await?;
    let (task, run) = first.task().await?;
    let report = completed(&task, run);
    let begun = Instant::now();
    let at_first: Vec<u64> =
        (0..TIMES / 2).map(|_| first.ask("task:completed", &report)).collect::<Result<_, _>>()?;
    first.flush().await?;
    let mut second = Hand::knock(&urls[1], &token, &holding(&[(&task, run)])).await?;
    let mut at_second: Vec<u64> =
        (0..TIMES / 2).map(|_| second.ask("task:completed", &report)).collect::<Result<_, _>>()?;
    let mut answers = Vec::new();
    for number in &at_first {
        match first.answer(*number).await {
            Ok(answer) => answers.push(answer),
            // Replaced before its answer: reported again where the worker is now.
            Err(_closed) => at_second.push(second.ask("task:completed", &report)?),
        }
    }
    for number in at_second {
        answers.push(second.answer(number).await?);
    }
    let took = begun.elapsed();
    let counts = |answer: &&Value| answer["accepted"] == true && answer["reason"] != "duplicate";
    let counted = answers.iter().filter(counts).count();
    let repeated = answers.iter().filter(|a| a["accepted"] == true && a["reason"] == "duplicate").count();
    ensure!((counted, repeated) == (1, TIMES - 1), "{counted} count, {repeated} repeat: {answers:?}");
    check(&fleet, &Journal::default(), &[id], &[]).await?;
    Ok(vec![Measure::new("all answered", took, 1)])
}

/// F33: one reports another's task, guesses a run, and reports again after its token was revoked.
pub(super) async fn words_of_others(_trial: Trial) -> Outcome {
    let fleet = Fleet::start(Shape { schedulers: 1, ..Shape::default() }).await?;
    let urls = fleet.gateway_urls(0);
    let (owner_id, owner_token) = enrol(&fleet, "owner").await?;
    let mut owner = Hand::connect(&urls[0], &owner_token, &holding(&[])).await?;
    let id = submit(&fleet, 1).await?;
    let (task, run) = owner.task().await?;
    let (_, other_token) = enrol(&fleet, "other").await?;
    let mut other = Hand::connect(&urls[1], &other_token, &holding(&[])).await?;
    let begun = Instant::now();
    let refused_before = refusals(&fleet).await?;
    let mut refused = 0.0;
    for (is_owner, run) in [(false, run), (false, run + 1), (true, run + 6)] {
        let hand = if is_owner { &mut owner } else { &mut other };
        for word in ["task:started", "task:completed"] {
            let payload = if word == "task:started" { started(&task, run) } else { completed(&task, run) };
            let number = hand.ask(word, &payload)?;
            let answer = hand.answer(number).await?;
            ensure!(answer["accepted"] == false, "{word} of run {run} was accepted: {answer}");
            refused += 1.0;
        }
    }
    let took = begun.elapsed();
    let counted = refusals(&fleet).await? - refused_before;
    ensure!(counted >= refused, "{refused} reports were refused, {counted} counted");
    let untouched = fleet.sql(&format!(
        "SELECT count(*) FROM ukai.task_lease WHERE id = '{task}' AND worker = '{owner_id}' AND run = {run} \
         AND started_at IS NULL"
    ))?;
    ensure!(untouched == "1", "a stranger's word changed the task");
    // Now as one whose token is worth nothing any more.
    fleet.ask(Method::DELETE, &format!("/api/workers/{owner_id}"), &Value::Null).await?;
    let said = owner.closed().await?;
    ensure!(said["code"] == "AUTH_FAILED", "{said}");
    let (again, newer) = other.task().await?;
    ensure!(again == task && newer > run, "the task goes on elsewhere");
    refused_at_the_door(&urls[0], &owner_token, &task, run).await?;
    let number = other.ask("task:completed", &completed(&task, newer))?;
    ensure!(other.answer(number).await?["accepted"] == true, "the owner of the newer run is accepted");
    let runs = fleet.sql(&format!("SELECT run, outcome FROM ukai.run WHERE task = '{task}' ORDER BY run"))?;
    ensure!(runs == "1|handed_back\n2|completed", "{runs}");
    check(&fleet, &Journal::default(), &[id], &[]).await?;
    Ok(vec![Measure::new("all refused", took, 5)])
}

/// F34: the token is revoked while its task runs.
pub(super) async fn revoked(_trial: Trial) -> Outcome {
    let fleet = Fleet::start(Shape { schedulers: 1, ..Shape::default() }).await?;
    let mut measures = Vec::new();
    let mut accepted = Vec::new();
    let cases = [(false, "kicked, and its task is another's", 1), (true, "kicked while the bus is away", 6)];
    for (is_away, what, bound) in cases {
        let urls = fleet.gateway_urls(0);
        let (id, token) = enrol(&fleet, "revoked").await?;
        let mut hand = Hand::connect(&urls[0], &token, &holding(&[])).await?;
        accepted.push(submit(&fleet, accepted.len() + 1).await?);
        let (task, run) = hand.task().await?;
        hand.say("task:started", &started(&task, run))?;
        hand.flush().await?;
        let (_, other_token) = enrol(&fleet, "other").await?;
        let mut other = Hand::connect(&urls[1], &other_token, &holding(&[])).await?;
        if is_away {
            fleet.gateways[0].bus.set(super::HOLD_BOTH);
        }
        let asked = Instant::now();
        fleet.ask(Method::DELETE, &format!("/api/workers/{id}"), &Value::Null).await?;
        let (again, newer) = other.task().await?;
        ensure!(again == task && newer > run, "the task goes on elsewhere");
        let _its_farewell = hand.closed().await?;
        measures.push(Measure::new(what, asked.elapsed(), bound));
        fleet.gateways[0].bus.set(ukai_testkit::proxy::Faults::default());
        refused_at_the_door(&urls[1], &token, &task, run).await?;
        let number = other.ask("task:completed", &completed(&task, newer))?;
        ensure!(other.answer(number).await?["accepted"] == true, "the owner of the newer run is accepted");
    }
    check(&fleet, &Journal::default(), &accepted, &["bus", "NATS", "nats"]).await?;
    Ok(measures)
}

/// F27: two machines with one token, each of which comes back at once.
pub(super) async fn one_token_twice(trial: Trial) -> Outcome {
    let fleet = Fleet::start(Shape { schedulers: 1, ..Shape::default() }).await?;
    let mut crew = Crew::start(&fleet, 1, trial.seed).await?;
    let twin = Crew::twin(&fleet, &crew.members[0], trial.seed + 1);
    let flapping = Instant::now();
    let journals = [&crew.journal, &twin.journal];
    let told = |code: &str| {
        journals.iter().map(|journal| journal.count(|h| super::is_error(h, code))).sum::<usize>()
    };
    until("one is told that it was replaced", || told("CONFLICT") > 0).await?;
    until("the token is held", || told("RATE_LIMITED") > 0).await?;
    let held = Instant::now();
    let replaced = told("CONFLICT");
    ensure!(replaced <= 4, "{replaced} swaps before the token was held");
    // Whoever has the session works on; after a minute the other may have it again.
    let load = Load::start(&fleet, 20);
    let seen = load.finish().await?;
    until("work goes on", || journals.iter().map(|j| j.accepted()).sum::<usize>() == 20).await?;
    let worked = held.elapsed();
    until("the hold ends", || told("CONFLICT") > replaced).await?;
    let hold = flapping.elapsed();
    ensure!(hold > Duration::from_secs(55), "held for {hold:?} only");
    twin.members[0].ending.kill.cancel();
    let alone = Instant::now();
    let number = 21;
    let last = submit(&fleet, number).await?;
    until("it serves again alone", || crew.journal.accepted_runs().contains_key(&last)).await?;
    let alone = alone.elapsed();
    crew.members.truncate(1);
    let accepted: Vec<String> = seen.accepted.into_iter().chain([last]).collect();
    crew.journal.take(&twin.journal);
    check(&fleet, &crew.journal, &accepted, &[]).await?;
    Ok(vec![
        Measure::new("work goes on while the token is held", worked, 60),
        Measure::new("it serves again without the other, after the hold at most", alone, 70),
    ])
}

async fn submit(fleet: &Fleet, number: usize) -> anyhow::Result<String> {
    let body = json!({ "productUrl": format!("https://shop.example/{number}") });
    let task = fleet.ask(Method::POST, "/api/tasks", &body).await?;
    task["id"].as_str().map(str::to_owned).context("an id")
}

async fn refusals(fleet: &Fleet) -> anyhow::Result<f64> {
    fleet.schedulers[0].metric(&fleet.http, "ukai_scheduler_refused_reports").await
}

/// A revoked token, and what its worker still holds.
async fn refused_at_the_door(url: &str, token: &str, task: &str, run: u64) -> anyhow::Result<()> {
    let mut late = Hand::knock(url, token, &holding(&[(task, run)])).await?;
    // It may be closed before it has said so.
    let _unread = late.ask("task:completed", &completed(task, run));
    let said = late.closed().await?;
    ensure!(said["code"] == "AUTH_FAILED", "{said}");
    Ok(())
}
