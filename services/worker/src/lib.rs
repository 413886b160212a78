#![doc = include_str!("../README.md")]

mod artifacts;
mod block;
mod camera;
mod clock;
mod config;
mod crawl;
mod drain;
mod ended;
mod fetcher;
mod fit;
mod heartbeat;
mod holdings;
mod link;
mod messages;
mod metrics;
mod network;
mod outbox;
mod outcome;
mod pause;
mod picture;
mod report;
mod robots;
mod scrape;
mod session;
mod traced;
mod wake;

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::sync::watch;
use ukai_boot::Shutdown;
use ukai_socketio::{Backoff, Client, Settings, Target};

use crate::link::Link;

pub use config::WorkerConfig;
pub use fetcher::{PageFetcher, Text};

/// The browser that a worker would start, without a window.
#[must_use]
pub fn find_browser() -> Option<PathBuf> {
    ukai_browser::find_executable(false)
}

/// The server doesn't take this worker's token: trying again would change nothing.
#[derive(Debug, thiserror::Error)]
#[error("the server refuses this worker: {0}")]
pub struct Refused(pub String);

/// Runs a worker with a real browser until `shutdown`.
///
/// # Errors
/// The browser can't be started, the state folder can't be used, or the server refuses the token at the first connect
/// ([`Refused`]).
pub async fn run(config: WorkerConfig, shutdown: Shutdown) -> anyhow::Result<()> {
    config.pause()?;
    let fetcher = Arc::new(fetcher::BrowserFetcher::launch(config.browser()?).await.context("no browser")?);
    let care = tokio::spawn(fetcher::BrowserFetcher::look_after(Arc::downgrade(&fetcher)));
    let outcome = Box::pin(run_with(config, Arc::clone(&fetcher) as Arc<dyn PageFetcher>, shutdown)).await;
    care.abort();
    let _ = care.await;
    match alone(fetcher).await {
        Some(fetcher) => fetcher.close().await,
        None => tracing::warn!("the browser is still in use, its profile is removed at the next start"),
    }
    outcome
}

/// How long everybody may take to let go of the browser at the end.
const LETTING_GO: std::time::Duration = std::time::Duration::from_secs(5);

/// The one owner, once the others have let go: whoever serves the metrics may be about to end.
async fn alone<T>(mut shared: Arc<T>) -> Option<T> {
    let patience = std::time::Instant::now() + LETTING_GO;
    loop {
        match Arc::try_unwrap(shared) {
            Ok(own) => return Some(own),
            Err(_) if std::time::Instant::now() > patience => return None,
            Err(still) => shared = still,
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// The same with pages from somewhere else.
///
/// # Errors
/// As [`run`], without the browser's.
pub async fn run_with(
    config: WorkerConfig,
    fetcher: Arc<dyn PageFetcher>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let recipes = config.recipes()?;
    let pause = config.pause()?;
    let folder = config.state_folder();
    let _lock = lock(&folder)?;
    let (outbox, unreadable) = outbox::Outbox::open(&folder.join("outbox.jsonl"))
        .with_context(|| format!("the outbox in {} can't be used", folder.display()))?;
    let waiting = outbox.waiting().count();
    if waiting + unreadable > 0 {
        tracing::warn!(reports = waiting, unreadable, "an earlier run left reports, they are sent again");
    }
    let holdings = Arc::new(holdings::Holdings::new(outbox));
    let uploader = artifacts::Uploader::new(&config.server, &config.token)?;
    let (link, events) = connect(&config, Arc::clone(&holdings))?;
    let link = Arc::new(link);
    let (open, opened) = watch::channel(false);
    let (told, network) = watch::channel(network::NetworkInfo::default());
    let again = Arc::new(tokio::sync::Notify::new());
    if let Some(url) = config.ipinfo()? {
        ukai_boot::init_tls();
        let every = std::time::Duration::from_secs(config.ipinfo_every_s);
        let service = network::Service { url, token: config.ipinfo_token.clone(), every };
        tokio::spawn(network::run(service, Arc::clone(&again), told));
    }
    // Told to stop at the end: how a worker drains can be watched.
    let front = Shutdown::new();
    if let Some(address) = config.metrics_listen {
        let seen = (Arc::clone(&holdings), Arc::clone(&link));
        metrics::serve(address, &config.tracer, Arc::clone(&fetcher), seen, &front).await?;
    }
    let reporter = tokio::spawn(report::run(
        Arc::clone(&link),
        Arc::clone(&holdings),
        config.tracer.of("ukai-worker"),
        opened,
    ));
    let context = Arc::new(scrape::Context {
        client: link,
        holdings,
        fetcher,
        pauses: Mutex::new(pause::Pauses::new(pause, config.capacity)),
        recipes,
        robots: robots::Robots::default(),
        artifacts: Arc::new(artifacts::Artifacts::new(folder.join("artifacts"), uploader)),
        camera: camera::Camera::default(),
        block_images: config.block_images,
        tracer: config.tracer.of("ukai-worker"),
    });
    let session = session::Session {
        context,
        events,
        open,
        network,
        ask_network: again,
        asleep_after: std::time::Duration::from_millis(config.asleep_after_ms),
        judge: block::BlockJudge::new(config.block_after),
        drain: std::time::Duration::from_millis(config.drain_ms),
    };
    let outcome = Box::pin(session.run(&shutdown)).await;
    front.finish(LETTING_GO).await;
    reporter.abort();
    let _ = reporter.await;
    outcome
}

/// The socket to the server, which asks for what is in flight at every connect.
fn connect(
    config: &WorkerConfig,
    holdings: Arc<holdings::Holdings>,
) -> anyhow::Result<(Link, tokio::sync::mpsc::Receiver<ukai_socketio::ClientEvent>)> {
    let target = Target::new(config.server.as_str(), "/workers").context("--server")?;
    let mut settings = Settings::new(target);
    if config.is_local() {
        // The spread is for fleets; on one machine it would only be a wait.
        settings.backoff = Backoff::quick();
    }
    let (token, name) = (config.token.clone(), config.name());
    let (capacity, capabilities) = (config.capacity, config.capabilities.clone());
    let auth = Arc::new(move || {
        let auth = json!({
            "token": token,
            "name": name,
            "capacity": capacity,
            "capabilities": capabilities,
            "inFlight": holdings.in_flight(),
        });
        auth.to_string()
    });
    Ok(Link::new(move || {
        let auth = Arc::clone(&auth);
        Client::start(settings.clone(), move || auth())
    }))
}

/// Claims the state folder: two workers that share an outbox would each deliver the other's reports.
fn lock(folder: &Path) -> anyhow::Result<File> {
    let shown = folder.display();
    std::fs::create_dir_all(folder).with_context(|| format!("the state folder {shown} can't be made"))?;
    let file = File::create(folder.join("lock"))
        .with_context(|| format!("the state folder {shown} can't be used"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another worker uses {shown}: give each its own --name or --state-dir")
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("{shown} can't be locked")),
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    #[tokio::test]
    async fn the_last_owner_waits_for_the_others() {
        let (own, other) = (Arc::new(7), Arc::new(8));
        let user = Arc::clone(&own);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            drop(user);
        });
        assert_eq!(super::alone(own).await, Some(7));
        assert_eq!(super::alone(other).await, Some(8));
    }
}
