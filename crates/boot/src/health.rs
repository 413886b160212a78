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
    parts: Arc<Vec<Part>>,
    is_stopping: Arc<AtomicBool>,
    registry: Arc<Registry>,
}

#[derive(Debug)]
struct Part {
    name: &'static str,
    is_ready: AtomicBool,
    was_ready: AtomicBool,
    decides_once: AtomicBool,
}

impl Part {
    fn new(name: &'static str) -> Self {
        let (is_ready, was_ready, decides_once) = Default::default();
        Self { name, is_ready, was_ready, decides_once }
    }

    fn lets_be_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
            || (self.decides_once.load(Ordering::Relaxed) && self.was_ready.load(Ordering::Relaxed))
    }
}

impl Health {
    /// `parts` must each be ready before the process is.
    #[must_use]
    pub fn new(version: &'static str, parts: &[&'static str], registry: Registry) -> Self {
        let parts = parts.iter().copied().map(Part::new).collect();
        Self { version, parts: Arc::new(parts), is_stopping: Arc::default(), registry: Arc::new(registry) }
    }

    /// Marks one part; an unknown name changes nothing.
    pub fn set(&self, part: &str, ready: bool) {
        if let Some(part) = self.part(part) {
            part.is_ready.store(ready, Ordering::Relaxed);
            part.was_ready.fetch_or(ready, Ordering::Relaxed);
        }
    }

    /// Once the part was ready it is shown, and doesn't decide any more: for what all processes of a kind lose together,
    /// and none serves better without.
    pub fn decides_once(&self, part: &str) {
        if let Some(part) = self.part(part) {
            part.decides_once.store(true, Ordering::Relaxed);
        }
    }

    fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
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

    /// Whether all parts that decide are ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_stopping.load(Ordering::Relaxed) && self.parts.iter().all(Part::lets_be_ready)
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
        .map(|part| (part.name.to_owned(), part.is_ready.load(Ordering::Relaxed).into()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_decides_once_is_shown_and_keeps_nobody_from_being_ready() {
        let health = Health::new("1", &["a", "b"], Registry::default());
        health.decides_once("b");
        for (a, b, want) in [
            (true, false, false),
            (true, true, true),
            (true, false, true),
            (false, true, false),
            (true, true, true),
        ] {
            health.set("a", a);
            health.set("b", b);
            assert_eq!(health.is_ready(), want, "{a} {b}");
            let answer = readyz(State(health.clone())).await;
            assert_eq!(answer.status() == StatusCode::OK, want);
            let body = axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["parts"], serde_json::json!({ "a": a, "b": b }));
        }
        health.stop();
        assert!(!health.is_ready());
    }
}
