//! One trace from the request to the commit of the result, as a collector gets it, with the steps of a real browser;
//! and a collector that is away, or slow, or never answers: it costs spans and nothing else.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ukai_testkit::collector::{Collector, Manner, Span};
use ukai_testkit::process::Process;
use ukai_testkit::shop::Shop;

use crate::server::{KEY, Server, ukai};

/// A trace begins at the caller: these are its numbers.
pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const CALLER: &str = "00f067aa0ba902b7";
/// A page and its spans, on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(90);

/// The spans of one trace.
pub(crate) struct Tree(pub(crate) Vec<Span>);

impl Tree {
    /// The span below `parent` with a name, made by a part of Ukai; there is one.
    pub(crate) fn below(&self, parent: &str, scope: &str, kind: i32, name: &str) -> &Span {
        let found: Vec<_> = self.0.iter().filter(|span| span.parent == parent && span.name == name).collect();
        assert_eq!(found.len(), 1, "{name} below {parent}: {:#?}", self.0);
        let shown = (found[0].scope.as_str(), found[0].kind, found[0].trace.as_str());
        assert_eq!(shown, (scope, kind, TRACE), "{name}");
        assert!(found[0].began <= found[0].ended, "{name} ends before it begins");
        found[0]
    }

    /// From the request to the hand-out to a worker.
    pub(crate) fn handed_out(&self) -> (&Span, &Span) {
        const CALL: &str = "ukai.v1.Scheduler/SubmitTasks";
        let request = self.below(CALLER, "ukai-api", 2, "POST /api/tasks");
        assert_eq!(request.attributes["http.route"], "/api/tasks");
        assert_eq!(request.attributes["http.response.status_code"], "201");
        let call = self.below(&request.id, "ukai-api", 3, CALL);
        let served = self.below(&call.id, "ukai-scheduler", 2, CALL);
        let commit = self.below(&served.id, "ukai-scheduler", 1, "commit");
        assert!(commit.attributes["commit.epoch"].parse::<u64>().unwrap() > 0);
        assert!(commit.attributes["commit.n"].parse::<u64>().unwrap() > 0);
        let sent = self.below(&served.id, "ukai-scheduler", 3, "send pushes");
        let processed = self.below(&sent.id, "ukai-gateway", 2, "process pushes");
        (commit, self.below(&processed.id, "ukai-gateway", 4, "task:assigned"))
    }

    /// From a worker's report, below the hand-out, to the commit of the result.
    pub(crate) fn reported(&self, assigned: &Span) -> &Span {
        let received = self.below(&assigned.id, "ukai-gateway", 5, "task:completed");
        assert_eq!(received.attributes["task.id"], assigned.attributes["task.id"]);
        let sent = self.below(&received.id, "ukai-gateway", 3, "send reports");
        let processed = self.below(&sent.id, "ukai-scheduler", 2, "process reports");
        let commit = self.below(&processed.id, "ukai-scheduler", 1, "commit");
        assert_eq!(commit.attributes["task.id"], assigned.attributes["task.id"]);
        commit
    }
}

/// Whether both commits and, where `with` names them, spans of the names have arrived.
pub(crate) fn has(spans: &[Span], with: &[&str]) -> bool {
    let count = |name: &str| spans.iter().filter(|span| span.trace == TRACE && span.name == name).count();
    count("commit") >= 2
        && ["POST /api/tasks", "process pushes", "process reports", "task:completed", "send reports"]
            .iter()
            .chain(with)
            .all(|name| count(name) > 0)
}

