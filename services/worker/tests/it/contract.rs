//! What the contract asks of a worker, event by event.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    pages::Pages,
    server::{Server, soon},
    worker::{Worker, config},
};

#[tokio::test]
async fn introduces_itself_and_beats_as_often_as_the_server_says() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let worker = Worker::start(config(&server.address, state.path(), &["--capacity", "2"]), Pages::new());
    let auth = server.connected().await;
    assert_eq!(
        auth,
        json!({"token": "good", "name": "test", "capacity": 2, "capabilities": ["scrape", "crawl"], "inFlight": []})
    );
    for _ in 0..3 {
        let beat = server.heartbeat(|_| true).await;
        assert_eq!(beat["status"], "idle");
        assert_eq!(beat["networkInfo"], json!({"externalIp": "", "ispName": "", "lastCheckedAt": ""}));
        assert!(beat["stats"]["uptime"].is_u64() && beat.get("currentTaskId").is_none());
    }
    worker.stop();
    assert_eq!(server.expect("worker:draining").await, json!({"reason": "shutdown"}));
    worker.ended().await.unwrap();
}

#[tokio::test]
async fn a_page_becomes_a_record() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let _worker = Worker::start(config(&server.address, state.path(), &[]), Pages::new());
    server.connected().await;
    let options = json!({"options": {"screenshot": true, "html": true}, "kind": "scrape", "jobId": "x"});
    server.assign("t-1", Some(4), "http://shop.example/lamp", options).await;
    let started = server.expect("task:started").await;
    assert_eq!((&started["taskId"], &started["run"]), (&json!("t-1"), &json!(4)));
    let done = server.expect("task:completed").await;
    assert_eq!((&done["taskId"], &done["run"], &done["kind"]), (&json!("t-1"), &json!(4), &json!("product")));
    let result = &done["result"];
    assert_eq!(result["productTitle"], "Brass Lamp");
    assert_eq!((&result["price"], &result["currency"]), (&json!(49.9), &json!("EUR")));
    assert_eq!((&result["rating"], &result["isAvailable"]), (&json!(4.5), &json!(true)));
    for key in ["originalPrice", "reviewCount", "availability", "imageUrls", "asin"] {
        assert!(result.get(key).is_some(), "{key} is never absent");
    }
    assert_eq!(
        (&done["metrics"]["pageLoadTimeMs"], &done["metrics"]["browser"]),
        (&json!(5), &json!("FakeChrome/1"))
    );
    assert!(
        done["metrics"]["scrapeDurationMs"].is_u64() && done["completedAt"].as_str().unwrap().ends_with('Z')
    );
    let kinds: Vec<_> = done["artifacts"].as_array().unwrap().iter().map(|entry| &entry["kind"]).collect();
    assert_eq!(kinds, ["screenshot", "html"]);
    assert_eq!(server.files.brought().len(), 2);
    let beat = server.heartbeat(|beat| beat["stats"]["tasksCompleted"] == 1).await;
    assert_eq!(beat["status"], "idle");
}

#[tokio::test]
async fn what_is_no_result_fails_with_the_contracts_word() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let _worker = Worker::start(config(&server.address, state.path(), &[]), Pages::new());
    server.connected().await;
    for (path, kind) in
        [("captcha", "CAPTCHA"), ("down", "NETWORK"), ("late", "TIMEOUT"), ("panics", "PARSE_ERROR")]
    {
        server.assign(path, Some(1), &format!("http://shop.example/{path}"), Value::Null).await;
        server.expect("task:started").await;
        let failed = server.expect("task:failed").await;
        assert_eq!(failed["error"]["type"], kind, "{failed:#}");
        assert!(failed["error"]["message"].is_string() && failed["metrics"]["attemptDurationMs"].is_u64());
    }
    server.assign("bad", Some(1), "no address", Value::Null).await;
    server.expect("task:started").await;
    assert_eq!(server.expect("task:failed").await["error"]["type"], "NETWORK");
    server.assign("gone", Some(1), "http://shop.example/missing", Value::Null).await;
    server.expect("task:started").await;
    let gone = server.expect("task:completed").await;
    assert_eq!(
        (&gone["result"]["productTitle"], &gone["result"]["isAvailable"]),
        (&json!(""), &json!(false))
    );
    assert_eq!(gone["verdict"], "NOT_FOUND");
}

