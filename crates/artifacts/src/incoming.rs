//! A file on its way in: counted and hashed while it is written to a file that has no name.

use crate::{ArtifactError, Sha256};
use sha2::Digest;
use std::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::sync::OwnedSemaphorePermit;

/// A file whose bytes arrive. Dropped before its end it leaves nothing: the file never had a name.
#[derive(Debug)]
pub struct Incoming {
    file: tokio::fs::File,
    hasher: sha2::Sha256,
    size: u64,
    limit: u64,
    permit: OwnedSemaphorePermit,
}

/// A file that has arrived, and is kept nowhere yet.
#[derive(Debug)]
pub struct Received {
    pub(crate) file: File,
    /// Its hash.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
    _permit: OwnedSemaphorePermit,
}

impl Incoming {
    pub(crate) fn new(file: File, limit: u64, permit: OwnedSemaphorePermit) -> Self {
        let file = tokio::fs::File::from_std(file);
        Self { file, hasher: sha2::Sha256::new(), size: 0, limit, permit }
    }

    /// The next bytes.
    ///
    /// # Errors
    /// [`ArtifactError::TooLarge`] before a byte over the limit is written; a full or broken disk.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ArtifactError> {
        let size = self.size.saturating_add(bytes.len() as u64);
        if size > self.limit {
            return Err(ArtifactError::TooLarge { limit: self.limit });
        }
        self.size = size;
        self.hasher.update(bytes);
        Ok(self.file.write_all(bytes).await?)
    }

    /// The end.
    ///
    /// # Errors
    /// Nothing had come; a full or broken disk.
    pub async fn finish(mut self) -> Result<Received, ArtifactError> {
        if self.size == 0 {
            return Err(ArtifactError::Empty);
        }
        self.file.flush().await?;
        let sha256 = Sha256(self.hasher.finalize().into());
        Ok(Received { file: self.file.into_std().await, sha256, size: self.size, _permit: self.permit })
    }
}
