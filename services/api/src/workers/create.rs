//! `POST /api/workers`.

use super::show::from_response;
use crate::error::ApiError;
use crate::extract::{Errors, JsonCommand};
use crate::model::{Error, NewWorkerRequest, Worker};
use crate::secret;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ukai_rpc::v1;

/// Registers a machine and shows its token, this once.
///
/// A repeat with the same Idempotency-Key is 409 and names the worker, because the token isn't kept.
#[utoipa::path(post, path = "/api/workers", tag = "workers", operation_id = "createWorker",
    request_body = NewWorkerRequest,
    responses(
        (status = 201, description = "The worker with its token", body = Worker),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
        (status = 409, description = "`CONFLICT`: the Idempotency-Key was used; the message names its worker", body = Error),
    ))]
pub(crate) async fn create_worker(
    State(app): State<App>,
    command: JsonCommand,
) -> Result<(StatusCode, Json<Worker>), ApiError> {
    let (_, idempotency, mut fields) = command.into_parts();
    let mut errors = Errors::default();
    let name = fields.required_text("name", 1..=100, &mut errors);
    errors.finish()?;
    let token = secret::generate(secret::WORKER_TOKEN);
    let request = v1::CreateWorkerRequest {
        name,
        token_hash: secret::hash(&token),
        token_prefix: secret::prefix(&token).to_owned(),
        idempotency,
    };
    let response = app.call(|mut scheduler| async move { scheduler.create_worker(request).await }).await?;
    let mut worker = from_response(&response)?;
    worker.token = Some(token);
    Ok((StatusCode::CREATED, Json(worker)))
}
