//! The api dies around a submit: the client's repeat under the same key finds one task.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};
use serde_json::json;
use ukai_testkit::proxy::{Fault, Faults};

use super::{Measure, Outcome};
use crate::fleet::{Fleet, Shape, send};

const KEY: &str = "one-submit";
const HOLD_UP: Faults = Faults { up: Fault::Hold, down: Fault::None };

/// F01: the leader's commit can't reach the database while the api dies.
pub(super) async fn killed_before_the_commit(_seed: u64) -> Outcome {
    let mut fleet = Fleet::start(Shape { schedulers: 1, gateways: 1, ..Shape::default() }).await?;
    let body = json!({ "productUrl": "https://shop.example/once" });
    let before: u64 = fleet.sql("SELECT count(*) FROM ukai.task")?.parse()?;
    fleet.schedulers[0].database.set(HOLD_UP);
    let (http, url) = (fleet.http.clone(), format!("http://{}/api/tasks", fleet.api.address));
    let (sent, again) = (body.clone(), url.clone());
    let first = tokio::spawn(async move { send(&http, &again, Method::POST, &sent, KEY).await });
    // The request is at the leader by then.
    tokio::time::sleep(Duration::from_millis(500)).await;
    ensure!(fleet.sql("SELECT count(*) FROM ukai.task")? == before.to_string(), "it was committed");
    fleet.api.process.kill()?;
    if let Ok((status, answer)) = first.await? {
        anyhow::bail!("the client of a killed api was answered {status} {answer}");
    }
    fleet.schedulers[0].database.set(Faults::default());
    fleet.schedulers[0].database.cut();
    let begun = Instant::now();
    fleet.api.process.start_again()?;
    let http = fleet.http.clone();
    fleet.api.ready(&http).await?;
    let task = loop {
        let (status, task) = fleet.try_once(Method::POST, "/api/tasks", &body, KEY).await?;
        if status != StatusCode::SERVICE_UNAVAILABLE {
            ensure!(status == StatusCode::CREATED, "{status} {task}");
            break task;
        }
    };
    let took = begun.elapsed();
    let ids = fleet.sql("SELECT id FROM ukai.task")?;
    ensure!(ids == task["id"].as_str().context("an id")?, "one task: {ids}");
    let (_, twice) = fleet.try_once(Method::POST, "/api/tasks", &body, KEY).await?;
    ensure!(twice["id"] == task["id"], "the same key is the same task");
    Ok(vec![Measure::new("the repeat is answered after the start", took, 30)])
}
