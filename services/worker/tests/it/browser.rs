//! The whole way with a real Chromium: the sample shop's pages, filled in by script.

use serde_json::Value;
use tokio::task::JoinHandle;
use ukai_boot::Shutdown;
use ukai_testkit::shop::Shop;

use crate::{
    program::{Program, until},
    server::{Server, soon},
    worker::config,
};

#[tokio::test]
async fn scrapes_the_sample_shop() {
    let state = tempfile::tempdir().unwrap();
    let (base, shop) = Shop::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let shutdown = Shutdown::new();
    let config = config(&server.address, state.path(), &["--allow-private-targets", "--capacity", "2"]);
    let worker: JoinHandle<anyhow::Result<()>> =
        tokio::spawn(Box::pin(ukai_worker::run(config, shutdown.clone())));
    server.connected().await;
    let asin = shop.shop.catalog().item(5).asin();
    let paths = ["/product/1", "/product/2?wait=700", "/jsonld/3", "/jsonld/4", &format!("/dp/{asin}")];
    let paths = paths.map(str::to_owned);
    for path in &paths {
        let more = serde_json::json!({"options": {"screenshot": true}});
        server.assign(path, Some(1), &format!("{base}{path}"), more).await;
    }
    let mut left = paths.len();
    while left > 0 {
        let (name, payload) = server.next().await;
        assert_ne!(name, "task:failed", "{payload:#}");
        if name != "task:completed" {
            continue;
        }
        left -= 1;
        let path = payload["taskId"].as_str().unwrap();
        let truth = shop.shop.truth(path).unwrap();
        let result = &payload["result"];
        assert_eq!(result["productTitle"].as_str(), truth.title.as_deref(), "{path}");
        assert_eq!(result["price"].as_f64(), truth.price, "{path}");
        assert!(payload["metrics"]["browser"].as_str().unwrap().contains("Chrome/"));
        let entry = &payload["artifacts"][0];
        assert_eq!((&entry["kind"], &entry["contentType"]), (&"screenshot".into(), &"image/png".into()));
        let brought = server.files.brought();
        let picture = brought.iter().find(|file| file.query["taskId"] == crate::server::id(path)).unwrap();
        assert!(picture.bytes.starts_with(b"\x89PNG"), "{path}");
        assert_eq!(result["asin"].as_str(), truth.asin.as_deref(), "{path}");
        assert_eq!(result["isAvailable"], truth.is_available, "{path}");
    }
    for (path, kind) in [("/captcha", "CAPTCHA"), ("/throttled", "THROTTLED"), ("/login", "BLOCKED")] {
        server.assign(path, Some(1), &format!("{base}{path}"), Value::Null).await;
        server.expect("task:started").await;
        assert_eq!(server.expect("task:failed").await["error"]["type"], kind, "{path}");
    }
    server.assign("/nowhere", Some(1), &format!("{base}/nowhere"), Value::Null).await;
    server.expect("task:started").await;
    assert_eq!(server.expect("task:completed").await["verdict"], "NOT_FOUND");
    shutdown.stop();
    server.expect("worker:draining").await;
    soon(worker).await.unwrap().unwrap();
}

#[tokio::test]
async fn shows_a_page_that_is_on_its_way() {
    let state = tempfile::tempdir().unwrap();
    let (base, shop) = Shop::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let shutdown = Shutdown::new();
    let config = config(&server.address, state.path(), &["--allow-private-targets"]);
    let worker: JoinHandle<anyhow::Result<()>> =
        tokio::spawn(Box::pin(ukai_worker::run(config, shutdown.clone())));
    server.connected().await;
    let page = format!("{base}/slow?ms=5000&drip=1&n=2");
    server.assign("/slow?n=2", Some(3), &page, Value::Null).await;
    server.expect("task:started").await;
    let id = crate::server::id("/slow?n=2");
    // Only one at a time: what comes while one is being taken is dropped.
    for _ in 0..2 {
        let wish = serde_json::json!({"screenshot": true, "taskId": id, "run": 3});
        server.emit("worker:config_update", wish).await;
    }
    let done = server.expect("task:completed").await;
    let brought = server.files.brought();
    let [live] = &brought[..] else { panic!("{} files", brought.len()) };
    let said = |key: &str| live.query[key].as_str();
    assert_eq!((said("kind"), said("taskId"), said("run")), ("live", id.as_str(), "3"));
    assert!(said("name").starts_with("live-2") && said("name").ends_with(".png"), "{}", said("name"));
    assert!(live.content_type == "image/png" && live.bytes.starts_with(b"\x89PNG"));
    assert_eq!(done["artifacts"], serde_json::json!([]), "it is no part of the result: {done:#}");
    let truth = shop.shop.truth("/slow?n=2").unwrap();
    assert_eq!(done["result"]["productTitle"].as_str(), truth.title.as_deref());
    shutdown.stop();
    server.expect("worker:draining").await;
    soon(worker).await.unwrap().unwrap();
    assert!(!state.path().join("artifacts").exists(), "nothing of it is kept here");
}

