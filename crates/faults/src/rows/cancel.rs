//! Cancels while tasks complete: each task ends as one of the two, never both.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use ukai_testkit::fake_worker::Happening;

use super::{Measure, Outcome};
use crate::crew::until;
use crate::fleet::Shape;
use crate::world::World;

/// Cancels that are tried.
const CANCELS: usize = 60;

/// F38.
pub(super) async fn races_with_completion(seed: u64) -> Outcome {
    let world = World::start(Shape::default(), seed).await?;
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
