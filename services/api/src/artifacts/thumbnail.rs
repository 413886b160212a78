//! `GET /api/artifacts/{id}/thumbnail`: the small picture of a picture.

use super::download::{Shown, gone, show};
use crate::error::ApiError;
use crate::extract::ArtifactPath;
use crate::model::Error;
use crate::state::App;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use ukai_artifacts::{ContentType, Sha256};

/// A WebP of 320 pixels in width, of the upper part where the picture is very long.
#[utoipa::path(get, path = "/api/artifacts/{id}/thumbnail", tag = "artifacts", operation_id = "getArtifactThumbnail",
    params(
        ("id" = uuid::Uuid, Path, description = "The artifact"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what is there already"),
    ),
    responses(
        (status = 200, description = "The small picture", body = Vec<u8>, content_type = "image/webp"),
        (status = 304, description = "It is there already"),
        (status = 404, description = "`NOT_FOUND`: no such artifact, or no picture", body = Error),
    ))]
pub(crate) async fn get_artifact_thumbnail(
    State(app): State<App>,
    ArtifactPath(id): ArtifactPath,
    mut headers: HeaderMap,
) -> Result<Response, ApiError> {
    let row = app.reads.artifact(id).await?.ok_or_else(|| ArtifactPath::unknown(&id.to_string()))?;
    let sha256 = row.thumbnail.as_deref().and_then(Sha256::parse).ok_or_else(gone)?;
    let size = app.artifacts.size(&sha256).await?;
    // So small a picture is shown whole.
    headers.remove(axum::http::header::RANGE);
    let name = format!("{}-320.webp", row.kind);
    show(&app, Shown { sha256, content_type: Some(ContentType::Webp), size, name }, &headers).await
}
