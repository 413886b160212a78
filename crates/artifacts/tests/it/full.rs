//! No room: a clear error, nothing left behind, and on as soon as there is room.

use crate::kit::{config, files, keep, noise, read};
use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, memory::InMemory,
};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use ukai_artifacts::{ArtifactError, Artifacts, ContentType, Settings};
use ukai_testkit::disk::SmallDisk;

#[tokio::test]
async fn a_full_disk_refuses_whole_files_and_resumes() {
    let Ok(disk) = SmallDisk::make(2 << 20) else {
        eprintln!(
            "skipped: this user may not mount a small disk; the next test has a store that says it is full"
        );
        return;
    };
    let artifacts = config(&[]).open(Some(disk.path())).unwrap();
    let picture = noise(400, 400);
    let filler = disk.path().join("filler");
    std::fs::write(&filler, vec![1; (2 << 20) - picture.len() * 5 / 4]).unwrap();
    // There is room for the picture, but not for the small one too.
    let error = keep(&artifacts, &picture, ContentType::Png).await.unwrap_err();
    assert!(matches!(error, ArtifactError::Full(_)), "{error}");
    let kept = |path: &std::path::PathBuf| std::fs::read(path).unwrap() == picture;
    let left = files(&disk.path().join("artifacts"));
    assert!(left.iter().all(kept), "nothing is there in part: {left:?}");
    left.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    std::fs::remove_file(&filler).unwrap();
    // There is none for the file on its way in.
    std::fs::write(&filler, vec![1; 1_990_000]).unwrap();
    let error = keep(&artifacts, &picture, ContentType::Png).await.unwrap_err();
    assert!(matches!(error, ArtifactError::Full(_)), "{error}");
    std::fs::remove_file(&filler).unwrap();
    let kept = keep(&artifacts, &picture, ContentType::Png).await.unwrap();
    assert_eq!(read(&artifacts, &kept.sha256, None).await.unwrap(), picture);
}

/// A store that finds no room while it is told so.
#[derive(Debug)]
struct Fillable {
    objects: InMemory,
    is_full: AtomicBool,
}

impl std::fmt::Display for Fillable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fillable")
    }
}

#[async_trait]
impl ObjectStore for Fillable {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if self.is_full.load(Ordering::Relaxed) {
            let source = Box::new(io::Error::from(io::ErrorKind::StorageFull));
            return Err(object_store::Error::Generic { store: "Fillable", source });
        }
        self.objects.put_opts(at, payload, options).await
    }
    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(at, options).await
    }
    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.objects.get_opts(at, options).await
    }
    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(locations)
    }
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }
    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }
    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn a_store_without_room_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Fillable { objects: InMemory::new(), is_full: true.into() });
    let settings = Settings {
        max_bytes: 1 << 20,
        spool: folder.path().to_owned(),
        prefix: String::new(),
        base_url: None,
        with_types: false,
    };
    let artifacts = Artifacts::new(store.clone(), settings);
    let page = b"<p>kept</p>";
    let error = keep(&artifacts, page, ContentType::Html).await.unwrap_err();
    assert!(matches!(error, ArtifactError::Full(_)), "{error}");
    store.is_full.store(false, Ordering::Relaxed);
    let kept = keep(&artifacts, page, ContentType::Html).await.unwrap();
    assert_eq!(read(&artifacts, &kept.sha256, None).await.unwrap(), page);
}
