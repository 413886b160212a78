//! A worker dies: its task is another's, or its result counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::json;
use ukai_testkit::fake_worker::Happening;
use ukai_testkit::proxy::{Fault, FaultProxy, Faults};

use super::{HOLD_DOWN, HOLD_UP, Measure, Outcome};
use crate::check::check;
use crate::crew::{Crew, Entry, Journal, enrol, is_hand_out, until};
use crate::fleet::{AWAY, Fleet, Shape};
use crate::hand::{Hand, completed, holding, started};
use crate::laptop::{Laptop, connection};
use crate::world::{Trial, World};

/// Workers that die at once.
const KILLED: usize = 5;
/// A page that nobody lives to see the end of.
const ENDLESS: Duration = Duration::from_secs(3_600);

/// F11: one before it said that it began; one after its page, its report still on the way; then five at once while their
/// tasks run. Their sockets are closed by their systems.
pub(super) async fn killed_while_it_works(trial: Trial) -> Outcome {
    let world = World::start(Shape::default(), trial).await?;
    let journal = Arc::clone(&world.crew.journal);
    let mut longest = None;
    for is_page_done in [false, true] {
        let (_, token) = enrol(&world.fleet, "short-lived").await?;
        let link = FaultProxy::to(world.fleet.gateways[0].address).await?;
        let url = format!("http://{}", link.address());
        let mut hand = Hand::connect(&url, &token, &holding(&[])).await?;
        let (task, run) = hand.task().await?;
        if is_page_done {
            hand.say("task:started", &started(&task, run))?;
            hand.flush().await?;
            let begun = format!("SELECT started_at IS NOT NULL FROM ukai.task_lease WHERE id = '{task}'");
            until("it is known to have begun", || world.fleet.sql(&begun).is_ok_and(|is_so| is_so == "t"))
                .await?;
            link.set(HOLD_UP);
            hand.ask("task:completed", &completed(&task, run))?;
            hand.flush().await?;
        }
        let killed = Instant::now();
        drop(hand);
        // With what it still carries.
        drop(link);
        let again = |h: &Happening| *h == Happening::Assigned { task: task.clone(), run: run + 1 };
        until("its task is another's", || journal.first_after(killed, again).is_some()).await?;
        let entry = journal.first_after(killed, again);
        longest = longest.max(entry.map(|entry| entry.at.duration_since(killed)));
    }
    let mut at_work = Vec::new();
    until("five are at a page", || {
        at_work = journal
            .look(|entries| (0..world.size.workers).filter_map(|number| at_page(entries, number)).collect());
        at_work.len() >= KILLED
    })
    .await?;
    let killed = Instant::now();
    for (worker, ..) in &at_work[..KILLED] {
        world.crew.members[*worker].ending.kill.cancel();
    }
    for (_, task, run) in &at_work[..KILLED] {
        let again =
            |h: &Happening| matches!(h, Happening::Assigned { task: t, run: r } if t == task && r > run);
        // It may have spoken just before it died: then its result may count.
        let reported = Happening::Reported { task: task.clone(), run: *run };
        let is_over = || {
            journal.first_after(killed, again).is_some()
                || journal.count(|happening| *happening == reported) > 0
        };
        until("its task is another's", is_over).await?;
        let entry = journal.first_after(killed, again);
        longest = longest.max(entry.map(|entry| entry.at.duration_since(killed)));
    }
    let longest = longest.context("all five reported at the moment of their death")?;
    world.finish(&[]).await?;
    // The rest is the queue's: the task waits for a free worker.
    Ok(vec![Measure::new("its task is handed out again, beyond the grace", longest.saturating_sub(AWAY), 3)])
}

/// The worker with the task that it was told last, if it has not reported it.
fn at_page(entries: &[Entry], worker: usize) -> Option<(usize, String, u64)> {
    let own = entries.iter().filter(|entry| entry.worker == worker);
    own.fold(None, |held, entry| match &entry.happening {
        Happening::Assigned { task, run } => Some((worker, task.clone(), *run)),
        Happening::Reported { .. } => None,
        _ => held,
    })
}

