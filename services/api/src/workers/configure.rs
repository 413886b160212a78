//! `PATCH /api/workers/{id}/config`.

use super::show::from_response;
use crate::error::ApiError;
use crate::extract::{Errors, FieldPath, Fields, JsonBody, WorkerPath};
use crate::model::{Error, Worker, WorkerConfigRequest};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use ukai_domain::{RateLimit, WorkerConfig};
use ukai_rpc::v1;

/// Longest pause between pages in ms.
const MAX_DELAY_MS: u32 = 3_600_000;

/// Changes what is set for a worker; it is told at once and after every registration.
#[utoipa::path(patch, path = "/api/workers/{id}/config", tag = "workers", operation_id = "configureWorker",
    params(("id" = uuid::Uuid, Path, description = "The worker")),
    request_body = WorkerConfigRequest,
    responses(
        (status = 200, description = "The worker", body = Worker),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
        (status = 404, description = "`WORKER_NOT_FOUND`", body = Error),
    ))]
pub(crate) async fn configure_worker(
    State(app): State<App>,
    WorkerPath(id): WorkerPath,
    body: JsonBody,
) -> Result<Json<Worker>, ApiError> {
    let mut errors = Errors::default();
    let config = config(body.fields(), &mut errors);
    errors.finish()?;
    let config =
        serde_json::to_string(&config).map_err(|error| ApiError::internal("a config has no JSON", &error))?;
    let request = v1::ConfigureWorkerRequest { worker: id.as_bytes().to_vec(), config };
    let response = app.call(|mut scheduler| async move { scheduler.configure_worker(request).await }).await?;
    from_response(&response).map(Json)
}

fn config(mut fields: Fields<'_>, errors: &mut Errors) -> WorkerConfig {
    let headless = fields.boolean("headless", errors);
    let rate_limit = fields.take("rateLimit").and_then(|value| {
        let root = FieldPath::Root;
        rate_limit(Fields::of(value, root.key("rateLimit"), errors)?, errors)
    });
    if errors.is_empty() && headless.is_none() && rate_limit.is_none() {
        fields.error("rateLimit", "is required, or headless", errors);
    }
    WorkerConfig { rate_limit, headless }
}

fn rate_limit(mut fields: Fields<'_>, errors: &mut Errors) -> Option<RateLimit> {
    let mut delay = |key| fields.required_integer(key, 0..=MAX_DELAY_MS, errors);
    let (min, max) = (delay("minDelayMs"), delay("maxDelayMs"));
    let limit = RateLimit { min_delay_ms: min?, max_delay_ms: max? };
    if limit.min_delay_ms > limit.max_delay_ms {
        fields.error("maxDelayMs", "must be at least minDelayMs", errors);
    }
    Some(limit)
}
