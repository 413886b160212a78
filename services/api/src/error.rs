//! The one way in which requests fail: a code, a message and the wrong fields, rendered where the clock is known.

use crate::state::App;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use ukai_artifacts::ArtifactError;
use ukai_domain::{Code, Rejection};
use ukai_store::StoreError;
use ukai_wire::{ErrorBody, FieldError};

/// A refused or failed request. The text is for people and never internal.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    code: Code,
    message: String,
    details: Vec<FieldError>,
}

impl ApiError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new() }
    }

    /// An unreadable request, as a whole.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidPayload, message)
    }

    /// A request with wrong fields; never empty.
    pub(crate) fn fields(details: Vec<FieldError>) -> Self {
        Self { code: Code::InvalidPayload, message: String::new(), details }
    }

    /// A request with one wrong field.
    pub(crate) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.into(), message: message.into() }])
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// A message of the leader or a row of the store that can't be understood.
    pub(crate) fn internal(what: &str, error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "{what}");
        Self::new(Code::InternalError, "internal error")
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        Self::new(rejection.code, rejection.message)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged(_) | StoreError::Address(_) => {
                Self::internal("the store can't be read", &error)
            }
            StoreError::Full(_) => {
                tracing::error!(%error, "storage full");
                Self::new(Code::StorageFull, "storage full")
            }
            StoreError::Locked(_) | StoreError::Unavailable(_) => {
                tracing::warn!(%error, "the store is unavailable");
                Self::new(Code::Unavailable, "the store is unavailable, try again")
            }
        }
    }
}

impl From<ArtifactError> for ApiError {
    fn from(error: ArtifactError) -> Self {
        let code = match &error {
            ArtifactError::TooLarge { .. } | ArtifactError::TooManyPixels => Code::PayloadTooLarge,
            ArtifactError::WrongType { .. } => Code::UnsupportedMediaType,
            ArtifactError::Unreadable(_) | ArtifactError::WrongHash | ArtifactError::Empty => {
                Code::InvalidPayload
            }
            ArtifactError::Missing => Code::NotFound,
            ArtifactError::Full(_) => {
                tracing::error!(%error, "the artifact store has no room");
                return Self::new(Code::StorageFull, "storage full");
            }
            ArtifactError::Unavailable(_) => {
                tracing::warn!(%error, "the artifact store is unavailable");
                return Self::new(Code::Unavailable, "the artifact store is unavailable, try again");
            }
        };
        Self::new(code, error.to_string())
    }
}

impl IntoResponse for ApiError {
    /// Only the status: [`render`] adds the body, because it needs the time.
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Middleware that gives failed requests their body and the headers that belong to their code.
pub(crate) async fn render(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<Arc<ApiError>>() else { return response };
    let mut body = if error.details.is_empty() {
        ErrorBody::new(error.code, error.message.clone(), app.now())
    } else {
        ErrorBody::invalid(error.details.clone(), app.now())
    };
    if body.message.is_empty() {
        error.code.as_str().clone_into(&mut body.message);
    }
    let (mut parts, _empty) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let (rendered, body) = ukai_boot::http::failed(body).into_parts();
    parts.headers.extend(rendered.headers);
    Response::from_parts(parts, body)
}

/// The answer to unknown paths.
pub(crate) async fn not_found() -> ApiError {
    ApiError::new(Code::NotFound, "no such path")
}

/// The answer to a method that a path doesn't have.
pub(crate) async fn method_not_allowed() -> ApiError {
    ApiError::new(Code::MethodNotAllowed, "this path doesn't have that method")
}

/// The answer when a handler panicked: the request fails alone.
pub(crate) fn panicked(_payload: Box<dyn std::any::Any + Send + 'static>) -> Response {
    tracing::error!("a request handler panicked");
    ApiError::new(Code::InternalError, "internal error").into_response()
}
