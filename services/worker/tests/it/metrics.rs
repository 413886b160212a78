//! What a worker tells of itself over HTTP, and for how long.

use serde_json::Value;
use tokio::net::TcpStream;

use crate::{
    pages::Pages,
    server::Server,
    worker::{Worker, config},
};

#[tokio::test]
async fn metrics_are_served_until_the_last_page_is_done() {
    ukai_boot::init_tls();
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let address = ukai_testkit::ports::free_address().unwrap().to_string();
    let config = config(&server.address, state.path(), &["--metrics-listen", &address]);
    let worker = Worker::start(config, Pages::new());
    server.connected().await;
    let ask = async |path: &str| {
        let answer = reqwest::get(format!("http://{address}{path}")).await.unwrap();
        answer.error_for_status().unwrap().text().await.unwrap()
    };
    ask("/healthz").await;
    let metrics = ask("/metrics").await;
    for line in [
        "ukai_worker_connected 1",
        "ukai_otel_spans_exported_total 0",
        "ukai_otel_spans_dropped_total{reason=\"export_failed\"} 0",
        "ukai_otel_spans_dropped_total{reason=\"queue_full\"} 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    server.assign("t", Some(1), "http://shop.example/slow", Value::Null).await;
    server.expect("task:started").await;
    worker.stop();
    server.expect("worker:draining").await;
    let metrics = ask("/metrics").await;
    assert!(metrics.contains("\nukai_worker_runs_held 1\n"), "{metrics}");
    server.cancel("t", 1).await;
    worker.ended().await.unwrap();
    assert!(TcpStream::connect(&address).await.is_err(), "it is still served");
}
