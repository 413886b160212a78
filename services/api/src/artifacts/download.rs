//! `GET /api/artifacts/{id}`: a file as it was brought, with headers that keep a stranger's page from doing anything.

use super::range::{Asked, asked};
use crate::error::ApiError;
use crate::extract::ArtifactPath;
use crate::model::Error;
use crate::state::{App, AppState};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use std::fmt::Write;
use ukai_artifacts::{ContentType, Sha256};
use ukai_domain::Code;

/// What nobody may do with a file that came from a page: run it, or use it from another origin.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "private, max-age=31536000, immutable"),
    (header::ACCEPT_RANGES, "bytes"),
];

/// A file that is to be shown.
pub(super) struct Shown {
    pub(super) sha256: Sha256,
    /// `None` for one that this version doesn't know.
    pub(super) content_type: Option<ContentType>,
    pub(super) size: u64,
    pub(super) name: String,
}

/// The file. Pages come as attachments, pictures may be shown.
#[utoipa::path(get, path = "/api/artifacts/{id}", tag = "artifacts", operation_id = "getArtifact",
    params(
        ("id" = uuid::Uuid, Path, description = "The artifact"),
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-Range" = Option<String>, Header, description = "The range is wanted of this content alone"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what is there already"),
    ),
    responses(
        (status = 200, description = "The content", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "It is there already"),
        (status = 404, description = "`NOT_FOUND`", body = Error),
        (status = 416, description = "The range lies outside; `Content-Range` tells the size"),
    ))]
pub(crate) async fn get_artifact(
    State(app): State<App>,
    ArtifactPath(id): ArtifactPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let row = app.reads.artifact(id).await?.ok_or_else(|| ArtifactPath::unknown(&id.to_string()))?;
    let sha256 = Sha256::parse(&row.sha256)
        .ok_or_else(|| ApiError::internal("an artifact's row can't be read", &"its hash"))?;
    let content_type = ContentType::parse(&row.content_type);
    show(&app, Shown { sha256, content_type, size: row.size, name: row.name }, &headers).await
}

/// A content as an answer to a request with these headers.
pub(super) async fn show(app: &AppState, shown: Shown, asks: &HeaderMap) -> Result<Response, ApiError> {
    let text = |name: HeaderName| asks.get(name).and_then(|value| value.to_str().ok());
    let etag = format!("\"{}\"", shown.sha256);
    let has = |list: &str| {
        list.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag || tag.trim() == "*")
    };
    if text(header::IF_NONE_MATCH).is_some_and(has) {
        return Ok(with_headers(StatusCode::NOT_MODIFIED.into_response(), &shown, &etag));
    }
    let range = text(header::RANGE).filter(|_| text(header::IF_RANGE).is_none_or(|tag| tag == etag));
    let part = match asked(range, shown.size) {
        Asked::Whole => None,
        Asked::Part(part) => Some(part),
        Asked::Outside => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", shown.size));
            return Ok(response);
        }
    };
    let content = app.artifacts.open(&shown.sha256, part.clone()).await?;
    if content.size != shown.size {
        return Err(ApiError::internal("an artifact's content has another size than its row", &content.size));
    }
    let length = content.range.end - content.range.start;
    let body = Body::from_stream(content.bytes.inspect_err(|error| {
        tracing::warn!(%error, "an artifact's content broke off");
    }));
    let mut response = body.into_response();
    if let Some(part) = part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let last = part.end.saturating_sub(1);
        set(&mut response, header::CONTENT_RANGE, &format!("bytes {}-{last}/{}", part.start, shown.size));
    }
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    Ok(with_headers(response, &shown, &etag))
}

fn with_headers(mut response: Response, shown: &Shown, etag: &str) -> Response {
    for (name, value) in HEADERS {
        set(&mut response, name, value);
    }
    let (kind, disposition) = match shown.content_type {
        Some(kind) if kind.is_picture() => (kind.as_str(), "inline"),
        Some(kind) => (kind.as_str(), "attachment"),
        None => ("application/octet-stream", "attachment"),
    };
    set(&mut response, header::CONTENT_TYPE, kind);
    set(&mut response, header::ETAG, etag);
    set(&mut response, header::CONTENT_DISPOSITION, &named(disposition, &shown.name));
    response
}

/// RFC 6266: a name of plain letters, and the whole one encoded.
fn named(disposition: &str, name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let ascii: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if plain(char::from(byte)) {
            encoded.push(char::from(byte));
        } else {
            // A string takes everything.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("{disposition}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// What there is no content of (any more).
pub(super) fn gone() -> ApiError {
    ApiError::new(Code::NotFound, "the artifact's content is gone")
}
