//! The command line as a program sees it: exit codes, JSON, refusals.

use std::process::Output;

use serde_json::Value;

use ukai_testkit::fake_worker::{Ending, FakeWorker};
use ukai_testkit::ports::free_address;

use crate::server::{Server, ukai};

fn run(arguments: &[&str]) -> Output {
    ukai().args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

#[test]
fn help_tells_the_exit_codes() {
    let help = run(&["--help"]);
    assert_eq!(code(&help), 0);
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    for word in [
        "Exit codes",
        "up",
        "worker",
        "scrape",
        "extract",
        "task",
        "job",
        "host",
        "tail",
        "bench",
        "demo",
        "doctor",
    ] {
        assert!(text.contains(word), "{word}");
    }
    assert!(!text.contains("bench-workers"));
}

#[test]
fn wrong_usage_is_2_and_says_what() {
    for (arguments, word) in [
        (&["task", "add"][..], "address"),
        (&["task", "show", "not-an-id"], "not-an-id"),
        (&["task", "add", "--priority", "101", "http://x"], "101"),
        (&["up", "--auth", "off", "--listen", "0.0.0.0:0"], "--auth off"),
        (&["up", "--admin-key", "short"], "--admin-key"),
        (&["up", "--cors-origins", "shop.example"], "--cors-origins"),
        (&["task", "list", "--url", "ftp://x"], "ftp"),
        (&["task", "list", "--log", "inof"], "--log"),
        (&["worker", "--server", "http://h", "--token", "t", "--min-delay-ms", "20000"], "--min-delay-ms"),
        (&["frobnicate"], "frobnicate"),
    ] {
        let refused = run(arguments);
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(code(&refused), 2, "{arguments:?}: {text}");
        assert!(text.contains(word), "{arguments:?}: {text}");
    }
}

#[test]
fn an_unreachable_server_is_5() {
    let url = format!("http://{}", free_address().unwrap());
    let failed = run(&["task", "list", "--url", &url]);
    assert_eq!(code(&failed), 5);
    assert!(String::from_utf8_lossy(&failed.stderr).contains("ukai up"));
}

#[test]
fn a_price_is_read_without_a_server() {
    let read = run(&["extract", "--price", "1.299,00 €"]);
    assert_eq!(code(&read), 0);
    assert_eq!(json(&read)["amount"], 1299.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_steered_by_commands() {
    let server = Server::start().await;
    let ask = |arguments: &[&str]| {
        let mut command = ukai();
        command.args(arguments).args(["--json", "--url", &server.url]).env("UKAI_KEY", server.key());
        command.output().unwrap()
    };
    let added = json(&ask(&["task", "add", "https://www.shop.example/1", "--priority", "70"]));
    let id = added["id"].as_str().unwrap().to_owned();
    assert_eq!(added["priority"], 70);
    assert_eq!(json(&ask(&["task", "show", &id]))["status"], "pending");
    let why = json(&ask(&["task", "why", &id]));
    assert!(why["reason"].is_string(), "{why}");
    let batch = json(&ask(&["task", "add", "https://www.shop.example/2", "https://www.shop.example/3"]));
    assert_eq!(batch["total"], 2);
    assert_eq!(json(&ask(&["task", "list", "--status", "pending"]))["total"], 3);
    let job = batch["jobId"].as_str().unwrap().to_owned();
    assert_eq!(json(&ask(&["job", "pause", &job]))["status"], "paused");
    assert_ne!(json(&ask(&["job", "resume", &job]))["status"], "paused");
    let crawl = [
        "job",
        "add",
        "--kind",
        "crawl",
        "https://a.example/shop/1",
        "--scope",
        "same-path-prefix",
        "--weight",
        "3",
    ];
    let crawl = json(&ask(&crawl));
    assert_eq!(
        (&crawl["kind"], &crawl["weight"], &crawl["crawl"]["pagesFound"]),
        (&"crawl".into(), &3.into(), &1.into())
    );
    assert_eq!(
        (&crawl["name"], &crawl["crawl"]["prefix"]),
        (&"crawl of https://a.example/shop/1".into(), &"/shop/".into())
    );
    assert_eq!(code(&ask(&["job", "add", "two", "names"])), 2);
    assert_eq!(code(&ask(&["job", "add", "name", "--max-depth", "1"])), 2);
    assert_eq!(json(&ask(&["task", "cancel", &id]))["status"], "cancelled");
    assert_eq!(code(&ask(&["task", "cancel", &id])), 1, "it has ended");
    assert_eq!(json(&ask(&["task", "retry", &id]))["status"], "pending");
    let host = json(&ask(&["host", "set", "www.shop.example", "--min-interval-ms", "250"]));
    assert_eq!(host["minIntervalMs"], 250);
    let host = json(&ask(&["host", "set", "www.shop.example", "--max-concurrency", "3"]));
    assert_eq!((&host["minIntervalMs"], &host["maxConcurrency"]), (&250.into(), &3.into()));
    let worker = json(&ask(&["worker-token", "create", "mine"]));
    assert!(worker["token"].as_str().unwrap().len() > 20);
    assert_eq!(json(&ask(&["worker-token", "list"]))["total"], 1);
    assert_eq!(code(&ask(&["worker-token", "revoke", worker["id"].as_str().unwrap()])), 0);
    let worker = json(&ask(&["worker-token", "create", "works"]));
    let ending = Ending::default();
    let works = FakeWorker::new(&server.url, worker["token"].as_str().unwrap(), 1);
    tokio::spawn(works.run(ending.clone(), std::sync::Arc::new(|_| {})));
    let waited = ask(&["task", "add", "https://www.shop.example/4", "https://www.shop.example/5", "--wait"]);
    let records: Vec<Value> = waited
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    assert_eq!(records.len(), 2, "{}", String::from_utf8_lossy(&waited.stderr));
    assert!(records.iter().all(|task| task["result"]["price"] == 23.99));
    ending.kill.cancel();
    let event = ask(&["tail", "--since", "0", "--count", "1"]);
    assert_eq!(json(&event)["seq"], 1);

    assert_eq!(code(&ask(&["task", "show", "00000000-0000-7000-8000-000000000000"])), 4);
    let stranger =
        ukai().args(["task", "list", "--url", &server.url, "--key", "uka_wrong_wrong_wrong"]).output();
    assert_eq!(code(&stranger.unwrap()), 6);
    let second =
        ukai().args(["up", "--listen", "127.0.0.1:0", "--data-dir"]).arg(server.data()).output().unwrap();
    assert_eq!(code(&second), 3, "{}", String::from_utf8_lossy(&second.stderr));
}

#[test]
fn a_first_start_that_fails_shows_no_key_and_the_next_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let start = |metrics: &str| {
        let mut command = ukai();
        command.args(["up", "--listen", "127.0.0.1:0", "--metrics-listen", metrics, "--data-dir"]);
        command.arg(folder.path()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let failed = start(&busy.local_addr().unwrap().to_string()).wait_with_output().unwrap();
    assert_ne!(code(&failed), 0);
    assert!(!String::from_utf8_lossy(&failed.stdout).contains("uka_"));

    let mut started = start("127.0.0.1:0");
    let said = std::io::BufReader::new(started.stdout.take().unwrap());
    let key =
        std::io::BufRead::lines(said).map_while(Result::ok).find(|line| line.trim().starts_with("uka_"));
    started.kill().unwrap();
    started.wait().unwrap();
    assert!(key.is_some(), "whoever starts it next has no key");
}
