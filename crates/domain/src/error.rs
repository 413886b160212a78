//! One short list of error codes for REST, gRPC and sockets, so that they can't disagree.

use serde::{Deserialize, Serialize};

/// What a refusal is called, on REST and sockets alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// 400.
    InvalidPayload,
    /// 401.
    AuthFailed,
    /// 403.
    Forbidden,
    /// 404.
    TaskNotFound,
    /// 404.
    WorkerNotFound,
    /// 404.
    JobNotFound,
    /// 404.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 409.
    Conflict,
    /// 409 on sockets: a report of an old run.
    StaleRun,
    /// 413.
    PayloadTooLarge,
    /// 415.
    UnsupportedMediaType,
    /// 429.
    RateLimited,
    /// 500.
    InternalError,
    /// 503.
    Unavailable,
    /// 507.
    StorageFull,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::InvalidPayload,
        Self::AuthFailed,
        Self::Forbidden,
        Self::TaskNotFound,
        Self::WorkerNotFound,
        Self::JobNotFound,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::StaleRun,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::InternalError,
        Self::Unavailable,
        Self::StorageFull,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidPayload => "INVALID_PAYLOAD",
            Self::AuthFailed => "AUTH_FAILED",
            Self::Forbidden => "FORBIDDEN",
            Self::TaskNotFound => "TASK_NOT_FOUND",
            Self::WorkerNotFound => "WORKER_NOT_FOUND",
            Self::JobNotFound => "JOB_NOT_FOUND",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::Conflict => "CONFLICT",
            Self::StaleRun => "STALE_RUN",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::RateLimited => "RATE_LIMITED",
            Self::InternalError => "INTERNAL_ERROR",
            Self::Unavailable => "UNAVAILABLE",
            Self::StorageFull => "STORAGE_FULL",
        }
    }

    /// The inverse of [`Code::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == text)
    }

    /// The HTTP status of the code.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidPayload => 400,
            Self::AuthFailed => 401,
            Self::Forbidden => 403,
            Self::TaskNotFound | Self::WorkerNotFound | Self::JobNotFound | Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict | Self::StaleRun => 409,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::RateLimited => 429,
            Self::InternalError => 500,
            Self::Unavailable => 503,
            Self::StorageFull => 507,
        }
    }
}

/// A command or report that is refused. It changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Rejection {
    /// Machine code.
    pub code: Code,
    /// For people; never internal text.
    pub message: String,
}

impl Rejection {
    /// A refusal with its reason.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
