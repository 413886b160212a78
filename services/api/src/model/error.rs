//! The schema of the error shape; `ukai_wire::ErrorBody` is what is sent.

use super::Time;
use utoipa::ToSchema;

/// The one shape of every error.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "documents ukai_wire::ErrorBody, which knows nothing of OpenAPI")]
pub(crate) struct Error {
    /// Machine code.
    code: ErrorCode,
    /// For people.
    #[schema(example = "productUrl: is required")]
    message: String,
    /// When.
    timestamp: Time,
    /// One a field that is wrong; only for validation.
    #[schema(required = false)]
    details: Vec<ErrorField>,
}

/// A field that is wrong.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "as above")]
pub(crate) struct ErrorField {
    /// A path into the body, or the name of a parameter.
    #[schema(example = "tasks[3].productUrl")]
    field: String,
    /// What is wrong with it.
    #[schema(example = "is required")]
    message: String,
}

/// Machine codes of errors.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(dead_code, reason = "as above")]
pub(crate) enum ErrorCode {
    InvalidPayload,
    AuthFailed,
    Forbidden,
    TaskNotFound,
    WorkerNotFound,
    JobNotFound,
    NotFound,
    MethodNotAllowed,
    Conflict,
    PayloadTooLarge,
    UnsupportedMediaType,
    RateLimited,
    InternalError,
    Unavailable,
    StorageFull,
}