#[tokio::test]
async fn the_program_ends_in_order_on_sigterm_and_leaves_no_browser() {
    let folder = tempfile::tempdir().unwrap();
    let profiles = folder.path().join("profiles");
    std::fs::create_dir(&profiles).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_ukai-worker"))
        .args(["--server", &format!("http://{}", server.address), "--name", "program", "--ipinfo-url", "off"])
        .env("UKAI_TOKEN", "good")
        .env("UKAI_STATE_DIR", folder.path().join("state"))
        .env("UKAI_BROWSER_PROFILES", &profiles)
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    assert_eq!(server.connected().await["name"], "program");
    assert_eq!(std::fs::read_dir(&profiles).unwrap().count(), 1);
    // A target on this machine is refused unless it was allowed.
    server.assign("t", Some(1), "http://127.0.0.1:9/", Value::Null).await;
    server.expect("task:started").await;
    let failed = server.expect("task:failed").await;
    assert!(failed["error"]["message"].as_str().unwrap().contains("not allowed"), "{failed:#}");
    let id = i32::try_from(program.id().unwrap()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM).unwrap();
    server.expect("worker:draining").await;
    let mut log = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut program.stderr.take().unwrap(), &mut log).await.unwrap();
    assert!(soon(program.wait()).await.unwrap().success(), "{log}");
    assert_eq!(std::fs::read_dir(&profiles).unwrap().count(), 0, "the browser and its folder are gone");
    assert!(log.contains("registered") && !log.contains("good"), "no token in the log: {log}");
}

#[tokio::test]
async fn a_second_signal_ends_the_program_at_once() {
    let (base, _shop) = Shop::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let mut program = Program::start(
        std::path::Path::new(env!("CARGO_BIN_EXE_ukai-worker")),
        &server.address,
        &["--allow-private-targets"],
    );
    server.connected().await;
    server.assign("slow", Some(1), &format!("{base}/slow?ms=60000"), Value::Null).await;
    server.expect("task:started").await;
    program.signal(nix::sys::signal::Signal::SIGTERM);
    // It finishes what it has begun.
    server.expect("worker:draining").await;
    assert!(program.child.try_wait().unwrap().is_none());
    program.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(soon(program.child.wait()).await.unwrap().code(), Some(130));
    until("its browser is gone", || program.family().is_empty()).await;
}

#[tokio::test]
async fn crawls_as_far_as_robots_may() {
    let state = tempfile::tempdir().unwrap();
    let (base, shop) = Shop::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let shutdown = Shutdown::new();
    // With the guard in between, as it is outside of tests.
    let target = base.trim_start_matches("http://").to_owned();
    let config = config(&server.address, state.path(), &["--allow-target", &target]);
    let worker = tokio::spawn(Box::pin(ukai_worker::run(config, shutdown.clone())));
    server.connected().await;
    let crawl = |more: Value| serde_json::json!({"kind": "crawl", "crawl": more});
    server
        .assign("list", Some(1), &format!("{base}/list?page=2"), crawl(serde_json::json!({"maxDepth": 2})))
        .await;
    server.expect("task:started").await;
    let done = server.expect("task:completed").await;
    let links: Vec<&str> = done["links"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for path in ["/product/13", "/product/24", "/list", "/list?page=1", "/list?page=3", "/static/1"] {
        assert!(links.contains(&format!("{base}{path}").as_str()), "{path}: {links:?}");
    }
    assert!(links.iter().all(|link| !link.ends_with("/blocked") && !link.ends_with("/login")), "{links:?}");
    let skipped = serde_json::json!({"robots": 1, "nofollow": 1, "file": 0, "cut": 0});
    assert_eq!((&done["linksSkipped"], &done["finalUrl"]), (&skipped, &format!("{base}/list?page=2").into()));
    assert_eq!(done["records"].as_array().unwrap().len(), 12, "a crawl brings records too");

    // A page that may not be read is not asked for, also where another leads to it.
    server.assign("no", Some(1), &format!("{base}/blocked"), crawl(Value::Null)).await;
    server.expect("task:started").await;
    let failed = server.expect("task:failed").await;
    assert_eq!(
        (&failed["error"]["type"], &failed["error"]["details"]),
        (&"BLOCKED".into(), &"ROBOTS_DISALLOWED".into())
    );
    assert_eq!((shop.shop.requests("/blocked"), shop.shop.requests("/robots.txt")), (0, 1));
    server.assign("to", Some(1), &format!("{base}/redirect?to=/blocked"), crawl(Value::Null)).await;
    server.expect("task:started").await;
    assert_eq!(server.expect("task:failed").await["error"]["type"], "BLOCKED");
    // Switched off, it is asked for, and refuses by itself.
    let rude = crawl(serde_json::json!({"respectRobots": false}));
    server.assign("rude", Some(1), &format!("{base}/blocked"), rude).await;
    server.expect("task:started").await;
    assert_eq!(server.expect("task:failed").await["error"]["details"], "BLOCKED");
    shutdown.stop();
    server.expect("worker:draining").await;
    soon(worker).await.unwrap().unwrap();
}
