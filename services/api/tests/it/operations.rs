//! Health, metrics, the reference page, and what happens when others are away.

use crate::kit::{TestApp, request};
use axum::body::Body;
use serde_json::json;
use std::time::{Duration, Instant};
use ukai_api::{AuthMode, Limits};
use ukai_store::KeyRole;

#[tokio::test]
async fn health_is_open_and_metrics_count() {
    let app = TestApp::new(AuthMode::On, Limits::default());
    app.get("/healthz").await.expect(200);
    assert_eq!(app.get("/readyz").await.expect(503)["version"], "1.0.0");
    app.health.set("store", true);
    assert_eq!(app.get("/readyz").await.expect(200)["ready"], true);
    app.get("/metrics").await.expect_error(401, "AUTH_FAILED");
    let key = app.key(KeyRole::Viewer);
    let scrape = || request("GET", "/metrics").header("authorization", format!("Bearer {key}"));
    let text = app.send(scrape().body(Body::empty()).expect("a request")).await;
    let text = String::from_utf8(text.bytes).expect("text");
    assert!(
        text.contains(r#"ukai_api_requests_total{method="GET",route="/readyz",status="503"} 1"#),
        "{text}"
    );
    assert!(
        text.contains(r#"ukai_api_request_duration_seconds_count{method="GET",route="/readyz"} 2"#),
        "{text}"
    );
    app.get("/api/nothing/here").await.expect(404);
    let text = app.send(scrape().body(Body::empty()).expect("a request")).await;
    assert!(String::from_utf8_lossy(&text.bytes).contains(r#"route="unmatched",status="404"} 1"#));
}

#[tokio::test]
async fn the_reference_page_is_served_from_the_binary() {
    let app = TestApp::new(AuthMode::On, Limits::default());
    let to_page = app.get("/docs").await;
    assert_eq!(
        (to_page.status.as_u16(), &to_page.headers["location"]),
        (307, &"/api/docs".parse().expect("ok"))
    );
    assert_eq!(app.get("/api/docs").await.headers["location"], "/api/docs/");
    let page = app.get("/api/docs/").await;
    assert_eq!(page.status.as_u16(), 200);
    let text = String::from_utf8_lossy(&page.bytes).into_owned();
    assert!(!text.contains("http://") && !text.contains("https://"), "nothing from elsewhere: {text}");
    let script = app.get("/api/docs/swagger-initializer.js").await;
    assert!(String::from_utf8_lossy(&script.bytes).contains("/api/openapi.json"));
    assert_eq!(app.get("/api/docs/swagger-ui-bundle.js").await.status.as_u16(), 200);
    app.get("/api/docs/no-such-file").await.expect_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn without_a_leader_commands_are_told_to_come_back() {
    let app = TestApp::open();
    app.world().leaderless = true;
    let answer = app.post("/api/tasks", &json!({ "productUrl": "https://shop.example/" })).await;
    assert_eq!(answer.headers["retry-after"], "1");
    answer.expect_error(503, "UNAVAILABLE");
    app.get("/api/tasks").await.expect(200);
    app.get("/api/workers").await.expect_error(503, "UNAVAILABLE");
}

#[tokio::test]
async fn a_silent_scheduler_is_not_waited_for_for_ever() {
    assert_eq!(Limits::default().call, Duration::from_secs(3));
    let app = TestApp::new(AuthMode::Off, Limits { call: Duration::from_millis(50), ..Limits::default() });
    app.world().silent = true;
    let started = Instant::now();
    let answer = app.post("/api/jobs", &json!({ "name": "j" })).await;
    answer.expect_error(503, "UNAVAILABLE");
    assert!(started.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let app =
        TestApp::new(AuthMode::Off, Limits { body_time: Duration::from_millis(50), ..Limits::default() });
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    sender.send(Ok(b"{".to_vec())).await.expect("open");
    let chunks = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    let post = request("POST", "/api/tasks").header("content-type", "application/json");
    let answer = app.send(post.body(Body::from_stream(chunks)).expect("a request")).await;
    answer.expect_error(400, "INVALID_PAYLOAD");
    drop(sender);
}

#[tokio::test]
async fn answers_are_not_kept_by_others() {
    let app = TestApp::open();
    let answer = app.post("/api/workers", &json!({ "name": "w" })).await;
    assert_eq!(
        (&answer.headers["cache-control"], &answer.headers["x-content-type-options"]),
        (
            &"no-store".parse::<axum::http::HeaderValue>().expect("ok"),
            &"nosniff".parse::<axum::http::HeaderValue>().expect("ok"),
        )
    );
}

#[tokio::test]
async fn a_store_that_is_away_is_503_and_says_nothing_internal() {
    let app = TestApp::new(AuthMode::On, Limits::default());
    let key = app.key(KeyRole::Admin);
    app.world().store_down = true;
    let get = request("GET", "/api/tasks").header("authorization", format!("Bearer {key}"));
    let error = app.send(get.body(Body::empty()).expect("a request")).await.expect_error(503, "UNAVAILABLE");
    assert!(!error.to_string().contains("secret"), "{error}");
}
