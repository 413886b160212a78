//! `PUT /api/artifacts`: a worker brings a file of a run that it holds.

use super::token::Bringer;
use super::wish::Wish;
use super::{LIVE, MOST_LIVE};
use crate::error::ApiError;
use crate::extract::Query;
use crate::model::{Artifact, Error};
use crate::state::{App, AppState};
use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use futures::StreamExt;
use std::time::Duration;
use ukai_artifacts::{ArtifactError, Kept, Received};
use ukai_domain::{Code, Run, Timestamp};
use ukai_rpc::v1;
use ukai_store::ArtifactRow;

/// Files of one run, at most.
const MOST_OF_A_RUN: usize = 16;
/// The longest silence within a body.
const SILENCE: Duration = Duration::from_secs(15);
/// The longest body. A run is over sooner, as a rule.
const LONGEST: Duration = Duration::from_secs(300);
/// What is read of a refused body, so that its sender comes to read why.
const MOST_DRAINED: u64 = 32 << 20;
/// The same in time.
const LONGEST_DRAIN: Duration = Duration::from_secs(3);

/// Brings a file of a run that is under way: a screenshot or a page. The same again is the same artifact.
#[utoipa::path(put, path = "/api/artifacts", tag = "artifacts", operation_id = "uploadArtifact",
    params(
        ("taskId" = uuid::Uuid, Query, description = "The task"),
        ("run" = u32, Query, minimum = 1, description = "The run, which the worker must hold"),
        ("kind" = String, Query, pattern = "^[a-z][a-z0-9-]{0,31}$", description = "`screenshot`, `html`, `live`"),
        ("sha256" = String, Query, pattern = "^[0-9a-f]{64}$", description = "Of the content"),
        ("name" = Option<String>, Query, min_length = 1, max_length = 200, description = "A file name for people"),
        ("workerId" = Option<uuid::Uuid>, Query, description = "Who brings it, where the token is the enrolment token"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "The file, with its own content type: image/png, image/webp, image/jpeg or text/html in UTF-8"),
    responses(
        (status = 201, description = "Kept", body = Artifact),
        (status = 400, description = "`INVALID_PAYLOAD`: a wrong parameter, another hash, or a picture that can't be read", body = Error),
        (status = 401, description = "`AUTH_FAILED`: no worker's token, or not a valid one", body = Error),
        (status = 403, description = "`FORBIDDEN`: another worker has the run", body = Error),
        (status = 404, description = "`TASK_NOT_FOUND`", body = Error),
        (status = 409, description = "`CONFLICT`: the run is over, or has brought 16 files, or 12 of the kind `live`", body = Error),
        (status = 413, description = "`PAYLOAD_TOO_LARGE`: too many bytes or pixels", body = Error),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`: another type than those, or the content is of another type than it says", body = Error),
    ))]
pub(crate) async fn upload_artifact(
    State(app): State<App>,
    bringer: Bringer,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Artifact>), ApiError> {
    let mut body = body.into_data_stream();
    let taken = take(&app, bringer, query, &headers, &mut body).await;
    match &taken {
        Ok((_, kept)) => app.metrics.artifact_kept(kept.size, kept.pixels.is_some().then_some(kept.took)),
        Err(error) => {
            app.metrics.artifact_refused(error.code());
            drain(&mut body).await;
        }
    }
    let (row, _) = taken?;
    Ok((StatusCode::CREATED, Json(Artifact::new(row, &app.artifacts))))
}

async fn take(
    app: &AppState,
    bringer: Bringer,
    query: Query,
    headers: &HeaderMap,
    body: &mut BodyDataStream,
) -> Result<(ArtifactRow, Kept), ApiError> {
    let wish = Wish::read(bringer, query, headers)?;
    let limit = app.artifacts.max_bytes();
    if wish.size.is_some_and(|size| size > limit) {
        return Err(ArtifactError::TooLarge { limit }.into());
    }
    let run = wish.run();
    app.call(|mut scheduler| async move { scheduler.check_run(run).await }).await?;
    let id = wish.id();
    let earlier = app.reads.artifacts(wish.task).await?;
    let of_run = || earlier.iter().filter(|row| row.run == Run(wish.run) && row.id != id);
    if of_run().count() >= MOST_OF_A_RUN {
        return Err(ApiError::new(Code::Conflict, format!("a run brings at most {MOST_OF_A_RUN} files")));
    }
    if wish.kind == LIVE && of_run().filter(|row| row.kind == LIVE).count() >= MOST_LIVE {
        return Err(ApiError::new(Code::Conflict, format!("a run brings at most {MOST_LIVE} live pictures")));
    }
    let received = match tokio::time::timeout(LONGEST, receive(app, body)).await {
        Ok(received) => received?,
        Err(_elapsed) => return Err(ApiError::invalid("the body did not arrive in time")),
    };
    let kept = app.artifacts.keep(received, wish.content_type, Some(wish.sha256)).await?;
    let row = row(&wish, &kept, app.now());
    let request = request(&wish, &row);
    app.call(|mut scheduler| async move { scheduler.put_artifact(request).await }).await?;
    tracing::debug!(task.id = %row.task, run = wish.run, kind = wish.kind, size = row.size, "an artifact is kept");
    // A repeat has the row of the first time, with its time.
    let first = earlier.into_iter().find(|row| row.id == id);
    Ok((first.unwrap_or(row), kept))
}

async fn receive(app: &AppState, body: &mut BodyDataStream) -> Result<Received, ApiError> {
    let mut incoming = app.artifacts.receive().await?;
    loop {
        match tokio::time::timeout(SILENCE, body.next()).await {
            Err(_elapsed) => return Err(ApiError::invalid("the body did not arrive in time")),
            Ok(None) => return Ok(incoming.finish().await?),
            Ok(Some(Err(_broken))) => return Err(ApiError::invalid("the body broke off")),
            Ok(Some(Ok(bytes))) => incoming.write(&bytes).await?,
        }
    }
}

/// Reads on without keeping anything: a connection that is closed with bytes on their way loses the answer.
async fn drain(body: &mut BodyDataStream) {
    let reading = async {
        let mut left = MOST_DRAINED;
        while let Some(Ok(bytes)) = body.next().await {
            left = left.saturating_sub(bytes.len() as u64);
            if left == 0 {
                return;
            }
        }
    };
    // Whoever sends on has been told.
    let _told = tokio::time::timeout(LONGEST_DRAIN, reading).await;
}

fn row(wish: &Wish, kept: &Kept, now: Timestamp) -> ArtifactRow {
    ArtifactRow {
        id: wish.id(),
        task: wish.task,
        run: Run(wish.run),
        worker: wish.worker,
        kind: wish.kind.clone(),
        name: wish.name.clone(),
        content_type: wish.content_type.as_str().to_owned(),
        size: kept.size,
        sha256: kept.sha256.to_string(),
        width: kept.pixels.map(|(width, _)| width),
        height: kept.pixels.map(|(_, height)| height),
        thumbnail: kept.thumbnail.map(|hash| hash.to_string()),
        created_at: now,
    }
}

fn request(wish: &Wish, row: &ArtifactRow) -> v1::PutArtifactRequest {
    v1::PutArtifactRequest {
        run: Some(wish.run()),
        id: row.id.as_bytes().to_vec(),
        kind: row.kind.clone(),
        name: row.name.clone(),
        content_type: row.content_type.clone(),
        size: row.size,
        sha256: row.sha256.clone(),
        width: row.width,
        height: row.height,
        thumbnail: row.thumbnail.clone(),
        created_at: row.created_at.0,
    }
}
