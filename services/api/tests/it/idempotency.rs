//! `Idempotency-Key`: a repeat is harmless, another body is a conflict.

use crate::kit::{Answer, TestApp, request, with_json};
use serde_json::{Value, json};
use ukai_domain::{DoneStatus, JobKind};
use ukai_store::TaskStatus;

async fn post(app: &TestApp, path: &str, key: &str, body: &Value) -> Answer {
    app.send(with_json(request("POST", path).header("idempotency-key", key), body)).await
}

#[tokio::test]
async fn a_repeat_gives_the_same_answer() {
    let app = TestApp::open();
    let task = json!({ "productUrl": "https://shop.example/" });
    let first = post(&app, "/api/tasks", "k1", &task).await.expect(201);
    assert_eq!(post(&app, "/api/tasks", "k1", &task).await.expect(201), first);
    assert_eq!(app.world().tasks.len(), 1);
    post(&app, "/api/tasks", "k2", &task).await.expect(201);
    assert_eq!(app.world().tasks.len(), 2);
    let other = json!({ "productUrl": "https://shop.example/2" });
    post(&app, "/api/tasks", "k1", &other).await.expect_error(409, "CONFLICT");
    assert_eq!(app.world().tasks.len(), 2);

    let batch = json!({ "productUrls": ["https://shop.example/"] });
    let first = post(&app, "/api/tasks/batch", "k1", &batch).await.expect(201);
    assert_eq!(
        post(&app, "/api/tasks/batch", "k1", &batch).await.expect(201),
        first,
        "routes have keys of their own"
    );

    let job = json!({ "name": "j" });
    let first = post(&app, "/api/jobs", "k1", &job).await.expect(201);
    assert_eq!(post(&app, "/api/jobs", "k1", &job).await.expect(201), first);
}

#[tokio::test]
async fn every_post_takes_a_key() {
    let app = TestApp::open();
    let (job, task, worker) = {
        let mut world = app.world();
        let job = world.add_job("j", JobKind::Scrape, 1);
        let task = world.add_task(job, "https://shop.example/", TaskStatus::Done(DoneStatus::Failed));
        (job, task, world.add_worker("w", "blocked"))
    };
    let none = json!({});
    for path in [
        format!("/api/tasks/{task}/retry"),
        format!("/api/jobs/{job}/pause"),
        format!("/api/jobs/{job}/resume"),
        format!("/api/jobs/{job}/cancel"),
        format!("/api/workers/{worker}/reset"),
    ] {
        post(&app, &path, "once", &none).await.expect(200);
        let writes = app.world().writes;
        post(&app, &path, "once", &none).await.expect(200);
        assert_eq!(app.world().writes, writes, "{path}");
    }
}

#[tokio::test]
async fn a_token_is_never_shown_again() {
    let app = TestApp::open();
    let body = json!({ "name": "w" });
    post(&app, "/api/workers", "k", &body).await.expect(201);
    post(&app, "/api/workers", "k", &body).await.expect_error(409, "CONFLICT");
    assert_eq!(app.world().workers.len(), 1);
}

#[tokio::test]
async fn a_key_is_one_visible_word() {
    let app = TestApp::open();
    let body = json!({ "productUrl": "https://shop.example/" });
    for key in ["", " ", "a b", "ä", &"k".repeat(256)] {
        let error = post(&app, "/api/tasks", key, &body).await.expect_error(400, "INVALID_PAYLOAD");
        assert_eq!(error["details"][0]["field"], "Idempotency-Key");
    }
    let twice = request("POST", "/api/tasks").header("idempotency-key", "a").header("idempotency-key", "b");
    app.send(with_json(twice, &body)).await.expect_error(400, "INVALID_PAYLOAD");
    post(&app, "/api/tasks", &"k".repeat(255), &body).await.expect(201);
    assert_eq!(app.world().tasks.len(), 1);
}
