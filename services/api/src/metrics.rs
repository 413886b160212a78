//! Counts and times requests by route, and gives each a span where somebody debugs.

use crate::state::App;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;
use tracing::Instrument;
use ukai_domain::Code;

/// The numbers of the REST side.
#[derive(Clone, Debug)]
pub struct ApiMetrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram>,
    uploads: Family<OutcomeLabel, Counter>,
    kept_bytes: Counter,
    picture_seconds: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
}

impl ApiMetrics {
    /// Adds the numbers of requests and of artifacts to the process's registry.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| {
                Histogram::new([
                    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0,
                ])
            }),
            uploads: Family::default(),
            kept_bytes: Counter::default(),
            picture_seconds: Histogram::new([0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
        };
        registry.register("ukai_api_requests", "Requests by route and status", metrics.requests.clone());
        registry.register(
            "ukai_api_request_duration_seconds",
            "Time from the head of a request to the head of its answer",
            metrics.durations.clone(),
        );
        registry.register(
            "ukai_api_artifact_uploads",
            "Files that workers brought, by what became of them",
            metrics.uploads.clone(),
        );
        registry.register(
            "ukai_api_artifact_bytes",
            "Bytes of files that were kept",
            metrics.kept_bytes.clone(),
        );
        registry.register(
            "ukai_api_artifact_picture_seconds",
            "Time to read a picture and to draw its small one",
            metrics.picture_seconds.clone(),
        );
        metrics
    }

    /// A file of so many bytes was kept; `took` is the time that a picture's reading took.
    pub(crate) fn artifact_kept(&self, bytes: u64, took: Option<Duration>) {
        self.uploads.get_or_create(&OutcomeLabel { outcome: "KEPT" }).inc();
        self.kept_bytes.inc_by(bytes);
        if let Some(took) = took {
            self.picture_seconds.observe(took.as_secs_f64());
        }
    }

    /// A file was refused.
    pub(crate) fn artifact_refused(&self, code: Code) {
        self.uploads.get_or_create(&OutcomeLabel { outcome: code.as_str() }).inc();
    }
}

/// Middleware around everything.
pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = std::time::Instant::now();
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = tracing::debug_span!("request", method, route);
    let response = next.run(request).instrument(span.clone()).await;
    let elapsed = started.elapsed();
    let status = u32::from(response.status().as_u16());
    tracing::debug!(parent: &span, status, elapsed_us = elapsed.as_micros(), "answered");
    let labels = RouteLabels { method: method.to_owned(), route };
    app.metrics.durations.get_or_create(&labels).observe(elapsed.as_secs_f64());
    let RouteLabels { method, route } = labels;
    app.metrics.requests.get_or_create(&RequestLabels { method, route, status }).inc();
    response
}

/// Foreign methods share a label, so that nobody can fill the memory with them.
fn method_label(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
