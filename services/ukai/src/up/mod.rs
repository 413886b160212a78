//! One machine's Ukai: scheduler, gateway, api and monitor composed on one origin.

mod config;

pub use config::{Auth, Times, UpConfig};

/// Runs until `shutdown` is given.
///
/// # Errors
/// What kept it from starting, or ended it.
pub async fn run(config: UpConfig, shutdown: ukai_boot::Shutdown) -> anyhow::Result<()> {
    let _ = (config, shutdown);
    anyhow::bail!("the services aren't composed yet")
}
