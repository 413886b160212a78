//! Artifacts.

use super::Time;
use serde::Serialize;
use ukai_artifacts::{Artifacts, Sha256};
use ukai_store::ArtifactRow;
use utoipa::ToSchema;
use uuid::Uuid;

/// A file that a worker brought.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Artifact {
    /// The same for the same file of the same run.
    id: Uuid,
    /// Whose page it shows.
    task_id: Uuid,
    /// The run that brought it.
    run: u32,
    /// Who brought it.
    worker_id: Uuid,
    /// `screenshot`, `html`; `live` where an operator asked while the page was open.
    #[schema(example = "screenshot")]
    kind: String,
    /// A file name for people.
    #[schema(example = "screenshot.png")]
    name: String,
    /// As it is served.
    #[schema(example = "image/png")]
    content_type: String,
    /// Bytes.
    size: u64,
    /// Of the content.
    #[schema(example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    sha256: String,
    /// Pixels, of a picture.
    width: Option<u32>,
    /// Pixels, of a picture.
    height: Option<u32>,
    /// Where it is served: a path of this server, or an address of the content delivery network that was set.
    #[schema(example = "/api/artifacts/5b1f2c3d-0000-8000-8000-000000000001")]
    url: String,
    /// Where a small picture of it is served; `null` for what is no picture.
    thumbnail_url: Option<String>,
    /// When it arrived.
    created_at: Time,
}

/// A page of the files of a task, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArtifactList {
    /// The page.
    pub(crate) items: Vec<Artifact>,
    /// From 1.
    pub(crate) page: u32,
    /// Items of a page, at most.
    pub(crate) limit: u32,
    /// Of all pages.
    pub(crate) total: u64,
}

impl Artifact {
    pub(crate) fn new(row: ArtifactRow, artifacts: &Artifacts) -> Self {
        let public = |hash: &str| Sha256::parse(hash).and_then(|hash| artifacts.public_url(&hash));
        let own = format!("/api/artifacts/{}", row.id);
        let thumbnail_url =
            row.thumbnail.as_deref().map(|hash| public(hash).unwrap_or_else(|| format!("{own}/thumbnail")));
        Self {
            id: row.id.0,
            task_id: row.task.0,
            run: row.run.0,
            worker_id: row.worker.0,
            kind: row.kind,
            name: row.name,
            content_type: row.content_type,
            size: row.size,
            url: public(&row.sha256).unwrap_or(own),
            sha256: row.sha256,
            width: row.width,
            height: row.height,
            thumbnail_url,
            created_at: row.created_at.into(),
        }
    }
}
