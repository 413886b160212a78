//! The first admin key, and what a start tells the person at the terminal.

use super::UpConfig;
use std::net::SocketAddr;
use ukai_boot::config::Auth;
use ukai_scheduler::put_admin_key;
use ukai_store::Store;

/// Stores the admin key that was given, if one was: before anybody may show it.
pub(super) async fn store_given(config: &UpConfig, store: &dyn Store) -> anyhow::Result<()> {
    if let Some(key) = &config.admin_key {
        put_admin_key(store, key).await?;
    }
    Ok(())
}

/// Makes the first key where there is none and one is needed: its text, to be shown once. So nothing may fail between this
/// and [`greet`]: a key that is stored and was never seen would lock its owner out.
pub(super) async fn make_first(config: &UpConfig, store: &dyn Store) -> anyhow::Result<Option<String>> {
    if config.auth == Auth::Off || store.has_api_key().await? {
        return Ok(None);
    }
    let key = ukai_api::secret::generate(ukai_api::secret::API_KEY);
    put_admin_key(store, &key).await?;
    Ok(Some(key))
}

/// What the first screen says.
#[allow(clippy::print_stdout, reason = "the one start message of a foreground command")]
pub(super) fn greet(config: &UpConfig, address: SocketAddr, first_key: Option<&str>) {
    println!("Ukai is up on http://{address} (reference: http://{address}/api/docs)");
    match config.database_url {
        None => println!("data: {}", config.data_dir.display()),
        Some(_) => println!("data: PostgreSQL; files of workers: {}", config.data_dir.display()),
    }
    if let Some(key) = first_key {
        println!(
            "\nadmin key, shown this once:\n\n    {key}\n\nuse it as:  export UKAI_URL=http://{address} UKAI_KEY={key}"
        );
    }
    if config.workers == 0 {
        println!("\nno worker is part of this process; to start one on any machine:");
        println!("    ukai worker-token create NAME        (here: prints a token once)");
        println!("    ukai worker --server http://{address} --token TOKEN");
    }
}
