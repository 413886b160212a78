//! Documents routes that are not actions of this API: health, metrics and the document itself.
#![allow(dead_code, reason = "documentation; ukai-boot and the router serve them")]

use crate::model::Error;
use utoipa::ToSchema;

/// Alive.
#[derive(ToSchema)]
pub(super) struct Health {
    /// `ok`.
    #[schema(example = "ok")]
    status: String,
}

/// Whether the process can serve.
#[derive(ToSchema)]
pub(super) struct Readiness {
    /// Whether all parts are.
    ready: bool,
    /// Of the API.
    #[schema(example = "1.0.0")]
    version: String,
    /// Each part and whether it is ready.
    #[schema(value_type = Object, example = json!({"store": true, "scheduler": true}))]
    parts: serde_json::Value,
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operations", operation_id = "health",
    responses((status = 200, description = "Alive", body = Health)))]
pub(super) fn healthz() {}

/// Whether the process can serve.
#[utoipa::path(get, path = "/readyz", tag = "operations", operation_id = "readiness",
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "Not ready", body = Readiness),
    ))]
pub(super) fn readyz() {}

/// Metrics in the OpenMetrics text form.
#[utoipa::path(get, path = "/metrics", tag = "operations", operation_id = "metrics",
    security(("key" = [])),
    extensions(("x-role" = json!("viewer"))),
    responses(
        (status = 200, description = "Metrics", body = String, content_type = "application/openmetrics-text"),
        (status = 401, description = "`AUTH_FAILED`", body = Error),
    ))]
pub(super) fn metrics() {}

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", tag = "operations", operation_id = "openapi",
    responses((status = 200, description = "The OpenAPI document", body = Object)))]
pub(super) fn openapi_json() {}

/// The reference page.
#[utoipa::path(get, path = "/api/docs", tag = "operations", operation_id = "docs",
    responses((status = 303, description = "To the page")))]
pub(super) fn docs() {}

/// To the reference page.
#[utoipa::path(get, path = "/docs", tag = "operations", operation_id = "docsRedirect",
    responses((status = 307, description = "To the page")))]
pub(super) fn docs_redirect() {}
