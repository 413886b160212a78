//! An OpenTelemetry collector that keeps what it gets: OTLP over gRPC, whole, slow, or not answering at all.

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A span as it arrived. Ids are hexadecimal; a root's parent is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// `service.name` of its process.
    pub service: String,
    /// The part of the process that made it.
    pub scope: String,
    /// What it is of.
    pub name: String,
    /// 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    /// 32 digits.
    pub trace: String,
    /// 16 digits.
    pub id: String,
    /// The same of the span above it.
    pub parent: String,
    /// Values as text.
    pub attributes: BTreeMap<String, String>,
    /// `trace` and `id` of linked spans.
    pub links: Vec<(String, String)>,
    /// Whether it says that it failed.
    pub has_failed: bool,
    /// Nanoseconds since 1970.
    pub began: u64,
    /// The same.
    pub ended: u64,
}

/// What the collector does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Takes it at once.
    Takes,
    /// Takes it after a while.
    Slow(Duration),
    /// Never answers; the spans are not kept.
    Silent,
    /// Answers that it doesn't want them.
    Refuses,
}

/// A running collector; it ends with its drop.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    spans: watch::Sender<Vec<Span>>,
    manner: Arc<Mutex<Manner>>,
    server: JoinHandle<()>,
}

impl Collector {
    /// On a free port.
    pub async fn start() -> Self {
        Self::with(Manner::Takes).await
    }

    /// The same, behaving as told.
    #[allow(clippy::expect_used, reason = "a test without a port can't go on")]
    pub async fn with(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let (spans, manner) = (watch::Sender::default(), Arc::new(Mutex::new(manner)));
        let service = TraceServiceServer::new(Service { spans: spans.clone(), manner: Arc::clone(&manner) });
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let server = tokio::spawn(async move {
            let _ended =
                tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming).await;
        });
        Self { address, spans, manner, server }
    }

    /// What `--otlp-endpoint` is to be.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on.
    pub fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// Everything that arrived.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.spans.borrow().clone()
    }

    /// Waits until what arrived is enough, at most `limit`; whether it was. Then all that arrived.
    pub async fn wait(&self, limit: Duration, is_enough: impl Fn(&[Span]) -> bool) -> (bool, Vec<Span>) {
        let mut spans = self.spans.subscribe();
        let waited = tokio::time::timeout(limit, spans.wait_for(|spans| is_enough(spans))).await;
        (matches!(waited, Ok(Ok(_))), self.spans())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Service {
    spans: watch::Sender<Vec<Span>>,
    manner: Arc<Mutex<Manner>>,
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let manner = *self.manner.lock().unwrap_or_else(PoisonError::into_inner);
        match manner {
            Manner::Takes => {}
            Manner::Slow(time) => tokio::time::sleep(time).await,
            Manner::Silent => std::future::pending().await,
            Manner::Refuses => return Err(tonic::Status::invalid_argument("not wanted")),
        }
        let new = read(request.into_inner());
        self.spans.send_modify(|spans| spans.extend(new));
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

fn read(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut found = Vec::new();
    for of_resource in request.resource_spans {
        let resource = attributes(of_resource.resource.map(|r| r.attributes).unwrap_or_default());
        let service = resource.get("service.name").cloned().unwrap_or_default();
        for of_scope in of_resource.scope_spans {
            let scope = of_scope.scope.map(|scope| scope.name).unwrap_or_default();
            found.extend(of_scope.spans.into_iter().map(|span| Span {
                service: service.clone(),
                scope: scope.clone(),
                name: span.name,
                kind: span.kind,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: attributes(span.attributes),
                links: span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect(),
                has_failed: span.status.is_some_and(|status| status.code == 2),
                began: span.start_time_unix_nano,
                ended: span.end_time_unix_nano,
            }));
        }
    }
    found
}

fn attributes(found: Vec<KeyValue>) -> BTreeMap<String, String> {
    found.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    use any_value::Value;
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(is)) => is.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
