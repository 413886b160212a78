//! The whole way with a real Chromium: the sample shop's pages, filled in by script.

use serde_json::Value;
use tokio::task::JoinHandle;
use ukai_boot::Shutdown;
use ukai_testkit::shop::Shop;

use crate::{
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
