//! `ukai up` with either seam swapped alone, and with both: the same tasks are done.

use crate::processes::database;
use crate::server::{Server, ukai};
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ukai_testkit::fake_worker::{Ending, FakeWorker};
use ukai_testkit::nats::NatsServer;
use ukai_testkit::postgres;

const TASKS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_alone() {
    let nats = NatsServer::start().unwrap();
    works(Server::start_with(&["--nats-url", &nats.url()]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_alone() {
    let database = database().await;
    works(Server::start_with(&["--database-url", &database.url()]).await).await;
    let counted = database.psql("SELECT count(*) FROM ukai.task_done").unwrap();
    assert_eq!(counted.trim(), TASKS.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn both() {
    let (database, nats) = (database().await, NatsServer::start().unwrap());
    let flags = ["--database-url", &database.url(), "--nats-url", &nats.url()];
    works(Server::start_with(&flags).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_bus_it_is_not_ready() {
    let mut nats = NatsServer::start().unwrap();
    let server = Server::start_with(&["--nats-url", &nats.url()]).await;
    let readiness = async |status: u16, parts: serde_json::Value| {
        let begun = Instant::now();
        loop {
            let answer = reqwest::get(format!("{}/readyz", server.url)).await.unwrap();
            let got = answer.status().as_u16();
            let body: serde_json::Value = answer.json().await.unwrap();
            if got == status && body["parts"] == parts {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{got}: {body}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    readiness(200, json!({ "scheduler": true, "gateway": true, "bus": true })).await;
    nats.kill().unwrap();
    readiness(503, json!({ "scheduler": true, "gateway": false, "bus": false })).await;
    nats.restart().unwrap();
    readiness(200, json!({ "scheduler": true, "gateway": true, "bus": true })).await;
}

/// Tasks are done, also those that a killed server left.
async fn works(mut server: Server) {
    let made = server.ask(Method::POST, "/api/workers", &json!({ "name": "fake" })).await;
    let worker = FakeWorker::new(&server.url, made["token"].as_str().unwrap(), 1);
    tokio::spawn(worker.run(Ending::default(), Arc::new(|_| {})));
    let tasks: Vec<_> =
        (0..TASKS).map(|n| json!({ "productUrl": format!("https://shop.example/{n}") })).collect();
    server.ask(Method::POST, "/api/tasks/batch", &json!({ "tasks": tasks })).await;
    server.kill();
    server.restart().await;
    let begun = Instant::now();
    loop {
        let queue = server.get("/api/queue").await;
        if queue["total"]["completed"] == TASKS {
            assert_eq!(queue["balanced"], true, "{queue}");
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{queue}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_made_once() {
    let empty = postgres::database("ukai_nothing", |_| async { Ok(()) }).await.unwrap();
    let url = empty.url();
    let migrate = || {
        let ended = ukai().args(["migrate", "--json"]).env("UKAI_DATABASE_URL", &url).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        serde_json::from_slice::<serde_json::Value>(&ended.stdout).unwrap()
    };
    let first = migrate();
    assert_eq!(first["from"], 0);
    assert!(first["to"].as_u64().is_some_and(|version| version > 0), "{first}");
    let again = migrate();
    assert_eq!((&again["from"], &again["to"]), (&first["to"], &first["to"]));
}
