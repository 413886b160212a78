//! Spans on their way out: what arrives, and what happens where nobody takes them.

use std::time::{Duration, Instant, SystemTime};
use tokio::net::TcpListener;
use ukai_boot::config::Otlp;
use ukai_boot::trace::{SpanKind, Telemetry, Tracer};
use ukai_boot::{Health, Registry};
use ukai_testkit::collector::{Collector, Manner};

/// No collector of a test takes longer.
const LIMIT: Duration = Duration::from_secs(30);
/// What a process may take for its last spans.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// More than may wait.
const MANY: usize = 10_000;

fn to(endpoint: String) -> Otlp {
    Otlp { otlp_endpoint: Some(endpoint), otlp_instance: Some("one".to_owned()), ..Otlp::default() }
}

fn begin(otlp: &Otlp) -> Telemetry {
    Telemetry::start("a-service", otlp).unwrap()
}

/// The metrics as a scrape shows them.
struct Metrics(Health);

impl Metrics {
    fn of(tracer: &Tracer) -> Self {
        let mut registry = Registry::default();
        tracer.register(&mut registry);
        Self(Health::new("test", &[], registry))
    }

    fn read(&self, name: &str) -> u64 {
        let text = self.0.metrics();
        let line = text.lines().find(|line| line.starts_with(name)).expect(name);
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn dropped(&self) -> u64 {
        self.read("ukai_otel_spans_dropped_total{reason=\"queue_full\"}")
            + self.read("ukai_otel_spans_dropped_total{reason=\"export_failed\"}")
    }
}

#[tokio::test]
async fn a_trace_arrives_as_a_tree_with_its_service() {
    let collector = Collector::start().await;
    let telemetry = begin(&to(collector.url()));
    let tracer = telemetry.tracer().of("a-part");
    let metrics = Metrics::of(&tracer);
    let mut root = tracer.root(SpanKind::Server, "root");
    root.set("text", "x".repeat(1_000));
    root.fail("broken");
    let place = root.traceparent().unwrap();
    let began = SystemTime::now() - Duration::from_secs(60);
    let mut child = tracer.child_since(Some(&place), SpanKind::Client, "child", Some(began));
    let other = tracer.root(SpanKind::Internal, "other");
    child.link(&other.traceparent().unwrap());
    child.end_at(began + Duration::from_secs(1));
    drop((root, other));
    assert!(!tracer.child(None, SpanKind::Client, "nowhere").is_on());
    telemetry.stop().await;
    let spans = collector.spans();
    assert_eq!(spans.len(), 3, "{spans:#?}");
    let of = |name: &str| spans.iter().find(|span| span.name == name).unwrap().clone();
    let (root, child, other) = (of("root"), of("child"), of("other"));
    assert_eq!((root.service.as_str(), root.scope.as_str(), root.kind), ("a-service", "a-part", 2));
    assert_eq!(*place, *format!("00-{}-{}-01", root.trace, root.id));
    assert!(root.parent.is_empty() && root.has_failed && root.attributes["text"].len() == 256);
    assert_eq!((&child.trace, &child.parent), (&root.trace, &root.id));
    assert_eq!(child.ended - child.began, 1_000_000_000);
    assert_eq!(child.links, [(other.trace.clone(), other.id.clone())]);
    assert_ne!(other.trace, root.trace);
    assert_eq!((metrics.read("ukai_otel_spans_exported_total"), metrics.dropped()), (3, 0));
}

#[tokio::test]
async fn sampling_is_the_roots_choice_and_a_caller_decides_for_its_own_trace() {
    let collector = Collector::start().await;
    let telemetry = begin(&Otlp { otlp_sample: Some(0.0), ..to(collector.url()) });
    let tracer = telemetry.tracer();
    assert!(tracer.is_on() && !tracer.root(SpanKind::Server, "root").is_on());
    let place = |flags: &str| format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
    assert!(!tracer.child(Some(&place("00")), SpanKind::Server, "not sampled").is_on());
    assert!(!tracer.child(Some("nonsense"), SpanKind::Server, "nonsense").is_on());
    drop(tracer.child(Some(&place("01")), SpanKind::Server, "sampled"));
    telemetry.stop().await;
    let spans = collector.spans();
    assert_eq!(spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["sampled"]);
    assert_eq!(spans[0].parent, "00f067aa0ba902b7");
}

#[tokio::test]
async fn without_a_collector_nothing_is_begun() {
    let telemetry = begin(&Otlp::default());
    assert!(!telemetry.tracer().is_on() && !telemetry.tracer().root(SpanKind::Server, "root").is_on());
    let begun = Instant::now();
    telemetry.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert!(Telemetry::start("a-service", &to("nonsense".to_owned())).is_err());
}

/// Ends many spans and the process; what is counted as dropped by then.
async fn dropped_at(endpoint: String) -> u64 {
    let telemetry = begin(&to(endpoint));
    let tracer = telemetry.tracer();
    let metrics = Metrics::of(&tracer);
    let begun = Instant::now();
    for _ in 0..MANY {
        drop(tracer.root(SpanKind::Internal, "many"));
    }
    let ending = begun.elapsed();
    assert!(ending < LIMIT / 10, "ending spans waits for nobody: {ending:?}");
    let begun = Instant::now();
    telemetry.stop().await;
    let took = begun.elapsed();
    assert!(took < STOP_LIMIT, "the end waits {took:?}");
    assert_eq!(metrics.dropped() + metrics.read("ukai_otel_spans_exported_total"), MANY as u64);
    metrics.dropped()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_the_spans_alone() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    assert_eq!(dropped_at(endpoint).await, MANY as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_costs_the_spans_alone() {
    let hole = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert_eq!(dropped_at(format!("http://{}", hole.local_addr().unwrap())).await, MANY as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_collector_costs_the_spans_alone() {
    let collector = Collector::with(Manner::Silent).await;
    assert_eq!(dropped_at(collector.url()).await, MANY as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_collector_takes_what_it_can() {
    let collector = Collector::with(Manner::Slow(Duration::from_millis(300))).await;
    let dropped = dropped_at(collector.url()).await;
    let arrived = collector.spans().len() as u64;
    assert!(dropped > 0 && arrived > 0, "{dropped} dropped, {arrived} arrived");
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_go_on_when_the_collector_is_back() {
    let collector = Collector::with(Manner::Slow(Duration::from_millis(500))).await;
    let telemetry = begin(&to(collector.url()));
    drop(telemetry.tracer().root(SpanKind::Internal, "first"));
    collector.set(Manner::Takes);
    drop(telemetry.tracer().root(SpanKind::Internal, "second"));
    let (both, spans) = collector.wait(LIMIT, |spans| spans.len() == 2).await;
    assert!(both, "{spans:?}");
    telemetry.stop().await;
}
