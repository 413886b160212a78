//! The browser as its users see it: one that is always there, whatever happened to the process before.

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;

use crate::{
    Config, LaunchError, PageError, PageOutcome, PageRequest, egress::Guard, fetch, instance::Instance,
    profile,
};

/// A browser. Pages may be fetched side by side; each has a context of its own.
#[derive(Debug)]
pub struct Browser {
    config: Config,
    current: Mutex<Option<Arc<Instance>>>,
}

impl Browser {
    /// Sweeps what killed runs left behind and starts Chromium.
    ///
    /// # Errors
    /// Every [`LaunchError`]; nothing is left running then.
    pub async fn launch(config: Config) -> Result<Self, LaunchError> {
        let swept = profile::sweep(&profile::base(&config));
        if swept > 0 {
            tracing::info!(folders = swept, "removed abandoned profile folders");
        }
        let instance = Instance::launch(&config).await?;
        Ok(Self { config, current: Mutex::new(Some(instance)) })
    }

    /// Fetches one page. Dropping the future ends the page; its context is disposed either way.
    ///
    /// # Errors
    /// Every [`PageError`], at most a few seconds after the request's timeout.
    pub async fn fetch(&self, request: &PageRequest) -> Result<PageOutcome, PageError> {
        let instance = self.instance().await?;
        let limit = request.timeout + Duration::from_secs(2);
        let guard = Guard::new(self.config.allow_private_targets, &self.config.allowed_targets);
        let visit = Box::pin(fetch::fetch(&instance, request, guard));
        let outcome = match tokio::time::timeout(limit, visit).await {
            Ok(outcome) => outcome,
            Err(_) => Err(PageError::Timeout(request.timeout)),
        };
        // A page that broke is disposed with its context; only a browser that does not answer either is replaced,
        // for other pages may run on it.
        if let Err(PageError::Crashed(why)) = &outcome
            && !instance.answers().await
        {
            tracing::warn!(why, "the browser is replaced");
            instance.condemn();
        }
        outcome
    }

    /// The product and version of the running browser, or of the last one.
    pub async fn version(&self) -> Option<String> {
        self.current.lock().await.as_ref().map(|instance| instance.version.clone())
    }

    /// The process id of the running browser.
    pub async fn pid(&self) -> Option<u32> {
        self.current.lock().await.as_ref().map(|instance| instance.process.pid)
    }

    /// Ends the process and waits, at most five seconds, until it and its folder are gone.
    pub async fn close(self) {
        let Some(instance) = self.current.into_inner() else { return };
        instance.condemn();
        let gone = instance.process.gone.clone();
        drop(instance);
        let _ = tokio::time::timeout(Duration::from_secs(5), gone.cancelled()).await;
    }

    /// The running process, or a new one where the old is dead or has served its pages.
    async fn instance(&self) -> Result<Arc<Instance>, LaunchError> {
        let mut current = self.current.lock().await;
        if let Some(instance) = current.as_ref()
            && instance.is_usable(self.config.max_pages)
        {
            return Ok(Arc::clone(instance));
        }
        // Pages that still run on the old process keep it until they end.
        *current = None;
        let instance = Instance::launch(&self.config).await?;
        *current = Some(Arc::clone(&instance));
        Ok(instance)
    }
}
