//! One Chromium process and the connection to it. Every call ends: with its answer, its timeout, or the process.

use std::{
    fmt::Display,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chromiumoxide::{
    Browser as Devtools, Page,
    cdp::browser_protocol::{
        browser::{BrowserContextId, SetDownloadBehaviorBehavior, SetDownloadBehaviorParams},
        target::{CreateBrowserContextParams, CreateTargetParams},
    },
    handler::HandlerConfig,
};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::{Config, LaunchError, PageError, process::Process};

const CALL: Duration = Duration::from_secs(10);

/// A running browser. Its process ends when the last user has dropped it.
#[derive(Debug)]
pub(crate) struct Instance {
    devtools: Devtools,
    pub(crate) process: Process,
    /// The product and version that the browser names.
    pub(crate) version: String,
    dead: CancellationToken,
    pages: AtomicU32,
}

impl Instance {
    pub(crate) async fn launch(config: &Config) -> Result<Arc<Self>, LaunchError> {
        let limit = config.launch_timeout;
        let process = Process::start(config).await?;
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
            .map_err(|error| LaunchError::Protocol(error.to_string()))?
            .product;
        tracing::info!(browser.version = version, pid = process.pid, "chromium started");
        Ok(Arc::new(Self { devtools, process, version, dead, pages: AtomicU32::new(0) }))
    }

    /// Runs one DevTools call with an outer timeout; a dead browser ends it at once.
    pub(crate) async fn call<T, E: Display>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, PageError> {
        tokio::select! {
            () = self.dead.cancelled() => Err(PageError::Crashed("the browser has ended".to_owned())),
            outcome = tokio::time::timeout(limit, call) => match outcome {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => Err(PageError::Crashed(error.to_string())),
                Err(_) => Err(PageError::Crashed("the browser does not answer".to_owned())),
            },
        }
    }

    /// A blank page in a context of its own.
    pub(crate) async fn open(self: &Arc<Self>) -> Result<(Page, Context), PageError> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        let create = CreateBrowserContextParams { dispose_on_detach: Some(true), ..Default::default() };
        let id = self.call(CALL, self.devtools.create_browser_context(create)).await?;
        let context = Context { instance: Arc::clone(self), id: Some(id.clone()) };
        let deny = SetDownloadBehaviorParams {
            behavior: SetDownloadBehaviorBehavior::Deny,
            browser_context_id: Some(id.clone()),
            download_path: None,
            events_enabled: None,
        };
        self.call(CALL, self.devtools.execute(deny)).await?;
        let blank = CreateTargetParams::builder()
            .url("about:blank")
            .browser_context_id(id)
            .build()
            .map_err(PageError::Crashed)?;
        let page = self.call(CALL, self.devtools.new_page(blank)).await?;
        Ok((page, context))
    }

    /// Whether the browser as a whole still answers.
    pub(crate) async fn answers(&self) -> bool {
        self.call(Duration::from_secs(2), self.devtools.version()).await.is_ok()
    }

    /// Nothing more is asked of this process; calls under way fail.
    pub(crate) fn condemn(&self) {
        self.dead.cancel();
    }

    pub(crate) fn is_usable(&self, max_pages: u32) -> bool {
        !self.dead.is_cancelled()
            && !self.process.gone.is_cancelled()
            && self.pages.load(Ordering::Relaxed) < max_pages.max(1)
    }
}

/// A browser context; dropping it disposes it in the background, and the process too if that fails.
#[derive(Debug)]
pub(crate) struct Context {
    instance: Arc<Instance>,
    id: Option<BrowserContextId>,
}

impl Drop for Context {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let instance = Arc::clone(&self.instance);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let disposed = instance
                    .call(Duration::from_secs(3), instance.devtools.dispose_browser_context(id))
                    .await;
                if disposed.is_err() {
                    instance.condemn();
                }
            });
        }
    }
}
