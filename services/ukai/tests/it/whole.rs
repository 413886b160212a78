//! The commands that run all of Ukai for once: demo, scrape and bench, with real processes and real browsers.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use ukai_testkit::shop::Shop;

use crate::server::ukai;

fn run(arguments: &[&str], folder: &Path) -> Output {
    let output = ukai().args(arguments).current_dir(folder).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {log}");
    output
}

#[test]
fn the_demo_shows_records_of_every_worker() {
    let folder = tempfile::tempdir().unwrap();
    let shown = run(&["demo", "--products", "6", "--dir", "shown"], folder.path());
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    for part in ["6 pages in", "Chrome/", "browser-1: ", "browser-2: ", "screenshot", "rm -r", "in stock"] {
        assert!(text.to_lowercase().contains(&part.to_lowercase()), "{part}: {text}");
    }
    let records = std::fs::read_to_string(folder.path().join("shown/records.json")).unwrap();
    let records: Value = serde_json::from_str(&records).unwrap();
    assert_eq!(records.as_array().unwrap().len(), 6);
    let table = std::fs::read_to_string(folder.path().join("shown/records.csv")).unwrap();
    assert_eq!(table.lines().count(), 7);
    let picture = text.lines().find_map(|line| line.strip_prefix("screenshot")).unwrap().trim();
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"), "{picture}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_page_is_scraped_without_a_server() {
    let (url, shop) = Shop::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let page = format!("{url}/product/4");
    let path = folder.path().to_owned();
    let scraped = tokio::task::spawn_blocking(move || {
        run(
            &[
                "scrape",
                "--json",
                "--allow-private-targets",
                "--min-delay-ms",
                "0",
                "--max-delay-ms",
                "0",
                &page,
            ],
            &path,
        )
    });
    let scraped: Value = serde_json::from_slice(&scraped.await.unwrap().stdout).unwrap();
    let truth = shop.shop.truth("/product/4").unwrap();
    assert_eq!(scraped["result"]["productTitle"].as_str(), truth.title.as_deref());
    assert_eq!(scraped["result"]["price"].as_f64(), truth.price);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    shop.stop().await.unwrap();
}

#[test]
fn a_small_bench_ends_by_itself_and_proves_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let small = [
        "bench",
        "--tasks",
        "400",
        "--workers",
        "20",
        "--posts",
        "10",
        "--backlog",
        "2000",
        "--limit",
        "120",
    ];
    let measured: Value = serde_json::from_slice(&run(&small, folder.path()).stdout).unwrap();
    assert_eq!(measured["verified"]["balanceHolds"], true);
    // Stream, drain, below, at equal priority, again.
    assert_eq!(measured["verified"]["measuredTasks"], 5 * 400);
    let submitted = measured["verified"]["submitted"].as_i64().unwrap();
    assert_eq!(submitted, 5 * 400 + 2_000 + 30, "posts and their warm-up included");
    for number in
        ["/latency/p99Ms", "/stream/tasksPerSecond", "/drain/microsPerTask/commit", "/backlog/slowerBelow"]
    {
        assert!(measured.pointer(number).is_some_and(Value::is_number), "{number}: {measured:#}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn idle_workers_cost_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let few = ["bench", "--idle-workers", "500", "--idle-seconds", "5", "--limit", "120"];
    let measured: Value = serde_json::from_slice(&run(&few, folder.path()).stdout).unwrap();
    let each = measured["idle"]["kibPerConnection"].as_f64().unwrap();
    // Twice what a debug build needs, of all services together.
    assert!(each > 1.0 && each < 90.0, "{measured:#}");
    assert!(measured["idle"]["cpuSeconds"].as_f64().unwrap() > 0.0, "{measured:#}");
}

#[test]
fn the_queue_alone_is_measured_and_proves_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let small = ["bench", "--queue-only", "--tasks", "3000", "--workers", "20", "--limit", "120"];
    let measured: Value = serde_json::from_slice(&run(&small, folder.path()).stdout).unwrap();
    assert_eq!(measured["store"], "sqlite");
    for number in ["/queueOnly/tasksPerSecond", "/queueOnly/microsPerTask/commit"] {
        let found = measured.pointer(number).and_then(Value::as_f64);
        assert!(found.is_some_and(|found| found > 0.0), "{number}: {measured:#}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}
