//! Workers and hosts.

use crate::fake::NOW;
use crate::kit::TestApp;
use serde_json::{Value, json};
use ukai_api::secret;
use ukai_domain::NetworkInfo;

#[tokio::test]
async fn a_worker_gets_its_token_once() {
    let app = TestApp::open();
    let mut worker = app.post("/api/workers", &json!({ "name": "office-1" })).await.expect(201);
    let token = worker["token"].as_str().expect("a token").to_owned();
    assert!(token.starts_with("ukw_") && token.len() == 53, "{token}");
    let sent = app.world().last_worker.clone().expect("a worker");
    assert_eq!((sent.token_prefix, sent.token_hash), (token[..16].to_owned(), secret::hash(&token)));
    insta::assert_json_snapshot!(worker, { ".token" => "[token]" });
    worker.as_object_mut().expect("an object").remove("token");
    let path = format!("/api/workers/{}", worker["id"].as_str().expect("id"));
    assert_eq!(app.get(&path).await.expect(200), worker);
    assert_eq!(app.get("/api/workers").await.expect(200)["items"], json!([worker]));
    assert_eq!(app.delete(&path).await.expect(204), Value::Null);
    app.get(&path).await.expect_error(404, "WORKER_NOT_FOUND");
}

#[tokio::test]
async fn a_connected_worker_shows_what_it_said() {
    let app = TestApp::open();
    let id = {
        let mut world = app.world();
        let id = world.add_worker("w", "busy");
        let task = ukai_domain::TaskId(world.id());
        let view = world.workers.get_mut(&id).expect("a worker");
        view.current_tasks = vec![task];
        view.row.network = NetworkInfo {
            external_ip: "203.0.113.7".into(),
            isp_name: "Net".into(),
            last_checked_at: String::new(),
        };
        view.row.stats.uptime = 12.5;
        view.row.last_heartbeat_at = Some(NOW);
        view.row.connected_at = Some(NOW);
        view.last_error = Some("no display".to_owned());
        id
    };
    insta::assert_json_snapshot!(app.get(&format!("/api/workers/{id}")).await.expect(200));
}

#[tokio::test]
async fn reset_needs_a_block() {
    let app = TestApp::open();
    let (blocked, idle) = {
        let mut world = app.world();
        (world.add_worker("b", "blocked"), world.add_worker("i", "idle"))
    };
    assert_eq!(app.get(&format!("/api/workers/{blocked}")).await.expect(200)["blockedReason"], "captcha");
    let reset = app.post(&format!("/api/workers/{blocked}/reset"), &json!({})).await.expect(200);
    assert_eq!((&reset["status"], &reset["blockedReason"]), (&json!("idle"), &Value::Null));
    app.post(&format!("/api/workers/{idle}/reset"), &json!({})).await.expect_error(409, "CONFLICT");
}

#[tokio::test]
async fn a_config_changes_what_it_names() {
    let app = TestApp::open();
    let id = app.world().add_worker("w", "idle");
    let path = format!("/api/workers/{id}/config");
    let limit = json!({ "minDelayMs": 100, "maxDelayMs": 200 });
    let first = app.json("PATCH", &path, &json!({ "rateLimit": limit })).await.expect(200);
    assert_eq!(first["config"], json!({ "rateLimit": limit, "headless": null }));
    let second = app.json("PATCH", &path, &json!({ "headless": false })).await.expect(200);
    assert_eq!(second["config"], json!({ "rateLimit": limit, "headless": false }));
}

#[tokio::test]
async fn hosts_are_set_as_a_whole() {
    let app = TestApp::open();
    insta::assert_json_snapshot!(app.get("/api/hosts/Shop.Example").await.expect(200));
    let both = json!({ "minIntervalMs": 1000, "maxConcurrency": 2 });
    let set = app.json("PUT", "/api/hosts/shop.example", &both).await.expect(200);
    assert_eq!((&set["minIntervalMs"], &set["maxConcurrency"]), (&json!(1000), &json!(2)));
    let one = app.json("PUT", "/api/hosts/SHOP.example", &json!({ "maxConcurrency": 1 })).await.expect(200);
    assert_eq!((&one["minIntervalMs"], &one["host"]), (&json!(0), &json!("shop.example")));
}

#[tokio::test]
async fn workers_are_paged() {
    let app = TestApp::open();
    (0..5).for_each(|n| {
        app.world().add_worker(&format!("w{n}"), "idle");
    });
    let list = app.get("/api/workers?page=2&limit=2").await.expect(200);
    assert_eq!((&list["total"], &list["items"][0]["name"]), (&json!(5), &json!("w2")));
}
