//! Wrong requests, each with its exact status, code and field; afterwards nothing has changed.

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

/// Bodies of `POST /api/tasks`.
fn submissions(ids: &Ids) -> Vec<Case> {
    let bodies: Vec<(Vec<u8>, u16, &str, &str)> = vec![
        // No JSON, or no object.
        (bytes(""), 400, INVALID, ""),
        (bytes("{"), 400, INVALID, ""),
        (bytes("null"), 400, INVALID, ""),
        (bytes("[]"), 400, INVALID, ""),
        (bytes(r#"["https://a.example/"]"#), 400, INVALID, ""),
        (bytes(r#""https://a.example/""#), 400, INVALID, ""),
        (bytes("{} {}"), 400, INVALID, ""),
        (bytes(r#"{"productUrl":"https://a.example/","priority":NaN}"#), 400, INVALID, ""),
        (bytes(b"{\"productUrl\":\"https://a.example/\xff\"}"), 400, INVALID, ""),
        (bytes(r#"{"productUrl":"https://a.example/\ud800"}"#), 400, INVALID, ""),
        (bytes(format!("{}{}", r#"{"x":"#, "[".repeat(10_000))), 400, INVALID, ""),
        // The target.
        (bytes("{}"), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":null}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":7}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":""}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":["https://a.example/"]}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"a.example"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"ftp://a.example/"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"file:///etc/passwd"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"javascript:alert(1)"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"https://"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"https://u:p@a.example/"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"https://a.example/\u0000"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"http://127.0.0.1/"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"http://2130706433/"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"http://[::ffff:10.0.0.1]/"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"http://169.254.169.254/latest/"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"http://localhost:3000/"}"#), 400, INVALID, "productUrl"),
        (
            bytes(format!(r#"{{"productUrl":"https://a.example/{}"}}"#, "x".repeat(8192))),
            400,
            INVALID,
            "productUrl",
        ),
    ];
    let members = [
        (r#""priority":101"#, "priority"),
        (r#""priority":-1"#, "priority"),
        (r#""priority":1.5"#, "priority"),
        (r#""priority":1e400"#, ""),
        (r#""priority":"50""#, "priority"),
        (r#""priority":true"#, "priority"),
        (r#""priority":99999999999999999999"#, "priority"),
        (r#""kind":"crawl""#, "kind"),
        (r#""kind":"""#, "kind"),
        (r#""kind":1"#, "kind"),
        (r#""maxAttempts":0"#, "maxAttempts"),
        (r#""maxAttempts":4"#, "maxAttempts"),
        (r#""maxAttempts":"3""#, "maxAttempts"),
        (r#""notBefore":"tomorrow""#, "notBefore"),
        (r#""notBefore":"2026-02-30T00:00:00Z""#, "notBefore"),
        (r#""notBefore":"2026-02-01T00:00:00""#, "notBefore"),
        (r#""notBefore":1769947200000"#, "notBefore"),
        (r#""jobId":1"#, "jobId"),
        (r#""options":"screenshot""#, "options"),
        (r#""options":[]"#, "options"),
        (r#""options":{"screenshot":"yes"}"#, "options.screenshot"),
        (r#""options":{"screenshot":1}"#, "options.screenshot"),
        (r#""options":{"html":"true"}"#, "options.html"),
        (r#""options":{"recipe":7}"#, "options.recipe"),
        (r#""options":{"recipe":""}"#, "options.recipe"),
        (r#""options":{"recipe":["x"]}"#, "options.recipe"),
        (r#""options":{"recipe":{"a":"\u0000"}}"#, "options"),
        (r#""options":{"timeoutMs":999}"#, "options.timeoutMs"),
        (r#""options":{"timeoutMs":600001}"#, "options.timeoutMs"),
        (r#""options":{"timeoutMs":"5000"}"#, "options.timeoutMs"),
    ];
    let members = members.iter().map(|(member, field)| {
        (bytes(format!(r#"{{"productUrl":"https://a.example/",{member}}}"#)), 400, INVALID, *field)
    });
    let big =
        json!({ "productUrl": "https://a.example/", "options": { "recipe": { "a": "x".repeat(300_000) } } });
    let jobs = [
        (json!({ "productUrl": "https://a.example/", "jobId": NO_SUCH }), 404, "JOB_NOT_FOUND", ""),
        (json!({ "productUrl": "https://a.example/", "jobId": "mine" }), 404, "JOB_NOT_FOUND", ""),
        (json!({ "productUrl": "https://a.example/", "jobId": ids.cancelled_job }), 409, "CONFLICT", ""),
        (big, 400, INVALID, "options"),
    ];
    let jobs = jobs.map(|(body, status, code, field)| (bytes(body.to_string()), status, code, field));
    bodies
        .into_iter()
        .chain(members)
        .chain(jobs)
        .map(|(body, status, code, field)| ("POST", "/api/tasks".to_owned(), body, status, code, field))
        .collect()
}

/// Bodies of `POST /api/tasks/batch`.
fn batches() -> Vec<Case> {
    let good = json!({ "productUrl": "https://a.example/" });
    let too_many: Vec<_> = (0..10_001).map(|_| "https://a.example/").collect();
    let bodies = [
        (json!({}), "tasks"),
        (json!({ "tasks": null }), "tasks"),
        (json!({ "tasks": [] }), "tasks"),
        (json!({ "tasks": {} }), "tasks"),
        (json!({ "tasks": "x" }), "tasks"),
        (json!({ "productUrls": [] }), "productUrls"),
        (json!({ "productUrls": "https://a.example/" }), "productUrls"),
        (json!({ "productUrls": too_many }), "productUrls"),
        (json!({ "tasks": [good], "productUrls": ["https://a.example/"] }), "productUrls"),
        (json!({ "tasks": [good, good, good, { "productUrl": "x" }] }), "tasks[3].productUrl"),
        (json!({ "tasks": [good, {}] }), "tasks[1].productUrl"),
        (json!({ "tasks": [good, 7] }), "tasks[1]"),
        (json!({ "tasks": [good, null] }), "tasks[1]"),
        (json!({ "tasks": [["https://a.example/"]] }), "tasks[0]"),
        (json!({ "tasks": [{ "productUrl": "https://a.example/", "priority": 101 }] }), "tasks[0].priority"),
        (
            json!({ "tasks": [{ "productUrl": "https://a.example/", "options": { "html": 1 } }] }),
            "tasks[0].options.html",
        ),
        (json!({ "productUrls": ["https://a.example/", 7] }), "productUrls[1]"),
        (json!({ "productUrls": ["https://a.example/", "http://10.0.0.1/"] }), "productUrls[1]"),
        (json!({ "productUrls": ["https://a.example/"], "priority": 101 }), "priority"),
        (json!({ "productUrls": ["https://a.example/"], "name": "" }), "name"),
        (json!({ "productUrls": ["https://a.example/"], "name": "a\u{0}b" }), "name"),
    ];
    bodies
        .into_iter()
        .map(|(body, field)| {
            ("POST", "/api/tasks/batch".to_owned(), bytes(body.to_string()), 400, INVALID, field)
        })
        .collect()
}

/// Everything else with a body.
fn other_bodies(ids: &Ids) -> Vec<Case> {
    let config = format!("/api/workers/{}/config", ids.worker);
    let host = "/api/hosts/a.example";
    let cases = [
        ("POST", "/api/jobs", json!({}), "name"),
        ("POST", "/api/jobs", json!({ "name": "" }), "name"),
        ("POST", "/api/jobs", json!({ "name": 1 }), "name"),
        ("POST", "/api/jobs", json!({ "name": "x".repeat(201) }), "name"),
        ("POST", "/api/jobs", json!({ "name": "a\nb" }), "name"),
        ("POST", "/api/jobs", json!({ "name": "j", "kind": "crawl" }), "kind"),
        ("POST", "/api/jobs", json!({ "name": "j", "kind": "x" }), "kind"),
        ("POST", "/api/jobs", json!({ "name": "j", "weight": 0 }), "weight"),
        ("POST", "/api/jobs", json!({ "name": "j", "weight": 1001 }), "weight"),
        ("POST", "/api/workers", json!({}), "name"),
        ("POST", "/api/workers", json!({ "name": "x".repeat(101) }), "name"),
        ("POST", "/api/workers", json!({ "name": ["w"] }), "name"),
        ("PATCH", &config, json!({}), "rateLimit"),
        ("PATCH", &config, json!({ "headless": "yes" }), "headless"),
        ("PATCH", &config, json!({ "rateLimit": 5 }), "rateLimit"),
        ("PATCH", &config, json!({ "rateLimit": { "minDelayMs": 1 } }), "rateLimit.maxDelayMs"),
        (
            "PATCH",
            &config,
            json!({ "rateLimit": { "minDelayMs": 2, "maxDelayMs": 1 } }),
            "rateLimit.maxDelayMs",
        ),
        (
            "PATCH",
            &config,
            json!({ "rateLimit": { "minDelayMs": -1, "maxDelayMs": 1 } }),
            "rateLimit.minDelayMs",
        ),
        (
            "PATCH",
            &config,
            json!({ "rateLimit": { "minDelayMs": 0, "maxDelayMs": 3_600_001 } }),
            "rateLimit.maxDelayMs",
        ),
        ("PUT", host, json!({}), "minIntervalMs"),
        ("PUT", host, json!({ "minIntervalMs": 86_400_001 }), "minIntervalMs"),
        ("PUT", host, json!({ "maxConcurrency": 1.5 }), "maxConcurrency"),
        ("PUT", "/api/hosts/a.example:80", json!({ "maxConcurrency": 1 }), "host"),
        ("PUT", "/api/hosts/a%20b", json!({ "maxConcurrency": 1 }), "host"),
    ];
    cases
        .into_iter()
        .map(|(method, path, body, field)| {
            (method, path.to_owned(), bytes(body.to_string()), 400, INVALID, field)
        })
        .collect()
}

/// Queries, ids, states, paths and methods.
fn without_bodies(ids: &Ids) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut add = |method, path: &str, status, code, field| {
        cases.push((method, path.to_owned(), Vec::new(), status, code, field));
    };
    for (query, field) in [
        ("limit=101", "limit"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=%2B5", "limit"),
        ("page=0", "page"),
        ("page=1.5", "page"),
        ("page=99999999", "page"),
        ("page=1&page=2", "page"),
        ("status=done", "status"),
        ("status=", "status"),
        ("status=failed,", "status"),
        ("status=Failed", "status"),
        ("workerId=w", "workerId"),
        ("from=yesterday", "from"),
        ("to=1769947200", "to"),
        ("to=2026-13-01", "to"),
        ("include=runs", "include"),
        ("cursor=abc", "cursor"),
    ] {
        add("GET", &format!("/api/tasks?{query}"), 400, INVALID, field);
    }
    add("GET", "/api/tasks?jobId=x", 404, "JOB_NOT_FOUND", "");
    add("GET", &format!("/api/tasks?jobId={NO_SUCH}"), 404, "JOB_NOT_FOUND", "");
    add("GET", "/api/jobs?limit=1000", 400, INVALID, "limit");
    add("GET", "/api/workers?page=x", 400, INVALID, "page");
    add("GET", "/api/events?since=-1", 400, INVALID, "since");
    add("GET", "/api/events?since=99999999999999999999", 400, INVALID, "since");
    add("GET", "/api/events?limit=101", 400, INVALID, "limit");
    add("GET", &format!("/api/jobs/{}/events?since=x", ids.job), 400, INVALID, "since");
    for id in [NO_SUCH, "1", "not-a-uuid", "%FF", "..%2f", "%00"] {
        add("GET", &format!("/api/tasks/{id}"), 404, "TASK_NOT_FOUND", "");
        add("GET", &format!("/api/tasks/{id}/why"), 404, "TASK_NOT_FOUND", "");
        add("DELETE", &format!("/api/tasks/{id}"), 404, "TASK_NOT_FOUND", "");
        add("DELETE", &format!("/api/tasks/{id}?purge=true"), 404, "TASK_NOT_FOUND", "");
        add("POST", &format!("/api/tasks/{id}/retry"), 404, "TASK_NOT_FOUND", "");
        add("GET", &format!("/api/jobs/{id}"), 404, "JOB_NOT_FOUND", "");
        add("GET", &format!("/api/jobs/{id}/events"), 404, "JOB_NOT_FOUND", "");
        add("DELETE", &format!("/api/jobs/{id}"), 404, "JOB_NOT_FOUND", "");
        add("POST", &format!("/api/jobs/{id}/pause"), 404, "JOB_NOT_FOUND", "");
        add("GET", &format!("/api/workers/{id}"), 404, "WORKER_NOT_FOUND", "");
        add("DELETE", &format!("/api/workers/{id}"), 404, "WORKER_NOT_FOUND", "");
        add("POST", &format!("/api/workers/{id}/reset"), 404, "WORKER_NOT_FOUND", "");
    }
    add("DELETE", &format!("/api/tasks/{}", ids.completed_task), 409, "CONFLICT", "");
    add("DELETE", &format!("/api/tasks/{}", ids.failed_task), 409, "CONFLICT", "");
    add("DELETE", &format!("/api/tasks/{}?purge=true", ids.open_task), 409, "CONFLICT", "");
    add("DELETE", &format!("/api/tasks/{}?purge=yes", ids.failed_task), 400, INVALID, "purge");
    add("POST", &format!("/api/tasks/{}/retry", ids.completed_task), 409, "CONFLICT", "");
    add("POST", &format!("/api/tasks/{}/retry", ids.open_task), 409, "CONFLICT", "");
    add("POST", &format!("/api/jobs/{}/resume", ids.cancelled_job), 409, "CONFLICT", "");
    add("POST", &format!("/api/workers/{}/reset", ids.worker), 409, "CONFLICT", "");
    for path in
        ["/", "/api", "/api/", "/api/nothing", "/api/tasks/", "/api/tasks/1/2/3", "/api//tasks", "/API/TASKS"]
    {
        add("GET", path, 404, "NOT_FOUND", "");
    }
    add("PUT", "/api/tasks", 405, "METHOD_NOT_ALLOWED", "");
    add("DELETE", "/api/tasks", 405, "METHOD_NOT_ALLOWED", "");
    add("POST", "/api/queue", 405, "METHOD_NOT_ALLOWED", "");
    add("PATCH", &format!("/api/tasks/{}", ids.open_task), 405, "METHOD_NOT_ALLOWED", "");
    add("GET", &format!("/api/jobs/{}/pause", ids.job), 405, "METHOD_NOT_ALLOWED", "");
    add("TRACE", "/api/tasks", 405, "METHOD_NOT_ALLOWED", "");
    cases
}

#[tokio::test]
async fn each_wrong_request_has_its_code_and_changes_nothing() {
    let app = TestApp::open();
    let ids = populate(&app);
    let before = app.world().fingerprint();
    let mut cases = submissions(&ids);
    cases.extend(batches());
    cases.extend(other_bodies(&ids));
    cases.extend(without_bodies(&ids));
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