async fn post(http: &reqwest::Client, server: &Server, body: &Value, traceparent: Option<&str>) -> Value {
    let mut request = http.post(format!("{}/api/tasks", server.url)).bearer_auth(KEY).json(body);
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201);
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_request_over_the_browsers_steps_to_the_commit_of_the_result() {
    let collector = Collector::start().await;
    let flags = ["--otlp-endpoint", &collector.url(), "--otlp-sample", "0", "--allow-private-targets"]
        .map(str::to_owned);
    let server = Server::start_with(&flags.each_ref().map(String::as_str)).await;
    let (shop_url, shop) = Shop::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let made = server.ask(reqwest::Method::POST, "/api/workers", &json!({ "name": "traced" })).await;
    let mut worker = ukai();
    worker
        .args(["worker", "--server", &server.url, "--name", "traced", "--ipinfo-url", "off"])
        .args(["--allow-private-targets", "--min-delay-ms", "0", "--max-delay-ms", "0", "--state-dir"])
        .arg(folder.path().join("state"))
        .env("UKAI_TOKEN", made["token"].as_str().unwrap())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
        .stdout(Stdio::null());
    let _worker = Process::start("worker", worker, folder.path()).unwrap();

    let http = reqwest::Client::new();
    let body = json!({
        "productUrl": format!("{shop_url}/product/3?token=hush#hush"), "options": { "screenshot": true },
    });
    let task = post(&http, &server, &body, Some(&format!("00-{TRACE}-{CALLER}-01"))).await;
    // This one isn't sampled: its caller doesn't record it.
    post(&http, &server, &body, Some(&format!("00-{}-{CALLER}-00", "a".repeat(32)))).await;
    // Nor is this one: it shows no key.
    let stranger = http.post(format!("{}/api/tasks", server.url)).json(&body);
    let stranger = stranger.header("traceparent", format!("00-{}-{CALLER}-01", "b".repeat(32)));
    assert_eq!(stranger.send().await.unwrap().status().as_u16(), 401);
    let all = ["task", "navigate", "wait", "screenshot", "extract", "upload", "report"];
    let (all_there, spans) = collector.wait(LIMIT, |spans| has(spans, &all)).await;
    let log = std::fs::read_to_string(folder.path().join("worker.log")).unwrap();
    assert!(all_there, "{spans:#?}\n{log}");
    assert!(spans.iter().all(|span| span.trace == TRACE), "{spans:#?}");

    let tree = Tree(spans);
    let (first, assigned) = tree.handed_out();
    assert_eq!(assigned.attributes["task.id"], task["id"].as_str().unwrap());
    let run = tree.below(&assigned.id, "ukai-worker", 5, "task");
    assert_eq!((run.service.as_str(), assigned.service.as_str()), ("ukai-worker", "ukai"));
    assert!(!run.has_failed);
    let steps = ["pause", "navigate", "wait", "screenshot", "extract"];
    let steps = steps.map(|name| tree.below(&run.id, "ukai-worker", 1, name));
    for (one, next) in steps.iter().zip(&steps[1..]) {
        assert!(!next.has_failed && one.began <= next.began, "{} before {}", one.name, next.name);
    }
    let upload = tree.below(&run.id, "ukai-worker", 3, "upload");
    assert_eq!(upload.attributes["artifact.kind"], "screenshot");
    tree.below(&run.id, "ukai-worker", 4, "report");
    let last = tree.reported(assigned);
    assert!(first.ended <= last.began);
    // What a page is and where it lies exactly is nobody's business here.
    let told = format!("{:?}", tree.0);
    assert!(!told.contains("hush") && !told.contains(KEY), "{told}");
    assert_eq!(run.attributes["url.full"], format!("{shop_url}/product/3"));
    shop.stop().await.unwrap();
}

/// A request's time, in the middle of many.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The sum of a metric's lines.
async fn metric(server: &Server, name: &str) -> f64 {
    let text = server.metrics().await;
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_or_slow_costs_spans_and_no_time() {
    const ROUNDS: usize = 150;
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let hole_url = format!("http://{}", hole.local_addr().unwrap());
    let slow = Collector::with(Manner::Slow(Duration::from_secs(12))).await;
    let endpoints = [None, Some(away), Some(hole_url), Some(slow.url())];
    let mut servers = Vec::new();
    for endpoint in &endpoints {
        let flags: Vec<&str> = endpoint.iter().flat_map(|url| ["--otlp-endpoint", url]).collect();
        servers.push(Server::start_with(&flags).await);
    }
    let http = reqwest::Client::new();
    let mut times = vec![Vec::new(); servers.len()];
    // In turns, each round from another on, so that whatever else the machine does is everybody's.
    for n in 0..ROUNDS {
        for at in (n..).take(servers.len()).map(|at| at % servers.len()) {
            let body = json!({ "productUrl": format!("https://shop.example/{n}") });
            let begun = Instant::now();
            post(&http, &servers[at], &body, None).await;
            times[at].push(begun.elapsed());
        }
    }
    let medians: Vec<_> = times.into_iter().map(median).collect();
    let [without, with @ ..] = &medians[..] else { panic!("{medians:?}") };
    println!("a request takes {without:?} without a collector; away, black hole, slow: {with:?}");
    for time in with {
        let most = without.mul_f64(1.5) + Duration::from_millis(5);
        assert!(*time < most, "{time:?} with a collector that takes nothing, {without:?} without one");
    }
    for (server, endpoint) in servers.iter().zip(&endpoints).skip(1) {
        let begun = Instant::now();
        while metric(server, "ukai_otel_spans_dropped_total{").await == 0.0 {
            assert!(begun.elapsed() < LIMIT, "{endpoint:?}: {}", server.metrics().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(!server.log().contains("ERROR"), "{}", server.log());
    }
    let mut ends = Vec::new();
    for server in &mut servers {
        post(&http, server, &json!({ "productUrl": "https://shop.example/last" }), None).await;
        ends.push(server.terminate().await);
    }
    println!("the end takes {ends:?}");
    for end in &ends[1..] {
        assert!(*end < ends[0] + Duration::from_secs(6), "{ends:?}");
    }
    drop(hole);
}
