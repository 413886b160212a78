//! Every metric that docs/operations.md lists is served, and moves.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use ukai_testkit::fake_worker::{Ending, FakeWorker};

use crate::server::Server;

const OPERATIONS: &str = include_str!("../../../../docs/operations.md");

/// The names in backquotes in the first column of the table of metrics.
fn listed() -> Vec<&'static str> {
    let rows = OPERATIONS.lines().filter_map(|line| line.strip_prefix("| `ukai_"));
    let names: Vec<_> = rows.filter_map(|row| row.split_once('`')).map(|(name, _)| name).collect();
    assert!(names.len() >= 10, "the table of metrics in docs/operations.md was not found");
    names
}

/// Sums by name, suffixes of counters and histograms left off.
fn scraped(text: &str) -> BTreeMap<String, f64> {
    let mut values = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        let name = name.split('{').next().unwrap_or(name);
        let name = ["_total", "_sum", "_count"].iter().find_map(|s| name.strip_suffix(s)).unwrap_or(name);
        *values.entry(name.trim_start_matches("ukai_").to_owned()).or_insert(0.0) +=
            value.parse().unwrap_or(0.0);
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listed_metric_moves() {
    let server = Server::start().await;
    let names = listed();
    let before = scraped(&server.metrics().await);
    let made = server.ask(Method::POST, "/api/workers", &json!({ "name": "moves" })).await;
    let mut worker = FakeWorker::new(&server.url, made["token"].as_str().unwrap(), 1);
    worker.page = Duration::from_millis(300)..Duration::from_millis(300);
    let ending = Ending::default();
    tokio::spawn(worker.run(ending.clone(), std::sync::Arc::new(|_| {})));
    for n in 0..5 {
        let body = json!({ "productUrl": format!("https://www.shop.example/{n}") });
        server.ask(Method::POST, "/api/tasks", &body).await;
    }
    let begun = Instant::now();
    let mut still: Vec<_> = names.clone();
    let mut last = before.clone();
    while !still.is_empty() {
        let now = scraped(&server.metrics().await);
        still.retain(|name| {
            let moved =
                |values: &BTreeMap<String, f64>| now.get(*name).is_some_and(|n| values.get(*name) != Some(n));
            !(moved(&before) || moved(&last))
        });
        last = now;
        if begun.elapsed() > Duration::from_secs(20) {
            ending.kill.cancel();
            panic!("these never moved: {still:?}\n{}", server.metrics().await);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