#[tokio::test]
async fn a_task_can_say_how_its_page_is_read() {
    let state = tempfile::tempdir().unwrap();
    let recipes = tempfile::tempdir().unwrap();
    let recipe = |name: &str, css: &str| {
        format!("name = \"{name}\"\n[[page]]\nkind = \"product\"\n[page.fields]\nproductTitle = \"{css}\"\n")
    };
    std::fs::write(recipes.path().join("words.toml"), recipe("words", "p")).unwrap();
    std::fs::write(recipes.path().join("notes.txt"), "no recipe").unwrap();
    let more = ["--recipes", recipes.path().to_str().unwrap()];
    let mut server = Server::start("127.0.0.1:0").await;
    let _worker = Worker::start(config(&server.address, state.path(), &more), Pages::new());
    server.connected().await;
    let object = json!({"name": "own", "page": [{"kind": "product", "fields": {"productTitle": "title"}}]});
    // Tasks of their own: one that comes again while its report is on its way is not run again.
    for (task, asked, title) in [
        ("a", Value::Null, "Brass Lamp"),
        ("b", json!("words"), "A lamp of brass, in stock. 49,90 €"),
        ("c", json!(recipe("own", "title")), "Lamp"),
        ("d", object, "Lamp"),
    ] {
        server.assign(task, Some(1), "http://shop.example/lamp", json!({ "recipe": asked })).await;
        server.expect("task:started").await;
        assert_eq!(server.expect("task:completed").await["result"]["productTitle"], title, "{asked}");
    }
    server.assign("t", Some(2), "http://shop.example/lamp", json!({ "recipe": "unheard of" })).await;
    server.expect("task:started").await;
    let failed = server.expect("task:failed").await;
    assert_eq!(failed["error"]["type"], "PARSE_ERROR");
    assert_eq!(failed["error"]["message"], "the task's recipe: no recipe here is named `unheard of`");
}

#[tokio::test]
async fn a_recipe_of_its_own_that_cannot_be_used_keeps_a_worker_from_starting() {
    let state = tempfile::tempdir().unwrap();
    let recipes = tempfile::tempdir().unwrap();
    let server = Server::start("127.0.0.1:0").await;
    let folder = recipes.path().join("none");
    let more = ["--recipes", folder.to_str().unwrap()];
    let worker = Worker::start(config(&server.address, state.path(), &more), Pages::new());
    assert!(worker.ended().await.unwrap_err().to_string().starts_with("--recipes "));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("lamps.toml"), "name = \"lamps\"\n").unwrap();
    let worker = Worker::start(config(&server.address, state.path(), &more), Pages::new());
    let error = worker.ended().await.unwrap_err().to_string();
    assert!(error.contains("lamps.toml:1:1: `page` is missing"), "{error}");
}

#[tokio::test]
async fn a_crawls_page_comes_with_its_links_and_a_forbidden_one_not_at_all() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let pages = Pages::new();
    let _worker = Worker::start(config(&server.address, state.path(), &[]), pages.clone());
    server.connected().await;
    let crawl = |rules: Value| json!({"kind": "crawl", "crawl": rules});
    server.assign("open", Some(1), "http://shop.example/lamp", crawl(json!({"scope": "any"}))).await;
    server.expect("task:started").await;
    let done = server.expect("task:completed").await;
    assert_eq!((&done["links"], &done["finalUrl"]), (&json!([]), &json!("http://shop.example/lamp")));
    assert_eq!(done["linksSkipped"], json!({"robots": 0, "nofollow": 0, "file": 0, "cut": 0}));
    server
        .assign("closed", Some(2), "http://closed.example/lamp", crawl(json!({"scope": "unheard of"})))
        .await;
    server.expect("task:started").await;
    let failed = server.expect("task:failed").await;
    assert_eq!((&failed["error"]["type"], &failed["run"]), (&json!("BLOCKED"), &json!(2)));
    assert_eq!(failed["error"]["details"], "ROBOTS_DISALLOWED");
    assert_eq!(pages.asked.lock().unwrap().len(), 1);
    // It is no block of this worker, however often it happens.
    for n in 0..4 {
        server.assign(&n.to_string(), Some(1), "http://closed.example/", crawl(Value::Null)).await;
        server.expect("task:started").await;
        server.expect("task:failed").await;
    }
    let beat = server.heartbeat(|beat| beat["stats"]["tasksFailed"] == 5).await;
    assert_eq!(beat["status"], "idle");
}