/// F12: the report is under way and its answer held when the worker dies.
pub(super) async fn killed_before_the_answer(trial: Trial) -> Outcome {
    let fleet = Fleet::start(Shape { gateways: 1, ..Shape::default() }).await?;
    let mut crew = Crew::start(&fleet, 1, trial.seed).await?;
    let dialled = Instant::now();
    let link = crew.relink(&fleet, 0, Duration::from_secs(2)).await?;
    let journal = Arc::clone(&crew.journal);
    let task =
        fleet.ask(Method::POST, "/api/tasks", &json!({ "productUrl": "https://shop.example/1" })).await?;
    let id = task["id"].as_str().context("an id")?.to_owned();
    until("it has the task", || journal.first_after(dialled, is_hand_out).is_some()).await?;
    link.set(Faults { up: Fault::None, down: Fault::Hold });
    let done = format!("SELECT status FROM ukai.task_done WHERE id = '{id}'");
    until("the result is stored", || fleet.sql(&done).is_ok_and(|status| status == "completed")).await?;
    crew.members[0].ending.kill.cancel();
    drop(link);
    // The machine starts again, without a memory.
    let again = Instant::now();
    crew.dial(0, fleet.gateway_urls(0), Duration::from_millis(100));
    until("it is back again", || journal.registered_after(again).contains(&0)).await?;
    let next =
        fleet.ask(Method::POST, "/api/tasks", &json!({ "productUrl": "https://shop.example/2" })).await?;
    let next = next["id"].as_str().context("an id")?.to_owned();
    until("the next task is done", || journal.accepted_runs().contains_key(&next)).await?;
    let took = again.elapsed();
    let redone = journal.first_after(again, |h| matches!(h, Happening::Assigned { task, .. } if *task == id));
    ensure!(redone.is_none(), "a stored result was redone");
    check(&fleet, &journal, &[id, next], &[]).await?;
    Ok(vec![Measure::new("serves again", took, 10)])
}

/// F12 with a real worker: what its process knew is lost, its outbox isn't.
pub(super) async fn real_killed_before_the_answer(_trial: Trial) -> Outcome {
    let shape = Shape { gateways: 1, task_timeout: Duration::from_secs(60), ..Shape::default() };
    let fleet = Fleet::start(shape).await?;
    let link = FaultProxy::to(fleet.gateways[0].address).await?;
    let mut laptop = Laptop::start(&fleet, &format!("http://{}", link.address()), None).await?;
    let id = laptop.submit(&fleet, "/slow?ms=2000").await?;
    laptop.opens(&fleet, &id).await?;
    link.set(HOLD_DOWN);
    let done = format!("SELECT status FROM ukai.task_done WHERE id = '{id}'");
    until("the result is stored", || fleet.sql(&done).is_ok_and(|status| status == "completed")).await?;
    laptop.process.kill()?;
    link.set(Faults::default());
    connection(&fleet, &laptop.id, false).await?;
    let again = Instant::now();
    laptop.process.start_again()?;
    connection(&fleet, &laptop.id, true).await?;
    let next = laptop.submit(&fleet, "/jsonld/1").await?;
    check(&fleet, &Journal::default(), &[id, next], &[]).await?;
    let took = again.elapsed();
    laptop.is_calm(&[])?;
    let runs = fleet.sql("SELECT run, outcome FROM ukai.run")?;
    ensure!(runs == "1|completed\n1|completed", "each page was opened once, and counts: {runs}");
    Ok(vec![Measure::new("serves again", took, 10)])
}

/// F37: who is handed the task dies at once and comes back empty.
pub(super) async fn poison(trial: Trial) -> Outcome {
    let fleet = Fleet::start(Shape::default()).await?;
    let mut crew = Crew::start_slow(&fleet, 6, trial.seed, ENDLESS).await?;
    let journal = Arc::clone(&crew.journal);
    let begun = Instant::now();
    let task =
        fleet.ask(Method::POST, "/api/tasks", &json!({ "productUrl": "https://poison.example/" })).await?;
    let id = task["id"].as_str().context("an id")?.to_owned();
    let mut seen = 0;
    let ended = loop {
        let entries = journal.all();
        let met: Vec<_> = entries
            .iter()
            .filter(|e| matches!(&e.happening, Happening::Assigned { task, .. } if *task == id))
            .map(|e| e.worker)
            .collect();
        for worker in met.iter().skip(seen) {
            crew.members[*worker].ending.kill.cancel();
            crew.dial(*worker, fleet.gateway_urls(*worker), ENDLESS);
        }
        seen = met.len();
        let task = fleet.get(&format!("/api/tasks/{id}")).await?;
        if task["status"] != "pending" && task["status"] != "assigned" && task["status"] != "running" {
            break task;
        }
        ensure!(begun.elapsed() < Duration::from_secs(90), "it never ends: {task}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let took = begun.elapsed();
    ensure!(ended["status"] == "failed", "{ended}");
    let lost =
        ended["runs"].as_array().map_or(0, |runs| runs.iter().filter(|r| r["outcome"] == "lost").count());
    ensure!(lost == 3 && seen == 3, "three workers are enough: {seen} met it, {lost} runs lost: {ended}");
    check(&fleet, &journal, &[id], &[]).await?;
    Ok(vec![Measure::new("ended after three workers", took, 30)])
}
