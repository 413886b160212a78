//! Wrong requests, each with its exact status, code and field; afterwards nothing has changed.

mod bodies;
mod paths;
mod submissions;

use crate::kit::{TestApp, request};
use axum::body::Body;
use serde_json::json;
use ukai_api::{AuthMode, Limits};
use ukai_domain::{DoneStatus, JobKind, JobStatus};
use ukai_store::TaskStatus;

/// Method, path, body, status, code, field (`""`: none).
type Case = (&'static str, String, Vec<u8>, u16, &'static str, &'static str);

const INVALID: &str = "INVALID_PAYLOAD";
const NO_SUCH: &str = "01900000-0000-7000-8000-00000000ffff";

struct Ids {
    open_task: String,
    failed_task: String,
    completed_task: String,
    job: String,
    cancelled_job: String,
    worker: String,
}

fn populate(app: &TestApp) -> Ids {
    let mut world = app.world();
    let job = world.add_job("j", JobKind::Scrape, 1);
    let cancelled_job = world.add_job("c", JobKind::Scrape, 1);
    world.jobs.get_mut(&cancelled_job).expect("a job").0.status = JobStatus::Cancelled;
    let url = "https://shop.example/";
    Ids {
        open_task: world.add_task(job, url, TaskStatus::Running).to_string(),
        failed_task: world.add_task(job, url, TaskStatus::Done(DoneStatus::Failed)).to_string(),
        completed_task: world.add_task(job, url, TaskStatus::Done(DoneStatus::Completed)).to_string(),
        job: job.to_string(),
        cancelled_job: cancelled_job.to_string(),
        worker: world.add_worker("w", "idle").to_string(),
    }
}

fn bytes(body: impl AsRef<[u8]>) -> Vec<u8> {
    body.as_ref().to_vec()
}

#[tokio::test]
async fn each_wrong_request_has_its_code_and_changes_nothing() {
    let app = TestApp::open();
    let ids = populate(&app);
    let before = app.world().fingerprint();
    let mut cases = submissions::submissions(&ids);
    cases.extend(bodies::batches());
    cases.extend(bodies::other_bodies(&ids));
    cases.extend(paths::without_bodies(&ids));
    assert!(cases.len() >= 200, "{} cases", cases.len());
    for (method, path, body, status, code, field) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        let request =
            request(method, &path).header("content-type", "application/json").body(Body::from(body));
        let answer = app.send(request.expect("a request")).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{method} {path} {shown}: {}",
            String::from_utf8_lossy(&answer.bytes)
        );
        let error = answer.json();
        assert_eq!(error["code"], code, "{method} {path} {shown}: {error}");
        assert_eq!(error["timestamp"], "2026-02-01T12:00:00.000Z");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
        match field {
            "" => assert!(error.get("details").is_none(), "{method} {path} {shown}: {error}"),
            field => {
                let details = error["details"].as_array().expect("details");
                let fields: Vec<_> = details.iter().map(|d| d["field"].as_str().expect("a field")).collect();
                assert_eq!(fields, [field], "{method} {path} {shown}");
            }
        }
        assert!(app.world().fingerprint() == before, "{method} {path} {shown} changed something");
    }
}

#[tokio::test]
async fn all_wrong_fields_are_named_at_once() {
    let app = TestApp::open();
    let body = json!({ "productUrl": "x", "priority": 200, "kind": "ocr", "maxAttempts": 9, "notBefore": 1,
        "options": { "html": 1, "timeoutMs": 1 } });
    let error = app.post("/api/tasks", &body).await.expect_error(400, INVALID);
    let fields: Vec<_> =
        error["details"].as_array().expect("details").iter().map(|d| d["field"].clone()).collect();
    for field in
        ["productUrl", "priority", "kind", "maxAttempts", "notBefore", "options.html", "options.timeoutMs"]
    {
        assert!(fields.contains(&json!(field)), "{field} in {fields:?}");
    }
    assert_eq!(fields.len(), 7);

    let query = app.get("/api/tasks?limit=0&page=x&status=y").await.expect_error(400, INVALID);
    assert_eq!(query["details"].as_array().expect("details").len(), 3);

    let wrong: Vec<_> = (0..5_000).map(|_| "x").collect();
    let error =
        app.post("/api/tasks/batch", &json!({ "productUrls": wrong })).await.expect_error(400, INVALID);
    assert_eq!(error["details"].as_array().expect("details").len(), 1_000, "enough is enough");
}

#[tokio::test]
async fn content_types_and_sizes() {
    let app = TestApp::new(AuthMode::Off, Limits { body: 1_000, batch_body: 2_000, ..Limits::default() });
    let good = br#"{"productUrl":"https://a.example/"}"#;
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx", ""]
    {
        for (method, path) in [
            ("POST", "/api/tasks"),
            ("POST", "/api/tasks/batch"),
            ("POST", "/api/jobs"),
            ("POST", "/api/workers"),
            ("PUT", "/api/hosts/a.example"),
        ] {
            let builder = request(method, path).header("content-type", kind);
            let answer = app.send(builder.body(Body::from(good.as_slice())).expect("a request")).await;
            answer.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
        }
    }
    let none = request("POST", "/api/tasks").body(Body::from(good.as_slice())).expect("a request");
    app.send(none).await.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/vnd.x+json"] {
        let builder = request("POST", "/api/tasks").header("content-type", kind);
        app.send(builder.body(Body::from(good.as_slice())).expect("a request")).await.expect(201);
    }
    let sized = |path: &str, size: usize| {
        let body = format!(
            "{{\"productUrls\":[\"https://a.example/\"],\"productUrl\":\"https://a.example/\"{}}}",
            " ".repeat(size)
        );
        request("POST", path)
            .header("content-type", "application/json")
            .body(Body::from(body))
            .expect("a request")
    };
    app.send(sized("/api/tasks", 1_000)).await.expect_error(413, "PAYLOAD_TOO_LARGE");
    app.send(sized("/api/tasks", 100)).await.expect(201);
    app.send(sized("/api/tasks/batch", 1_500)).await.expect(201);
    app.send(sized("/api/tasks/batch", 2_500)).await.expect_error(413, "PAYLOAD_TOO_LARGE");
    let large = request("POST", &format!("/api/jobs/{NO_SUCH}/pause")).body(Body::from("x".repeat(2_000)));
    app.send(large.expect("a request")).await.expect_error(413, "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn private_targets_are_a_setting() {
    let app = TestApp::new(AuthMode::Off, Limits { allow_private_targets: true, ..Limits::default() });
    for url in ["http://127.0.0.1:8081/p/1", "http://localhost:8081/", "http://[::1]/"] {
        app.post("/api/tasks", &json!({ "productUrl": url })).await.expect(201);
    }
    app.post("/api/tasks", &json!({ "productUrl": "http://u:p@127.0.0.1/" }))
        .await
        .expect_error(400, INVALID);
}