#[tokio::test]
async fn a_server_that_speaks_the_contract_alone_is_served_too() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let worker = Worker::start(config(&server.address, state.path(), &[]), Pages::new());
    server.connected().await;
    server.assign("t", None, "http://shop.example/lamp", Value::Null).await;
    assert!(server.expect("task:started").await.get("run").is_none());
    assert!(server.expect("task:completed").await.get("run").is_none());
    worker.stop();
    server.expect("worker:draining").await;
    worker.ended().await.unwrap();
}

#[tokio::test]
async fn a_refused_token_ends_the_worker_with_the_servers_words() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start("127.0.0.1:0").await;
    let worker = Worker::start(config(&server.address, state.path(), &["--token", "bad"]), Pages::new());
    let error = worker.ended().await.unwrap_err();
    assert!(error.to_string().contains("unknown token"), "{error:#}");
    assert!(error.is::<ukai_worker::Refused>(), "{error:?}");
}

#[tokio::test]
async fn a_change_of_the_public_address_is_told() {
    let state = tempfile::tempdir().unwrap();
    let address = Arc::new(Mutex::new("198.51.100.1".to_owned()));
    let now = Arc::clone(&address);
    let answer =
        axum::routing::get(async move || json!({"ip": *now.lock().unwrap(), "org": "AS1 Net"}).to_string());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/json", listener.local_addr().unwrap());
    tokio::spawn(
        async move { axum::serve(listener, axum::Router::new().route("/json", answer)).await.unwrap() },
    );
    let mut server = Server::start("127.0.0.1:0").await;
    let asking = ["--ipinfo-url", &url, "--ipinfo-every-s", "1"];
    let _worker = Worker::start(config(&server.address, state.path(), &asking), Pages::new());
    server.connected().await;
    let beat = server.heartbeat(|beat| beat["networkInfo"]["externalIp"] == "198.51.100.1").await;
    assert_eq!(beat["networkInfo"]["ispName"], "AS1 Net");
    *address.lock().unwrap() = "198.51.100.2".to_owned();
    let changed = server.expect("worker:network_changed").await;
    assert_eq!(
        (&changed["previousIp"], &changed["currentIp"]),
        (&json!("198.51.100.1"), &json!("198.51.100.2"))
    );
    assert_eq!((&changed["previousIsp"], &changed["currentIsp"]), (&json!("AS1 Net"), &json!("AS1 Net")));
    assert!(changed["changedAt"].is_string());
}

#[tokio::test]
async fn the_public_address_is_asked_for_again_after_a_reconnect() {
    let state = tempfile::tempdir().unwrap();
    let (asked, mut questions) = tokio::sync::mpsc::channel(16);
    let answer = axum::routing::get(async move |headers: axum::http::HeaderMap| {
        let token = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        asked.send(token).await.unwrap();
        // No answer that could be read: nothing of it hurts the worker.
        (axum::http::StatusCode::BAD_GATEWAY, "<html>")
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/json", listener.local_addr().unwrap());
    tokio::spawn(
        async move { axum::serve(listener, axum::Router::new().route("/json", answer)).await.unwrap() },
    );
    let mut server = Server::start("127.0.0.1:0").await;
    let address = server.address.clone();
    let asking = ["--ipinfo-url", &url, "--ipinfo-token", "its-token"];
    let _worker = Worker::start(config(&server.address, state.path(), &asking), Pages::new());
    server.connected().await;
    assert_eq!(soon(questions.recv()).await.unwrap().as_deref(), Some("Bearer its-token"));
    server.stop().await;
    let mut server = Server::start(&address).await;
    server.connected().await;
    assert!(soon(questions.recv()).await.is_some());
    server.assign("t", Some(1), "http://shop.example/lamp", Value::Null).await;
    server.expect("task:started").await;
    server.expect("task:completed").await;
    assert_eq!(server.heartbeat(|_| true).await["networkInfo"]["externalIp"], "");
}

#[tokio::test]
async fn two_workers_never_share_a_state_folder() {
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let _first = Worker::start(config(&server.address, state.path(), &[]), Pages::new());
    server.connected().await;
    let second = Worker::start(config(&server.address, state.path(), &[]), Pages::new());
    let error = tokio::time::timeout(Duration::from_secs(5), second.ended()).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("another worker"), "{error:#}");
}
