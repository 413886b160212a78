//! What an upload says about its file, checked before the first byte of it is read.

use super::token::Bringer;
use crate::error::ApiError;
use crate::extract::{Query, has_control};
use axum::http::{HeaderMap, header};
use sha2::Digest;
use ukai_artifacts::{ContentType, Sha256};
use ukai_domain::{ArtifactId, Code, TaskId, WorkerId};
use ukai_rpc::v1;

/// Longest name of a file, in characters.
const LONGEST_NAME: usize = 200;
/// Longest kind.
const LONGEST_KIND: usize = 32;

/// A file that somebody wants to bring.
pub(super) struct Wish {
    pub(super) task: TaskId,
    pub(super) run: u32,
    pub(super) worker: WorkerId,
    pub(super) enrolled: bool,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) content_type: ContentType,
    pub(super) sha256: Sha256,
    /// As announced, if it was.
    pub(super) size: Option<u64>,
}

impl Wish {
    /// Every wrong parameter is named.
    pub(super) fn read(bringer: Bringer, mut query: Query, headers: &HeaderMap) -> Result<Self, ApiError> {
        let task = required(&mut query, "taskId", TaskId::parse, "must be the id of a task");
        let run = |text: &str| text.parse().ok().filter(|run| *run >= 1);
        let run = required(&mut query, "run", run, "must be the number of a run, from 1");
        let kind = required(&mut query, "kind", kind, "must be 1 to 32 of a-z, 0-9 and -, a letter first");
        let sha256 = required(&mut query, "sha256", Sha256::parse, "must be 64 lower-case hex digits");
        let name = |text: &str| {
            let fits = (1..=LONGEST_NAME).contains(&text.chars().count()) && !has_control(text);
            fits.then(|| text.to_owned())
        };
        let name =
            query.parse("name", name, "must have 1 to 200 characters and none that controls the terminal");
        let (worker, enrolled) = match bringer {
            Bringer::Worker(worker) => (Some(worker), false),
            Bringer::Enrolled => {
                (required(&mut query, "workerId", WorkerId::parse, "must be the id of a worker"), true)
            }
        };
        query.finish()?;
        let said =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = ContentType::parse(said).ok_or_else(|| {
            let known = ContentType::ALL.map(ContentType::as_str).join(", ");
            ApiError::new(Code::UnsupportedMediaType, format!("the content type must be one of {known}"))
        })?;
        let size = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        match (task, run, worker, kind, sha256) {
            (Some(task), Some(run), Some(worker), Some(kind), Some(sha256)) => {
                let name = name.unwrap_or_else(|| format!("{kind}.{}", content_type.extension()));
                Ok(Self { task, run, worker, enrolled, kind, name, content_type, sha256, size })
            }
            _ => Err(ApiError::invalid("a parameter is missing")),
        }
    }

    /// The run that the file is of.
    pub(super) fn run(&self) -> v1::RunRequest {
        v1::RunRequest {
            task: self.task.as_bytes().to_vec(),
            run: self.run,
            worker: self.worker.as_bytes().to_vec(),
            enrolled: self.enrolled,
        }
    }

    /// The same file of the same run, brought again, is the same artifact.
    pub(super) fn id(&self) -> ArtifactId {
        let digest = sha2::Sha256::new()
            .chain_update(b"ukai artifact 1")
            .chain_update(self.task.as_bytes())
            .chain_update(self.run.to_be_bytes())
            .chain_update(self.sha256.0)
            .chain_update(self.kind.as_bytes())
            .chain_update([0])
            .chain_update(self.name.as_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        ArtifactId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

fn required<T>(query: &mut Query, key: &str, parse: impl Fn(&str) -> Option<T>, message: &str) -> Option<T> {
    match query.take(key) {
        None => {
            query.wrong(key, "is required");
            None
        }
        Some(text) => {
            let value = parse(&text);
            if value.is_none() {
                query.wrong(key, message);
            }
            value
        }
    }
}

fn kind(text: &str) -> Option<String> {
    let fits = text.len() <= LONGEST_KIND
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    fits.then(|| text.to_owned())
}
