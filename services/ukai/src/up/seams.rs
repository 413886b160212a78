//! The two seams: which store and which bus this process runs on. Each may be swapped alone.

use super::UpConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use ukai_boot::{Registry, Shutdown, Usage};
use ukai_bus::{Bus, LocalBus};
use ukai_store::sqlite::SqliteStore;
use ukai_store::{Store, StoreError};

/// How long a start waits for its database.
const DATABASE_LIMIT: Duration = Duration::from_secs(60);

/// The embedded database, or the one at `--database-url`; `None` where the process is to stop meanwhile.
pub(super) async fn store(config: &UpConfig, shutdown: &Shutdown) -> anyhow::Result<Option<Arc<dyn Store>>> {
    let Some(url) = &config.database_url else {
        let folder = config.data_dir.clone();
        let store: Arc<dyn Store> = tokio::task::spawn_blocking(move || SqliteStore::open(&folder)).await??;
        return Ok(Some(store));
    };
    let that_passes = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
    let store = ukai_boot::persist("the database", DATABASE_LIMIT, shutdown, that_passes, || {
        ukai_store::connect(url, "ukai-up")
    });
    store.await.map_err(|error| match error {
        StoreError::Address(_) => Usage(format!("--database-url: {error}")).into(),
        _ => error.into(),
    })
}

/// The bus of this process, or the one at `--nats-url`.
pub(super) async fn bus(config: &UpConfig, registry: &mut Registry) -> anyhow::Result<Arc<dyn Bus>> {
    match config.nats.options("ukai").map_err(|error| Usage(format!("--nats-url: {error}")))? {
        None => Ok(Arc::new(LocalBus::new())),
        Some(options) => Ok(ukai_bus::connect(options, registry).await?),
    }
}

/// What stands in the leader row: nothing where nobody else can see it, else a name that no other process has. It is
/// no address, because nobody else can call this process's scheduler.
pub(super) fn name(config: &UpConfig, bound: SocketAddr) -> String {
    if config.database_url.is_none() {
        return String::new();
    }
    format!("ukai up at {} {bound}", ukai_boot::machine_name().unwrap_or_default())
}
