//! `/healthz`, `/readyz` and `/metrics`.

use crate::Shutdown;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the routes answer from.
#[derive(Clone, Debug)]
pub struct Health {
    version: &'static str,
    parts: Arc<Vec<(&'static str, AtomicBool)>>,
    is_stopping: Arc<AtomicBool>,
    registry: Arc<Registry>,
}

impl Health {
    /// `parts` must each be ready before the process is.
    #[must_use]
    pub fn new(version: &'static str, parts: &[&'static str], registry: Registry) -> Self {
        let parts = parts.iter().map(|name| (*name, AtomicBool::new(false))).collect();
        Self { version, parts: Arc::new(parts), is_stopping: Arc::default(), registry: Arc::new(registry) }
    }

    /// Marks one part; an unknown name changes nothing.
    pub fn set(&self, part: &str, ready: bool) {
        if let Some((_, flag)) = self.parts.iter().find(|(name, _)| *name == part) {
            flag.store(ready, Ordering::Relaxed);
        }
    }

    /// Marks one part by what `watched` shows, now and at each change, until `stop`.
    pub fn follow<T: Send + Sync + 'static>(
        &self,
        part: &'static str,
        mut watched: tokio::sync::watch::Receiver<T>,
        is_ready: fn(&T) -> bool,
        stop: &Shutdown,
    ) {
        let (health, until) = (self.clone(), stop.clone());
        stop.spawn(async move {
            loop {
                health.set(part, is_ready(&watched.borrow_and_update()));
                tokio::select! {
                    () = until.stopping() => return,
                    changed = watched.changed() => if changed.is_err() { return },
                }
            }
        });
    }

    /// The process ends: it isn't ready any more, whatever its parts are.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Whether all parts are ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_stopping.load(Ordering::Relaxed)
            && self.parts.iter().all(|(_, ready)| ready.load(Ordering::Relaxed))
    }

    /// The metrics in the OpenMetrics text form.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        let _infallible = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// `/healthz` and `/readyz`, open, and `/metrics`, which the caller may wrap in its authentication.
pub fn routes(health: Health) -> (axum::Router, axum::Router) {
    let open = axum::Router::new()
        .route("/healthz", get(|| async { Json(serde_json::json!({ "status": "ok" })) }))
        .route("/readyz", get(readyz))
        .with_state(health.clone());
    let metrics = axum::Router::new().route("/metrics", get(metrics)).with_state(health);
    (open, metrics)
}

async fn readyz(State(health): State<Health>) -> Response {
    let parts: serde_json::Map<_, _> = health
        .parts
        .iter()
        .map(|(name, ready)| ((*name).to_owned(), ready.load(Ordering::Relaxed).into()))
        .collect();
    let ready = health.is_ready();
    let body = serde_json::json!({ "ready": ready, "version": health.version, "parts": parts });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}

async fn metrics(State(health): State<Health>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], health.metrics()).into_response()
}
