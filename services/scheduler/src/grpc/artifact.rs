//! Rows of artifacts: checked against the run that brought them, then written beside the queue's commits.

use super::reply::refuse;
use super::{task, worker};
use tonic::Status;
use ukai_domain::scheduler::{Input, Query};
use ukai_domain::{ArtifactId, Code, Rejection, Run, Timestamp};
use ukai_rpc::{Malformed, status_from_rejection, v1};
use ukai_store::{ArtifactRow, Store, StoreError};

/// The question whether a worker holds a run.
pub(super) fn holds(run: &v1::RunRequest) -> Result<Input, Status> {
    Ok(Input::Query(Query::Holds {
        task: task(&run.task)?,
        run: Run(run.run),
        worker: worker(&run.worker)?,
        enrolled: run.enrolled,
    }))
}

/// The row of a request.
pub(super) fn row(run: &v1::RunRequest, request: v1::PutArtifactRequest) -> Result<ArtifactRow, Status> {
    let id = ArtifactId::from_slice(&request.id).ok_or(Malformed("artifact id")).map_err(refuse)?;
    Ok(ArtifactRow {
        id,
        task: task(&run.task)?,
        run: Run(run.run),
        worker: worker(&run.worker)?,
        kind: request.kind,
        name: request.name,
        content_type: request.content_type,
        size: request.size,
        sha256: request.sha256,
        width: request.width,
        height: request.height,
        thumbnail: request.thumbnail,
        created_at: Timestamp(request.created_at),
    })
}

/// Writes it.
pub(super) async fn put(store: &dyn Store, row: ArtifactRow) -> Result<(), Status> {
    let rejection = match store.put_artifact(row).await {
        Ok(true) => return Ok(()),
        Ok(false) => Rejection::new(Code::TaskNotFound, "there is no such task"),
        Err(StoreError::Full(error)) => {
            tracing::error!(error, "an artifact's row found no room");
            Rejection::new(Code::StorageFull, "storage full")
        }
        Err(error @ (StoreError::Locked(_) | StoreError::Unavailable(_))) => {
            tracing::warn!(%error, "an artifact's row was not written");
            Rejection::new(Code::Unavailable, "the store is unavailable, try again")
        }
        Err(error @ (StoreError::Damaged(_) | StoreError::Address(_))) => {
            tracing::error!(%error, "an artifact's row was not written");
            Rejection::new(Code::InternalError, "internal error")
        }
    };
    Err(status_from_rejection(&rejection))
}
