//! Keeps contents under their hash, in a folder or a bucket, and gives them back.

use crate::{ArtifactError, ContentType, Incoming, Received, Sha256, picture};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutOptions, PutPayload,
};
use std::io::{Read, Seek};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use url::Url;

/// Files that arrive at once.
const RECEIVING: usize = 64;
/// Files that are looked at at once: each may be a large picture in memory.
const LOOKING: usize = 2;
/// Content that is older is written again when it comes again, so that no sweep takes it.
const FRESH: Duration = Duration::from_secs(12 * 3_600);

/// What contents are kept with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes of a file, at most.
    pub max_bytes: u64,
    /// Where files lie while they arrive; made when it isn't there.
    pub spool: PathBuf,
    /// Before every key.
    pub prefix: String,
    /// Where a content delivery network shows the store; contents are addressed there if given.
    pub base_url: Option<Url>,
    /// Whether the store keeps a type beside the content: a bucket does, a folder doesn't.
    pub with_types: bool,
}

/// The store of artifacts' contents. Clones share it.
#[derive(Clone, Debug)]
pub struct Artifacts {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) prefix: Path,
    settings: Settings,
    receiving: Arc<Semaphore>,
    looking: Semaphore,
}

/// A content that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
    /// Width and height in pixels, of a picture.
    pub pixels: Option<(u32, u32)>,
    /// The small picture, itself a kept content of the type `image/webp`.
    pub thumbnail: Option<Sha256>,
    /// How long looking at it took.
    pub took: Duration,
}

/// A content, or a part of it, as a stream.
pub struct Content {
    /// Bytes of the whole.
    pub size: u64,
    /// What is streamed of it.
    pub range: Range<u64>,
    /// Its bytes.
    pub bytes: BoxStream<'static, Result<Bytes, ArtifactError>>,
}

/// What looking at a file brought.
struct Looked {
    bytes: Bytes,
    picture: Option<picture::Picture>,
}

