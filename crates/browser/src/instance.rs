//! One Chromium process and the connection to it. Every call ends: with its answer, its timeout, or the process.

use std::{
    fmt::Display,
    future::Future,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use chromiumoxide::{
    Browser as Devtools, Page,
    cdp::browser_protocol::{
        browser::{BrowserContextId, CloseParams, SetDownloadBehaviorBehavior, SetDownloadBehaviorParams},
        target::{CreateBrowserContextParams, CreateTargetParams},
    },
    handler::HandlerConfig,
};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use url::Url;

use crate::{
    Config, LaunchError, LiveView, PageError, Screenshot, content, identity::DenyPermissions, memory,
    process::Process,
};

const CALL: Duration = Duration::from_secs(10);
/// A page that changes its document while its picture is taken may never answer.
pub(crate) const GLANCE: Duration = Duration::from_secs(2);
/// Why a process is given up that should have answered.
pub(crate) const SILENT: &str = "the browser does not answer";
/// How often the group's memory is looked at.
const WEIGH: Duration = Duration::from_millis(500);

/// A running browser. Its process ends when the last user has dropped it.
#[derive(Debug)]
pub(crate) struct Instance {
    devtools: Devtools,
    pub(crate) process: Process,
    /// The product and version that the browser names.
    pub(crate) version: String,
    /// The user agent that it would send by itself.
    pub(crate) agent: String,
    dead: CancellationToken,
    /// Why it was given up, where that was our decision.
    condemned: OnceLock<String>,
    heavy: AtomicBool,
    born: Instant,
    pages: AtomicU32,
    live: Mutex<Vec<(u32, Url, Page)>>,
}

impl Instance {
    pub(crate) async fn launch(config: &Config, proxy: Option<SocketAddr>) -> Result<Arc<Self>, LaunchError> {
        let limit = config.launch_timeout;
        let process = Process::start(config, proxy).await?;
        let handler = HandlerConfig {
            ignore_https_errors: false,
            viewport: None,
            request_timeout: Duration::from_secs(60),
            ..HandlerConfig::default()
        };
        let connected =
            tokio::time::timeout(limit, Devtools::connect_with_config(process.devtools.clone(), handler))
                .await;
        let (devtools, mut handler) = connected
            .map_err(|_| LaunchError::Timeout(limit))?
            .map_err(|error| LaunchError::Protocol(error.to_string()))?;
        let dead = CancellationToken::new();
        let end = dead.clone().drop_guard();
        tokio::spawn(async move {
            let _end = end;
            // After the first error nothing more comes: without this break every pending call would hang.
            while let Some(Ok(())) = handler.next().await {}
        });
        let version = tokio::time::timeout(limit, devtools.version())
            .await
            .map_err(|_| LaunchError::Timeout(limit))?
            .map_err(|error| LaunchError::Protocol(error.to_string()))?;
        let (version, agent) = (version.product, version.user_agent);
        tracing::info!(browser.version = version, pid = process.pid, "chromium started");
        let instance = Arc::new(Self {
            devtools,
            process,
            version,
            agent,
            dead,
            condemned: OnceLock::new(),
            heavy: AtomicBool::new(false),
            born: Instant::now(),
            pages: AtomicU32::new(0),
            live: Mutex::default(),
        });
        tokio::spawn(weigh(Arc::downgrade(&instance), config.max_mb));
        Ok(instance)
    }

    /// Runs one DevTools call with an outer timeout; a dead browser ends it at once.
    pub(crate) async fn call<T, E: Display>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, PageError> {
        tokio::select! {
            () = self.dead.cancelled() => Err(self.ended()),
            outcome = tokio::time::timeout(limit, call) => match outcome {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => Err(PageError::Crashed(error.to_string())),
                Err(_) => Err(PageError::Crashed(SILENT.to_owned())),
            },
        }
    }

    /// What a page is told when its browser is no more.
    pub(crate) fn ended(&self) -> PageError {
        let why = self.condemned.get().map_or("the browser has ended", String::as_str);
        PageError::Crashed(why.to_owned())
    }

    /// A blank page; in a context of its own if it is to be `fresh`.
    pub(crate) async fn open(self: &Arc<Self>, fresh: bool) -> Result<(Page, Context), PageError> {
        let mut context = Context { instance: Arc::clone(self), id: None, page: None };
        if fresh {
            let create = CreateBrowserContextParams { dispose_on_detach: Some(true), ..Default::default() };
            context.id = Some(self.call(CALL, self.devtools.create_browser_context(create)).await?);
        }
        let deny = SetDownloadBehaviorParams {
            behavior: SetDownloadBehaviorBehavior::Deny,
            browser_context_id: context.id.clone(),
            download_path: None,
            events_enabled: None,
        };
        self.call(CALL, self.devtools.execute(deny)).await?;
        self.call(CALL, self.devtools.execute(DenyPermissions::within(context.id.clone()))).await?;
        let mut blank = CreateTargetParams::new("about:blank");
        blank.browser_context_id.clone_from(&context.id);
        let page = self.call(CALL, self.devtools.new_page(blank)).await?;
        context.page = context.id.is_none().then(|| page.clone());
        Ok((page, context))
    }

    /// Whether the browser as a whole still answers.
    pub(crate) async fn answers(&self) -> bool {
        self.call(Duration::from_secs(2), self.devtools.version()).await.is_ok()
    }

    /// Nothing more is asked of this process; calls under way fail.
    pub(crate) fn condemn(&self, why: &str) {
        if !self.dead.is_cancelled() {
            let _ = self.condemned.set(why.to_owned());
            self.dead.cancel();
        }
    }

    /// Asks the process to end by itself, so that what it keeps is written, and waits a moment for it.
    pub(crate) async fn leave(&self) {
        if self.is_alive() && self.call(CALL, self.devtools.execute(CloseParams::default())).await.is_ok() {
            let _ = tokio::time::timeout(Duration::from_secs(3), self.process.gone.cancelled()).await;
        }
    }

    pub(crate) fn count_page(&self) {
        self.pages.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn is_alive(&self) -> bool {
        !self.dead.is_cancelled() && !self.process.gone.is_cancelled()
    }

    /// Whether it ended without our doing.
    pub(crate) fn has_crashed(&self) -> bool {
        !self.is_alive() && self.condemned.get().is_none_or(|why| why == SILENT)
    }

    /// Whether the next page may go to this process.
    pub(crate) fn is_usable(&self, config: &Config) -> bool {
        self.is_alive()
            && !self.heavy.load(Ordering::Relaxed)
            && self.born.elapsed() < config.max_age
            && self.pages.load(Ordering::Relaxed) < config.max_pages.max(1)
    }

    pub(crate) fn memory(&self) -> Option<u64> {
        memory::of_group(self.process.pid)
    }

    fn pages_now(&self) -> std::sync::MutexGuard<'_, Vec<(u32, Url, Page)>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn under_way(&self) -> u32 {
        u32::try_from(self.pages_now().len()).unwrap_or(u32::MAX)
    }

    /// A page is under way until the return value is dropped.
    pub(crate) fn on_stage(self: &Arc<Self>, url: &Url, page: &Page) -> OnStage {
        let mut live = self.pages_now();
        let number = live.last().map_or(0, |(number, ..)| number.wrapping_add(1));
        live.push((number, url.clone(), page.clone()));
        OnStage { instance: Arc::clone(self), number }
    }

    /// What the pages under way look like.
    pub(crate) async fn look(self: &Arc<Self>) -> Vec<LiveView> {
        let live: Vec<_> =
            self.pages_now().iter().map(|(_, url, page)| (url.clone(), page.clone())).collect();
        let views = live.into_iter().map(async |(url, page)| {
            let picture = content::picture(self, &page, &Screenshot::window(), GLANCE).await.ok()?;
            Some(LiveView { url, picture })
        });
        futures::future::join_all(views).await.into_iter().flatten().collect()
    }
}

/// A page under way.
#[derive(Debug)]
pub(crate) struct OnStage {
    instance: Arc<Instance>,
    number: u32,
}

impl Drop for OnStage {
    fn drop(&mut self) {
        self.instance.pages_now().retain(|(number, ..)| *number != self.number);
    }
}

/// Watches the group's memory for as long as the process is there.
async fn weigh(instance: std::sync::Weak<Instance>, max_mb: u64) {
    if max_mb == 0 {
        return;
    }
    loop {
        tokio::time::sleep(WEIGH).await;
        let Some(instance) = instance.upgrade() else { return };
        if !instance.is_alive() {
            return;
        }
        let pid = instance.process.pid;
        let weight = tokio::task::spawn_blocking(move || memory::of_group(pid)).await;
        let mb = weight.ok().flatten().unwrap_or(0) >> 20;
        if mb > max_mb {
            if !instance.heavy.swap(true, Ordering::Relaxed) {
                tracing::info!(mb, "the browser has grown, the next page gets another");
            }
            if mb > max_mb.saturating_mul(2) {
                tracing::warn!(mb, "the browser has outgrown its bound and is killed");
                instance.condemn(&format!("the browser was killed at {mb} MiB of memory"));
                instance.process.kill();
                return;
            }
        }
    }
}

/// A browser context, or a single page of the kept profile; dropping it disposes it in the background, and the process
/// too if that fails.
#[derive(Debug)]
pub(crate) struct Context {
    instance: Arc<Instance>,
    id: Option<BrowserContextId>,
    page: Option<Page>,
}

impl Drop for Context {
    fn drop(&mut self) {
        let (id, page) = (self.id.take(), self.page.take());
        if id.is_none() && page.is_none() {
            return;
        }
        let instance = Arc::clone(&self.instance);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                const LIMIT: Duration = Duration::from_secs(3);
                let disposed = match (id, page) {
                    (Some(id), _) => {
                        instance.call(LIMIT, instance.devtools.dispose_browser_context(id)).await
                    }
                    (None, Some(page)) => instance.call(LIMIT, page.close()).await,
                    (None, None) => Ok(()),
                };
                if disposed.is_err() {
                    instance.condemn("the browser could not end a page");
                }
            });
        }
    }
}
