//! Cancels while tasks complete: each task ends as one of the two, never both.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use ukai_testkit::fake_worker::Happening;

use super::{Measure, Outcome};
use crate::check::check;
use crate::crew::{Crew, is_hand_out, until};
use crate::fleet::{Fleet, Shape};
use crate::world::{Trial, World};

/// Cancels that are tried.
const CANCELS: usize = 60;
/// Workers, and tasks of a job that is cancelled: half of them wait for the other job's.
const JOB_WORKERS: usize = 20;

/// F38.
pub(super) async fn races_with_completion(trial: Trial) -> Outcome {
    let world = World::start(Shape::default(), trial).await?;
    let journal = Arc::clone(&world.crew.journal);
    let mut answers: BTreeMap<String, StatusCode> = BTreeMap::new();
    let mut longest = Duration::ZERO;
    while answers.len() < CANCELS {
        let newest = journal.all().into_iter().rev().find_map(|entry| match entry.happening {
            Happening::Assigned { task, .. } if !answers.contains_key(&task) => Some((entry.worker, task)),
            _ => None,
        });
        let (worker, task) = newest.context("a task is out")?;
        let asked = Instant::now();
        let (status, _) =
            world.fleet.try_once(Method::DELETE, &format!("/api/tasks/{task}"), &Value::Null, &task).await?;
        ensure!(matches!(status, StatusCode::OK | StatusCode::CONFLICT), "{status}");
        if status == StatusCode::OK {
            let told = |h: &Happening| match h {
                Happening::Cancelled { task: t } | Happening::Answered { task: t, .. } => *t == task,
                _ => false,
            };
            until("the worker is told", || {
                journal.all().iter().any(|e| e.worker == worker && e.at > asked && told(&e.happening))
            })
            .await?;
            longest = longest.max(asked.elapsed());
        }
        answers.insert(task, status);
    }
    for (task, status) in &answers {
        let done = format!("SELECT status FROM ukai.task_done WHERE id = '{task}'");
        until("it has ended", || world.fleet.sql(&done).is_ok_and(|word| !word.is_empty())).await?;
        let word = world.fleet.sql(&done)?;
        let expected = if *status == StatusCode::OK { "cancelled" } else { "completed" };
        ensure!(word == expected, "task {task} was answered {status} and is {word}");
        ensure!(
            *status != StatusCode::OK || !journal.accepted_runs().contains_key(task),
            "task {task} was cancelled, and its result accepted"
        );
    }
    world.finish(&[]).await?;
    Ok(vec![Measure::new("the worker is told of a cancel", longest, 1)])
}

/// F38, its other half: a job with running and waiting tasks is cancelled, another goes on.
pub(super) async fn whole_job(trial: Trial) -> Outcome {
    let fleet = Fleet::start(Shape::default()).await?;
    // Most pages are open for longer than it takes up to the cancel.
    let crew = Crew::start_slow(&fleet, JOB_WORKERS, trial.seed, Duration::from_secs(8)).await?;
    let journal = Arc::clone(&crew.journal);
    let other = submit_job(&fleet, "other", JOB_WORKERS / 2).await?;
    let cancelled = submit_job(&fleet, "cancelled", JOB_WORKERS).await?;
    until("all workers are at work", || journal.count(is_hand_out) >= JOB_WORKERS).await?;
    let begun = journal.all().into_iter().filter_map(|entry| match entry.happening {
        Happening::Assigned { task, .. } if cancelled.1.contains(&task) => Some((entry.worker, task)),
        _ => None,
    });
    let begun: Vec<_> = begun.collect();
    ensure!(begun.len() >= 5, "tasks of the job run: {begun:?}");
    let asked = Instant::now();
    fleet.ask(Method::POST, &format!("/api/jobs/{}/cancel", cancelled.0), &Value::Null).await?;
    let told = |worker: usize, task: &str| {
        journal.look(|entries| {
            entries.iter().any(|e| match &e.happening {
                Happening::Cancelled { task: t } | Happening::Answered { task: t, .. } => {
                    e.worker == worker && t == task
                }
                _ => false,
            })
        })
    };
    until("their workers are told", || begun.iter().all(|(worker, task)| told(*worker, task))).await?;
    let took = asked.elapsed();
    let ids: Vec<String> = cancelled.1.iter().chain(&other.1).cloned().collect();
    check(&fleet, &journal, &ids, &[]).await?;
    let accepted = journal.accepted_runs();
    let ended = fleet.sql("SELECT id, status FROM ukai.task_done")?;
    let ended: BTreeMap<&str, &str> = ended.lines().filter_map(|line| line.split_once('|')).collect();
    for task in &cancelled.1 {
        let expected = if accepted.contains_key(task) { "completed" } else { "cancelled" };
        let word = ended.get(task.as_str());
        ensure!(word == Some(&expected), "task {task} of the cancelled job is {word:?}, not {expected}");
    }
    let counted = cancelled.1.iter().filter(|task| accepted.contains_key(*task)).count();
    ensure!(counted < begun.len() / 2, "{counted} results of the job count: it was cancelled too late");
    let untouched = other.1.iter().all(|task| ended.get(task.as_str()) == Some(&"completed"));
    ensure!(untouched, "the other job didn't go on: {ended:?}");
    Ok(vec![Measure::new("all workers of the job are told", took, 1)])
}

/// A job and its tasks.
async fn submit_job(fleet: &Fleet, name: &str, tasks: usize) -> anyhow::Result<(String, Vec<String>)> {
    let urls: Vec<_> = (0..tasks).map(|number| format!("https://{name}{number}.example/")).collect();
    let made =
        fleet.ask(Method::POST, "/api/tasks/batch", &json!({ "name": name, "productUrls": urls })).await?;
    let job = made["jobId"].as_str().context("a job's id")?.to_owned();
    let items = made["items"].as_array().context("no items")?;
    Ok((job, items.iter().filter_map(|task| task["id"].as_str().map(str::to_owned)).collect()))
}
