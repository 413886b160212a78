//! Files of a page: its picture and its HTML. They are brought to the server before the report that names them; a
//! result is never lost for one of them.

mod folder;
mod upload;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

pub(crate) use upload::Uploader;

use self::{folder::Folder, upload::Refusal};
use crate::traced::Trace;

/// The longest wait for a server that takes no files; the result is worth more.
const LONGEST: Duration = Duration::from_secs(30);
/// What the report's entry repeats of the server's answer.
const REPEATED: [&str; 8] = ["id", "url", "thumbnailUrl", "sha256", "size", "width", "height", "contentType"];

/// A file that belongs to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// `screenshot`, `html`, `live`.
    pub(crate) kind: &'static str,
    /// Where the kind alone doesn't tell it from another of the run.
    pub(crate) name: Option<String>,
    pub(crate) content_type: &'static str,
    pub(crate) extension: &'static str,
    /// Or why there are none.
    pub(crate) bytes: Result<Arc<[u8]>, String>,
}

/// Which run it is of. A server without runs takes no files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OfRun<'a> {
    pub(crate) task_id: &'a str,
    pub(crate) run: Option<u32>,
    pub(crate) trace: &'a Trace,
}

/// Keeps files until the server has them.
#[derive(Debug)]
pub(crate) struct Artifacts {
    folder: Arc<Folder>,
    uploader: Uploader,
}

impl Artifacts {
    pub(crate) fn new(folder: PathBuf, uploader: Uploader) -> Self {
        let folder = Folder::new(folder);
        let (files, bytes) = folder.left();
        if files > 0 {
            tracing::warn!(files, bytes, folder = %folder, "files that no server took lie here; the oldest go first");
        }
        Self { folder: Arc::new(folder), uploader }
    }

    /// How the server calls this worker.
    pub(crate) fn introduce(&self, worker_id: &str) {
        self.uploader.introduce(worker_id);
    }

    /// Brings all files, until `until` at the latest; their entries for the report.
    pub(crate) async fn bring(&self, of: OfRun<'_>, files: Vec<File>, until: Instant) -> Vec<Value> {
        let until = until.min(Instant::now() + LONGEST);
        let mut entries = Vec::with_capacity(files.len());
        for file in files {
            entries.push(self.bring_one(of, file, until).await);
        }
        entries
    }

    /// Brings a file that nobody waits for with a result: what the server doesn't take until `until` is dropped.
    pub(crate) async fn show(&self, task_id: &str, run: u32, file: &File, until: Instant) {
        let Ok(bytes) = &file.bytes else { return };
        match self.uploader.put(task_id, run, file, Arc::clone(bytes), until).await {
            Ok(_answer) => tracing::info!(task.id = task_id, run, kind = file.kind, "a picture was brought"),
            Err(Refusal { code, message }) => {
                tracing::warn!(
                    task.id = task_id,
                    run,
                    kind = file.kind,
                    code,
                    message,
                    "a file was not brought"
                );
            }
        }
    }

    async fn bring_one(&self, of: OfRun<'_>, file: File, until: Instant) -> Value {
        let bytes = match &file.bytes {
            Ok(bytes) => Arc::clone(bytes),
            Err(why) => {
                return json!({ "kind": file.kind, "error": { "code": "NOT_TAKEN", "message": why } });
            }
        };
        let path = self.keep(of, &file, Arc::clone(&bytes)).await;
        let size = bytes.len();
        let mut span = of.trace.call("upload");
        span.set("artifact.kind", file.kind);
        span.set("artifact.size", i64::try_from(size).unwrap_or(i64::MAX));
        let refusal = match of.run {
            None => None,
            Some(run) => match self.uploader.put(of.task_id, run, &file, bytes, until).await {
                Ok(answer) => {
                    self.let_go(path).await;
                    return entry(file.kind, answer);
                }
                Err(refusal) => Some(refusal),
            },
        };
        let mut left = json!({ "kind": file.kind, "contentType": file.content_type, "size": size });
        if let Some(path) = path {
            left["path"] = path.to_string_lossy().into();
        }
        if let Some(Refusal { code, message }) = refusal {
            span.fail(code.clone());
            tracing::warn!(
                task.id = of.task_id,
                run = of.run,
                kind = file.kind,
                code,
                message,
                "a file was not brought"
            );
            left["error"] = json!({ "code": code, "message": message });
        }
        left
    }

    /// On disk, so that a file that can't be brought is there for whoever looks for it.
    async fn keep(&self, of: OfRun<'_>, file: &File, bytes: Arc<[u8]>) -> Option<PathBuf> {
        let folder = Arc::clone(&self.folder);
        let name = folder::name(of.task_id, of.run, file.extension);
        let kept = tokio::task::spawn_blocking(move || folder.keep(&name, &bytes)).await.ok()?;
        kept.inspect_err(|error| tracing::warn!(task.id = of.task_id, %error, "a file can't be kept on disk"))
            .ok()
    }

    async fn let_go(&self, path: Option<PathBuf>) {
        if let Some(path) = path {
            // It goes with the oldest, should that fail.
            let _ = tokio::fs::remove_file(path).await;
        }
    }
}

/// The server's answer as an entry.
fn entry(kind: &str, answer: Value) -> Value {
    let mut entry = Map::from_iter([("kind".to_owned(), Value::from(kind))]);
    if let Value::Object(mut answer) = answer {
        for key in REPEATED {
            entry.insert(key.to_owned(), answer.remove(key).unwrap_or(Value::Null));
        }
    }
    Value::Object(entry)
}

#[cfg(test)]
mod tests {
    use super::entry;
    use serde_json::json;

    #[test]
    fn an_entry_repeats_what_is_known() {
        let answer =
            json!({"id": "a", "url": "/api/artifacts/a", "size": 9, "taskId": "t", "createdAt": "now"});
        let want = json!({
            "kind": "html", "id": "a", "url": "/api/artifacts/a", "thumbnailUrl": null, "sha256": null, "size": 9,
            "width": null, "height": null, "contentType": null,
        });
        assert_eq!(entry("html", answer), want);
        assert_eq!(entry("html", json!("nonsense")), json!({"kind": "html"}));
    }
}
