//! The first admin key, and what a start tells the person at the terminal.

use super::{Auth, UpConfig};
use std::net::SocketAddr;
use ukai_store::{ApiKeyRow, KeyRole, Store};

/// Stores the given admin key, or makes the first one where there is none. The new key's text, to be shown once.
pub(super) async fn prepare(config: &UpConfig, store: &dyn Store) -> anyhow::Result<Option<String>> {
    if let Some(key) = &config.admin_key {
        put(store, key).await?;
        return Ok(None);
    }
    if config.auth == Auth::Off || store.has_api_key().await? {
        return Ok(None);
    }
    let key = ukai_api::secret::generate(ukai_api::secret::API_KEY);
    put(store, &key).await?;
    Ok(Some(key))
}

async fn put(store: &dyn Store, key: &str) -> anyhow::Result<()> {
    let prefix = ukai_api::secret::prefix(key).to_owned();
    let hash = ukai_api::secret::hash(key);
    // The same key again is the same principal: its id, and with it its implicit job, stays.
    let known = store.api_key(&prefix).await?.filter(|row| row.hash == hash);
    if known.as_ref().is_some_and(|row| row.revoked_at.is_none() && row.role == KeyRole::Admin) {
        return Ok(());
    }
    let row = ApiKeyRow {
        id: known.map_or_else(uuid::Uuid::new_v4, |row| row.id),
        name: "admin".to_owned(),
        role: KeyRole::Admin,
        prefix,
        hash,
        created_at: super::wall_clock(),
        revoked_at: None,
    };
    Ok(store.put_api_key(row).await?)
}

/// What the first screen says.
#[allow(clippy::print_stdout, reason = "the one start message of a foreground command")]
pub(super) fn greet(config: &UpConfig, address: SocketAddr, first_key: Option<&str>) {
    println!("Ukai is up on http://{address} (reference: http://{address}/api/docs)");
    println!("data: {}", config.data_dir.display());
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
