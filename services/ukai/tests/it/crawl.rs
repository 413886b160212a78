//! Crawls from outside: a server that dies in the midst of one goes on, and a real browser walks the sample shop.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use ukai_testkit::fake_worker::{Answer, Ending, FakeWorker, Happening, Observer};
use ukai_testkit::shop::Shop;

use crate::server::{Server, ukai};

/// Pages of the made-up site.
const PAGES: u32 = 3_000;

/// Every page leads to some that lie further on, and back; with the same page in other words.
fn links(url: &str) -> Vec<String> {
    let n: u32 = url.rsplit('/').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut links: Vec<String> =
        (1..=40).map(|k| format!("https://site.example/{}", (n * 40 + k) % PAGES)).collect();
    links.push(format!("https://SITE.example:443/{}?utm_source=walk#top", n / 40));
    links.push(format!("https://elsewhere.example/{n}"));
    links
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_amid_a_crawl_goes_on_where_it_stood() {
    let mut server = Server::start().await;
    let accepted: Arc<Mutex<BTreeMap<String, u32>>> = Arc::default();
    let ending = Ending::default();
    for seed in 0..4 {
        let token = server.ask(Method::POST, "/api/workers", &json!({ "name": format!("w{seed}") })).await;
        let worker = FakeWorker {
            capacity: 8,
            links: Some(links),
            reconnect: Duration::from_millis(200),
            ..FakeWorker::new(&server.url, token["token"].as_str().unwrap(), seed)
        };
        let accepted = Arc::clone(&accepted);
        let observe: Observer = Arc::new(move |happening| {
            if let Happening::Answered { task, answer: Answer::Accepted, .. } = happening {
                *accepted.lock().unwrap().entry(task).or_default() += 1;
            }
        });
        tokio::spawn(worker.run(ending.clone(), observe));
    }
    let crawl = json!({ "maxDepth": 9, "maxPages": 10_000 });
    let start = json!({ "productUrl": "https://site.example/0", "kind": "crawl", "crawl": crawl });
    let task = server.ask(Method::POST, "/api/tasks", &start).await;
    let path = format!("/api/jobs/{}", task["jobId"].as_str().unwrap());
    for pages in [200, 1_200] {
        let at = reach(&server, &path, |job| job["crawl"]["pagesFound"].as_u64() >= Some(pages)).await;
        assert_eq!(at["status"], "running", "{at:#}");
        server.kill();
        server.restart().await;
    }
    let job = reach(&server, &path, |job| job["status"] == "completed").await;
    ending.kill.cancel();
    let crawl = &job["crawl"];
    assert_eq!(
        (&crawl["pagesFound"], &crawl["openExpansions"], &crawl["linksPending"]),
        (&json!(PAGES), &json!(0), &json!(0))
    );
    assert_eq!((&job["counts"]["submitted"], &job["counts"]["completed"]), (&json!(PAGES), &json!(PAGES)));
    // Of 42 links on each page one is foreign, and each page but the first was found once.
    let skipped = &crawl["linksSkipped"];
    assert_eq!(
        (&skipped["scope"], &skipped["duplicate"]),
        (&json!(PAGES), &json!(PAGES * 41 - (PAGES - 1))),
        "{skipped}"
    );
    assert!(accepted.lock().unwrap().values().all(|times| *times == 1));
    let mut seen = BTreeMap::new();
    let mut after = String::new();
    loop {
        let id = task["jobId"].as_str().unwrap();
        let page = server.get(&format!("/api/tasks?jobId={id}&limit=100{after}")).await;
        for task in page["items"].as_array().unwrap() {
            *seen.entry(task["productUrl"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        after = format!("&cursor={cursor}");
    }
    assert_eq!(seen.len(), PAGES as usize);
    assert!(seen.values().all(|times| *times == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_walks_the_shop_and_reads_every_product_once() {
    let (shop_url, shop) = Shop::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let server = Server::start_with(&["--allow-private-targets"]).await;
    let token = server.ask(Method::POST, "/api/workers", &json!({ "name": "walker" })).await;
    let folder = tempfile::tempdir().unwrap();
    let _worker = worker(&server, token["token"].as_str().unwrap(), folder.path());

    // The command line makes the same crawl as a request.
    let command = [
        "job",
        "add",
        "--kind",
        "crawl",
        &format!("{shop_url}/list"),
        "--name",
        "walk",
        "--max-depth",
        "6",
        "--include",
        "/product/*",
        "--include",
        "/list*",
        "--include",
        "/blocked",
        "--include",
        "/login",
        "--json",
    ]
    .map(str::to_owned);
    let (url, key) = (server.url.clone(), server.key());
    let made = tokio::task::spawn_blocking(move || {
        ukai().args(command).args(["--url", &url, "--key", key]).output().unwrap()
    });
    let made = made.await.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let job: Value = serde_json::from_slice(&made.stdout).unwrap();
    let path = format!("/api/jobs/{}", job["id"].as_str().unwrap());
    // Beside it: two pages deep at most, few pages, a page that robots.txt forbids.
    let small =
        start(&server, &format!("{shop_url}/list"), &json!({ "maxPages": 3, "include": ["/static/*"] }))
            .await;
    let flat = start(&server, &format!("{shop_url}/static/1"), &json!({ "maxDepth": 0 })).await;
    let forbidden = start(&server, &format!("{shop_url}/blocked"), &json!({})).await;

    let ended = |job: &Value| matches!(job["status"].as_str(), Some("completed" | "failed"));
    let job = reach(&server, &path, ended).await;
    assert_eq!((&job["status"], &job["name"]), (&json!("completed"), &json!("walk")), "{job:#}");
    let mut products = 0;
    for n in 1.. {
        match shop.shop.requests(&format!("/product/{n}")) {
            0 => break,
            times => assert_eq!(times, 1, "/product/{n}"),
        }
        products += 1;
    }
    assert_eq!(products, 60);
    // Page 1 of the list under two addresses, four more, and the products.
    let crawl = &job["crawl"];
    assert_eq!(
        (&crawl["pagesFound"], &job["counts"]["completed"]),
        (&json!(60 + 6), &json!(60 + 6)),
        "{job:#}"
    );
    assert!(
        crawl["linksSkipped"]["robots"].as_u64() >= Some(5)
            && crawl["linksSkipped"]["nofollow"].as_u64() >= Some(5),
        "{crawl:#}"
    );
    assert!(crawl["linksSkipped"]["pattern"].as_u64() > Some(0), "{crawl:#}");
    assert_eq!((shop.shop.requests("/blocked"), shop.shop.requests("/login")), (0, 0));
    assert_eq!(shop.shop.requests("/robots.txt"), 1);

    let small = reach(&server, &small, ended).await;
    assert_eq!(
        (&small["status"], &small["crawl"]["pagesFound"]),
        (&json!("completed"), &json!(3)),
        "{small:#}"
    );
    let flat = reach(&server, &flat, ended).await;
    assert_eq!(flat["crawl"]["pagesFound"], 1);
    assert!(flat["crawl"]["linksSkipped"]["depth"].as_u64() > Some(0), "{flat:#}");
    let forbidden = reach(&server, &forbidden, ended).await;
    assert_eq!(forbidden["status"], "failed");
    let tasks = server.get(&format!("/api/tasks?jobId={}", forbidden["id"].as_str().unwrap())).await;
    let task = &tasks["items"][0];
    assert_eq!((&task["error"]["type"], &task["run"]), (&json!("BLOCKED"), &json!(1)), "{task:#}");
    assert!(task["error"]["message"].as_str().unwrap().contains("robots.txt"), "{task:#}");
    // A task that says itself how its page is read, as text and as an object.
    let text = "name = \"own\"\n[[page]]\nkind = \"product\"\n[page.fields]\nproductTitle = \"title\"\n";
    let object =
        json!({ "name": "own", "page": [{ "kind": "product", "fields": { "productTitle": "title" } }] });
    let truth = shop.shop.truth("/product/4").unwrap().title.unwrap();
    for recipe in [json!(text), object] {
        let body = json!({ "productUrl": format!("{shop_url}/product/4"), "options": { "recipe": recipe } });
        let task = server.ask(Method::POST, "/api/tasks", &body).await;
        let path = format!("/api/tasks/{}", task["id"].as_str().unwrap());
        let task = reach(&server, &path, |task| task["status"] == "completed").await;
        let title = task["result"]["productTitle"].as_str().unwrap();
        assert!(title.contains(&truth) && title != truth, "{title} of {truth}: {task:#}");
    }
    shop.stop().await.unwrap();
}

/// The path of the job.
async fn start(server: &Server, url: &str, crawl: &Value) -> String {
    let body = json!({ "productUrl": url, "kind": "crawl", "crawl": crawl });
    let task = server.ask(Method::POST, "/api/tasks", &body).await;
    format!("/api/jobs/{}", task["jobId"].as_str().unwrap())
}

async fn reach(server: &Server, path: &str, there: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let job = server.get(path).await;
        if there(&job) {
            return job;
        }
        assert!(begun.elapsed() < Duration::from_secs(300), "it never gets there: {job:#}\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Ended with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        // It ends its browser.
        let _already_gone = nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM);
        let _reaped = self.0.wait();
    }
}

fn worker(server: &Server, token: &str, folder: &std::path::Path) -> Killed {
    let child = ukai()
        .args([
            "worker",
            "--server",
            &server.url,
            "--name",
            "walker",
            "--capacity",
            "6",
            "--allow-private-targets",
        ])
        .args(["--min-delay-ms", "0", "--max-delay-ms", "0", "--ipinfo-url", "off", "--block-images"])
        .arg("--state-dir")
        .arg(folder.join("state"))
        .env("UKAI_TOKEN", token)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Killed(child)
}
