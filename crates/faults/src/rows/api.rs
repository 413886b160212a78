//! The api dies around a submit: the client's repeat under the same key finds one task.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use ukai_testkit::proxy::Faults;

use super::{HOLD_DOWN, HOLD_UP, Measure, Outcome};
use crate::check::holds;
use crate::crew::{Journal, until};
use crate::fleet::{Fleet, Shape, send};
use crate::world::Trial;

const KEY: &str = "one-submit";
const TASKS: &str = "SELECT count(*) FROM ukai.task";

/// F01: the leader's commit can't reach the database while the api dies.
pub(super) async fn killed_before_the_commit(_trial: Trial) -> Outcome {
    let fleet = Fleet::start(Shape { schedulers: 1, gateways: 1, ..Shape::default() }).await?;
    fleet.schedulers[0].database.set(HOLD_UP);
    let first = submit(&fleet);
    // The request is at the leader by then.
    tokio::time::sleep(Duration::from_millis(500)).await;
    ensure!(fleet.sql(TASKS)? == "0", "it was committed");
    kill_and_repeat(fleet, first).await
}

/// F02: the leader has committed, and its reply doesn't reach the api.
pub(super) async fn killed_before_the_reply(_trial: Trial) -> Outcome {
    let fleet = Fleet::start(Shape { schedulers: 1, gateways: 1, ..Shape::default() }).await?;
    fleet.schedulers[0].door.set(HOLD_DOWN);
    let first = submit(&fleet);
    until("the commit", || fleet.sql(TASKS).is_ok_and(|count| count == "1")).await?;
    kill_and_repeat(fleet, first).await
}

fn body() -> Value {
    json!({ "productUrl": "https://shop.example/once" })
}

type Answer = anyhow::Result<(StatusCode, Value)>;

fn submit(fleet: &Fleet) -> JoinHandle<Answer> {
    let (http, url) = (fleet.http.clone(), format!("http://{}/api/tasks", fleet.api.address));
    tokio::spawn(async move { send(&http, &url, Method::POST, &body(), KEY).await })
}

async fn kill_and_repeat(mut fleet: Fleet, first: JoinHandle<Answer>) -> Outcome {
    fleet.api.process.kill()?;
    if let Ok((status, answer)) = first.await? {
        anyhow::bail!("the client of a killed api was answered {status} {answer}");
    }
    for link in [&fleet.schedulers[0].database, &fleet.schedulers[0].door] {
        link.set(Faults::default());
        link.cut();
    }
    let begun = Instant::now();
    fleet.api.process.start_again()?;
    let http = fleet.http.clone();
    fleet.api.ready(&http).await?;
    let task = loop {
        let (status, task) = fleet.try_once(Method::POST, "/api/tasks", &body(), KEY).await?;
        if status != StatusCode::SERVICE_UNAVAILABLE {
            ensure!(status == StatusCode::CREATED, "{status} {task}");
            break task;
        }
    };
    let took = begun.elapsed();
    let ids = fleet.sql("SELECT id FROM ukai.task")?;
    ensure!(ids == task["id"].as_str().context("an id")?, "one task: {ids}");
    let (_, twice) = fleet.try_once(Method::POST, "/api/tasks", &body(), KEY).await?;
    ensure!(twice["id"] == task["id"], "the same key is the same task");
    holds(&fleet, &Journal::default(), &[ids], &["stopped leading"])?;
    Ok(vec![Measure::new("the repeat is answered after the start", took, 30)])
}
