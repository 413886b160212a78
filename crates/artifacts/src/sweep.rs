//! Removes contents that no row names any more.

use crate::store::age;
use crate::{ArtifactError, Artifacts, Sha256};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use std::time::Duration;

/// Contents that are younger stay: their row may be on its way.
const GRACE: Duration = Duration::from_secs(24 * 3_600);
/// Contents that are asked about at once.
const SLICE: usize = 100;

/// What a sweep came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Contents that were looked at.
    pub seen: u64,
    /// Contents that went.
    pub removed: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Artifacts {
    /// Walks over all contents; `named` answers which of some hashes a row names. Whatever lies in the store under
    /// another kind of name is left alone.
    ///
    /// # Errors
    /// The store is away, or `named` fails: what was removed until then stays removed.
    pub async fn sweep<E, F>(&self, mut named: impl FnMut(Vec<String>) -> F) -> Result<Swept, SweepError<E>>
    where
        F: Future<Output = Result<Vec<String>, E>>,
    {
        let mut swept = Swept::default();
        let mut old = Vec::with_capacity(SLICE);
        let prefix = self.inner.prefix.clone().join("sha256");
        let mut objects = self.inner.objects.list(Some(&prefix));
        loop {
            let next = objects.try_next().await.map_err(|error| SweepError::Store(error.into()))?;
            let end = next.is_none();
            if let Some(object) = next {
                swept.seen += 1;
                if let Some(sha256) = Sha256::of_path(&object.location).filter(|_| age(&object) > GRACE) {
                    old.push((sha256.to_string(), object));
                }
            }
            if old.len() >= SLICE || (end && !old.is_empty()) {
                let asked = old.iter().map(|(hash, _)| hash.clone()).collect();
                let stay = named(asked).await.map_err(SweepError::Named)?;
                for (hash, object) in old.drain(..) {
                    if !stay.contains(&hash) {
                        let removed = self.inner.objects.delete(&object.location).await;
                        removed.map_err(|error| SweepError::Store(error.into()))?;
                        swept.removed += 1;
                        swept.bytes += object.size;
                    }
                }
            }
            if end {
                return Ok(swept);
            }
        }
    }
}

/// Why a sweep broke off.
#[derive(Debug, thiserror::Error)]
pub enum SweepError<E> {
    /// The contents' store.
    #[error(transparent)]
    Store(ArtifactError),
    /// The question which are named.
    #[error("which contents are named is unknown: {0}")]
    Named(E),
}