impl Artifacts {
    /// Over any store.
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectStore>, settings: Settings) -> Self {
        let prefix = Path::from(settings.prefix.as_str());
        let receiving = Arc::new(Semaphore::new(RECEIVING));
        let looking = Semaphore::new(LOOKING);
        Self { inner: Arc::new(Inner { objects, prefix, settings, receiving, looking }) }
    }

    /// Bytes of a file, at most.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.inner.settings.max_bytes
    }

    /// Where a content delivery network shows the content.
    #[must_use]
    pub fn public_url(&self, sha256: &Sha256) -> Option<String> {
        let base = self.inner.settings.base_url.as_ref()?;
        Some(format!("{}/{}", base.as_str().trim_end_matches('/'), sha256.path()))
    }

    /// Begins to take a file.
    ///
    /// # Errors
    /// The spool can't be written, or too many files arrive at once.
    pub async fn receive(&self) -> Result<Incoming, ArtifactError> {
        let permit = Arc::clone(&self.inner.receiving)
            .try_acquire_owned()
            .map_err(|_| ArtifactError::Unavailable(format!("{RECEIVING} files arrive already")))?;
        let spool = self.inner.settings.spool.clone();
        let file = blocking(move || {
            std::fs::create_dir_all(&spool)?;
            Ok(tempfile::tempfile_in(&spool)?)
        })
        .await?;
        Ok(Incoming::new(file, self.inner.settings.max_bytes, permit))
    }

    /// Looks at a file and keeps it, with a small picture of a picture.
    ///
    /// # Errors
    /// It is not what it says it is, or not the content of `expected`, or there is no room. Nothing is in the store
    /// in part then; a whole content whose small picture found no room goes with the next sweep.
    pub async fn keep(
        &self,
        received: Received,
        kind: ContentType,
        expected: Option<Sha256>,
    ) -> Result<Kept, ArtifactError> {
        if expected.is_some_and(|expected| expected != received.sha256) {
            return Err(ArtifactError::WrongHash);
        }
        let (sha256, size) = (received.sha256, received.size);
        // Held until the bytes are stored: they are in memory until then.
        let _looking = self
            .inner
            .looking
            .acquire()
            .await
            .map_err(|_| ArtifactError::Unavailable("closed".to_owned()))?;
        let begun = std::time::Instant::now();
        let looked = blocking(move || look(received, kind)).await?;
        let took = begun.elapsed();
        let pixels = looked.picture.as_ref().map(|picture| (picture.width, picture.height));
        self.put(&sha256, looked.bytes, kind).await?;
        let thumbnail = match looked.picture {
            None => None,
            Some(picture) => {
                let sha256 = Sha256::of(&picture.thumbnail);
                self.put(&sha256, picture.thumbnail.into(), ContentType::Webp).await?;
                Some(sha256)
            }
        };
        Ok(Kept { sha256, size, pixels, thumbnail, took })
    }

    async fn put(&self, sha256: &Sha256, bytes: Bytes, kind: ContentType) -> Result<(), ArtifactError> {
        let path = self.path(sha256);
        match self.inner.objects.head(&path).await {
            Ok(there) if there.size == bytes.len() as u64 && age(&there) < FRESH => return Ok(()),
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut options = PutOptions::default();
        if self.inner.settings.with_types {
            let mut attributes = Attributes::new();
            attributes.insert(Attribute::ContentType, kind.as_str().into());
            attributes.insert(Attribute::CacheControl, "public, max-age=31536000, immutable".into());
            if !kind.is_picture() {
                // Whoever opens the bucket's address in a browser must not run a stranger's page there.
                attributes.insert(Attribute::ContentDisposition, "attachment".into());
            }
            options.attributes = attributes;
        }
        self.inner.objects.put_opts(&path, PutPayload::from_bytes(bytes), options).await?;
        Ok(())
    }

    /// A content, or `range` of it; the range must lie inside.
    ///
    /// # Errors
    /// There is no such content, or the store is away.
    pub async fn open(&self, sha256: &Sha256, range: Option<Range<u64>>) -> Result<Content, ArtifactError> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let found = self.inner.objects.get_opts(&self.path(sha256), options).await?;
        Ok(Content {
            size: found.meta.size,
            range: found.range.clone(),
            bytes: found.into_stream().map(|part| part.map_err(ArtifactError::from)).boxed(),
        })
    }

    /// Bytes of a content.
    ///
    /// # Errors
    /// As [`Artifacts::open`].
    pub async fn size(&self, sha256: &Sha256) -> Result<u64, ArtifactError> {
        Ok(self.inner.objects.head(&self.path(sha256)).await?.size)
    }

    fn path(&self, sha256: &Sha256) -> Path {
        self.inner.prefix.parts().chain(sha256.path().parts()).collect()
    }
}

/// Since it was written; by the store's clock and ours, which need not agree to the second.
pub(crate) fn age(there: &object_store::ObjectMeta) -> Duration {
    let written = std::time::SystemTime::from(there.last_modified);
    std::time::SystemTime::now().duration_since(written).unwrap_or_default()
}

fn look(received: Received, kind: ContentType) -> Result<Looked, ArtifactError> {
    let mut file = received.file;
    file.rewind()?;
    let mut bytes = Vec::with_capacity(usize::try_from(received.size).unwrap_or(0));
    file.read_to_end(&mut bytes)?;
    if !kind.fits(&bytes) {
        return Err(ArtifactError::WrongType { said: kind.as_str() });
    }
    let picture = if kind.is_picture() { Some(picture::read(&bytes, kind)?) } else { None };
    Ok(Looked { bytes: bytes.into(), picture })
}

/// Off the runtime's threads: disks and decoders take their time.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArtifactError> + Send + 'static,
) -> Result<T, ArtifactError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_panic) => Err(ArtifactError::Unreadable("its decoder broke off".to_owned())),
    }
}
