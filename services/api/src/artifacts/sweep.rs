//! Contents that no row names any more go, a while after their rows went.

use std::sync::Arc;
use std::time::Duration;
use ukai_artifacts::Artifacts;
use ukai_store::Reads;

/// Looks over all contents every `every`, first after as long; never ends. Several processes may do so at once.
pub async fn sweep_artifacts(artifacts: Artifacts, reads: Arc<dyn Reads>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let named = |hashes| {
            let reads = Arc::clone(&reads);
            async move { reads.named_artifacts(hashes).await }
        };
        match artifacts.sweep(named).await {
            Ok(swept) if swept.removed > 0 => {
                tracing::info!(
                    swept.seen,
                    swept.removed,
                    swept.bytes,
                    "contents without an artifact were removed"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the artifacts' contents were not swept"),
        }
    }
}
