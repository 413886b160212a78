//! Files are brought before the report that names them, and never cost a result.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    files::Told,
    pages::Pages,
    server::{Server, id},
    worker::{Worker, config},
};

/// A worker, and what it says of a page with a picture and its HTML.
struct Test {
    server: Server,
    state: tempfile::TempDir,
    _worker: Worker,
}

impl Test {
    async fn start(task_timeout_ms: u64) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut server = Server::start_with("127.0.0.1:0", task_timeout_ms).await;
        let worker = Worker::start(config(&server.address, state.path(), &[]), Pages::new());
        server.connected().await;
        Self { server, state, _worker: worker }
    }

    async fn page(&mut self, run: Option<u32>, path: &str, options: Value) -> Value {
        let url = format!("http://shop.example/{path}");
        self.server.assign("t", run, &url, json!({ "options": options })).await;
        self.server.expect("task:started").await;
        let (name, payload) = self.server.next().await;
        assert!(name == "task:completed" || path == "captcha", "{name}: {payload:#}");
        payload
    }

    fn left(&self) -> usize {
        files(&self.state.path().join("artifacts"))
    }
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn files_are_brought_before_the_report() {
    let mut test = Test::start(20_000).await;
    let done = test.page(Some(4), "lamp", json!({"screenshot": true, "html": true})).await;
    let brought = test.server.files.brought();
    assert_eq!(brought.len(), 2);
    for (file, (kind, content_type)) in
        brought.iter().zip([("screenshot", "image/png"), ("html", "text/html; charset=utf-8")])
    {
        assert_eq!(file.authorization, "Bearer good");
        assert_eq!((file.query["kind"].as_str(), file.content_type.as_str()), (kind, content_type));
        assert_eq!((&file.query["taskId"], file.query["run"].as_str()), (&id("t"), "4"));
        assert_eq!(file.query["workerId"], "0198c0de-0000-7000-8000-000000000009");
        assert_eq!(file.query["sha256"].len(), 64);
    }
    assert_eq!(brought[0].bytes.as_ref(), b"\x89PNG");
    assert!(brought[1].bytes.starts_with(b"<!doctype html>"));
    let entry = json!({
        "kind": "screenshot", "id": "5b1f2c3d-0000-8000-8000-000000000001", "contentType": "image/png", "size": 4,
        "sha256": brought[0].query["sha256"], "width": 10, "height": 20,
        "url": "/api/artifacts/5b1f2c3d-0000-8000-8000-000000000001",
        "thumbnailUrl": "/api/artifacts/5b1f2c3d-0000-8000-8000-000000000001/thumbnail",
    });
    assert_eq!(done["artifacts"][0], entry);
    assert_eq!(test.left(), 0, "the server has them");
}

#[tokio::test]
async fn a_picture_of_a_page_that_is_no_result_is_brought_too() {
    let mut test = Test::start(20_000).await;
    let failed = test.page(Some(1), "captcha", json!({"screenshot": {"format": "png"}})).await;
    assert_eq!(failed["error"]["type"], "CAPTCHA");
    assert_eq!(test.server.files.brought().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_full_or_away_for_a_moment_is_asked_again() {
    let mut test = Test::start(20_000).await;
    let moments =
        [Told::Status(503, "UNAVAILABLE"), Told::Status(507, "STORAGE_FULL"), Told::Status(500, "X")];
    test.server.files.tell(&moments);
    let done = test.page(Some(1), "lamp", json!({"screenshot": true})).await;
    assert_eq!(test.server.files.brought().len(), 4);
    assert!(
        done["artifacts"][0]["id"].is_string() && done["artifacts"][0].get("error").is_none(),
        "{done:#}"
    );
}

#[tokio::test]
async fn a_refused_file_costs_no_result() {
    let mut test = Test::start(20_000).await;
    for (run, told, code) in [
        (1, Told::Status(413, "PAYLOAD_TOO_LARGE"), "PAYLOAD_TOO_LARGE"),
        (2, Told::Status(409, "CONFLICT"), "CONFLICT"),
        (3, Told::Unknown, "UNAVAILABLE"),
    ] {
        test.server.files.tell(&[told]);
        let done = test.page(Some(run), "lamp", json!({"screenshot": true})).await;
        assert_eq!(done["result"]["productTitle"], "Brass Lamp");
        let entry = &done["artifacts"][0];
        assert_eq!(
            (&entry["kind"], &entry["error"]["code"]),
            (&"screenshot".into(), &code.into()),
            "{entry:#}"
        );
        let kept = entry["path"].as_str().unwrap();
        assert_eq!(std::fs::read(kept).unwrap(), b"\x89PNG", "it lies here for whoever looks for it");
    }
    assert_eq!((test.server.files.brought().len(), test.left()), (3, 3));
}

#[tokio::test]
async fn a_server_that_stays_full_or_silent_costs_no_result() {
    let mut test = Test::start(2_000).await;
    for (run, told, code) in
        [(1, Told::Status(507, "STORAGE_FULL"), "STORAGE_FULL"), (2, Told::Silence, "UNAVAILABLE")]
    {
        test.server.files.tell_all(Some(told));
        let done = test.page(Some(run), "lamp", json!({"screenshot": true, "html": true})).await;
        assert_eq!(done["result"]["productTitle"], "Brass Lamp");
        assert_eq!(done["artifacts"][0]["error"]["code"], code, "{done:#}");
        assert!(done["artifacts"][1]["error"]["code"].is_string(), "{done:#}");
        assert!(done["metrics"]["scrapeDurationMs"].as_u64().unwrap() < 2_000);
    }
    assert!(test.server.files.brought().len() > 3, "tried again");
    // Room again: the next page's files arrive.
    test.server.files.tell_all(None);
    let done = test.page(Some(3), "lamp", json!({"screenshot": true})).await;
    assert!(done["artifacts"][0]["id"].is_string(), "{done:#}");
}

#[tokio::test]
async fn a_server_without_runs_takes_no_files() {
    let mut test = Test::start(20_000).await;
    let done = test.page(None, "lamp", json!({"screenshot": true})).await;
    assert!(done["artifacts"][0]["path"].is_string() && done["artifacts"][0].get("error").is_none());
    assert_eq!((test.server.files.brought().len(), test.left()), (0, 1));
}

#[tokio::test]
async fn a_worker_that_is_killed_on_the_way_leaves_its_file_in_sight() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let worker = Worker::start(config(&server.address, state.path(), &[]), Pages::new());
    server.connected().await;
    server.files.tell(&[Told::Silence]);
    let options = json!({"options": {"screenshot": true}});
    server.assign("t", Some(1), "http://shop.example/lamp", options.clone()).await;
    server.expect("task:started").await;
    crate::server::soon(async {
        while server.files.brought().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    worker.kill().await;
    assert_eq!(files(&state.path().join("artifacts")), 1);
    let _again = Worker::start(config(&server.address, state.path(), &[]), Pages::new());
    server.connected().await;
    server.assign("t", Some(2), "http://shop.example/lamp", options).await;
    server.expect("task:started").await;
    let done = server.expect("task:completed").await;
    assert!(done["artifacts"][0]["id"].is_string(), "the next run brings its own");
    assert_eq!(files(&state.path().join("artifacts")), 1, "the old one stays until there are too many");
}
