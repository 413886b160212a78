//! `PUT /api/hosts/{host}`.

use crate::error::ApiError;
use crate::extract::{Errors, HostPath, JsonBody};
use crate::model::{Error, Host, HostRequest};
use crate::scheduler::view;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use ukai_domain::scheduler::HostView;
use ukai_rpc::v1;

/// Longest interval in ms: a day.
const MAX_INTERVAL_MS: u32 = 86_400_000;
/// Most tasks at once that can be set.
const MAX_CONCURRENCY: u32 = 100_000;

/// Sets how politely a host is asked, from the next hand-out on.
#[utoipa::path(put, path = "/api/hosts/{host}", tag = "hosts", operation_id = "setHost",
    params(("host" = String, Path, description = "Host name or address without port", example = "shop.example")),
    request_body = HostRequest,
    responses(
        (status = 200, description = "The host", body = Host),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
    ))]
pub(crate) async fn set_host(
    State(app): State<App>,
    HostPath(host): HostPath,
    body: JsonBody,
) -> Result<Json<Host>, ApiError> {
    let mut fields = body.fields();
    let mut errors = Errors::default();
    let min_interval_ms = fields.integer("minIntervalMs", 0..=MAX_INTERVAL_MS, &mut errors);
    let max_concurrency = fields.integer("maxConcurrency", 0..=MAX_CONCURRENCY, &mut errors);
    if errors.is_empty() && min_interval_ms.is_none() && max_concurrency.is_none() {
        fields.error("minIntervalMs", "is required, or maxConcurrency", &mut errors);
    }
    errors.finish()?;
    let request = v1::SetHostRequest {
        host,
        min_interval_ms: min_interval_ms.unwrap_or(0),
        max_concurrency: max_concurrency.unwrap_or(0),
    };
    let response = app.call(|mut scheduler| async move { scheduler.set_host(request).await }).await?;
    view::<HostView>(&response.host).map(|host| Json(host.into()))
}
