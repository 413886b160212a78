//! The browser as its users see it: one that is always there, whatever happened to the process before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Mutex;
use ukai_egress::{Policy, Proxy, Settings};

use crate::{
    Config, LaunchError, LiveView, PageError, PageOutcome, PageRequest, Vitals, fetch,
    instance::{Instance, SILENT},
    prepared::{Prepared, Spare},
    profile, steps,
};

/// A browser. Pages may be fetched side by side; each has a context of its own, unless a profile is kept.
#[derive(Debug)]
pub struct Browser {
    config: Arc<Config>,
    policy: Policy,
    /// The way out; `None` where everything is allowed and nothing lies behind.
    proxy: Option<Proxy>,
    spare: Arc<Spare>,
    current: Mutex<Option<Arc<Instance>>>,
    started: AtomicU64,
    crashed: AtomicU64,
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
        let policy = Policy::new(config.allow_private_targets, &config.allowed_targets)
            .map_err(|_| LaunchError::Target(config.allowed_targets.join(", ")))?;
        let direct = policy.allows_private() && config.upstream.is_none() && config.network.is_none();
        let proxy = if direct { None } else { Some(guard(&config, &policy).await?) };
        let browser = Self {
            config: Arc::new(config),
            policy,
            proxy,
            spare: Arc::default(),
            current: Mutex::default(),
            started: AtomicU64::new(0),
            crashed: AtomicU64::new(0),
        };
        let instance = browser.instance().await?;
        browser.spare.refill(&instance, &browser.config);
        Ok(browser)
    }

    /// Fetches one page. Dropping the future ends the page; its context is disposed either way.
    ///
    /// # Errors
    /// Every [`PageError`], at most a few seconds after the request's timeout.
    pub async fn fetch(&self, request: &PageRequest) -> Result<PageOutcome, PageError> {
        self.policy.check_url(&request.url).map_err(|refusal| PageError::Refused(refusal.to_string()))?;
        let instance = self.instance().await?;
        instance.count_page();
        let limit = request.timeout + Duration::from_secs(2);
        let visit = Box::pin(self.visit(&instance, request));
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
            instance.condemn(SILENT);
        }
        if instance.is_usable(&self.config) {
            self.spare.refill(&instance, &self.config);
        }
        outcome
    }

    async fn visit(&self, instance: &Arc<Instance>, request: &PageRequest) -> Result<PageOutcome, PageError> {
        let prepared = match self.spare.take(instance) {
            Some(prepared) => prepared,
            None => {
                let going = steps::begin(request.steps.as_ref(), "open");
                going.ended(Prepared::new(instance, &self.config).await)?
            }
        };
        fetch::fetch(prepared, request, self.proxy.as_ref()).await
    }

    /// Starts a new process where the old one has died, so that the next page need not wait for it.
    ///
    /// # Errors
    /// Every [`LaunchError`].
    pub async fn revive(&self) -> Result<(), LaunchError> {
        let dead = self.current.lock().await.as_ref().is_none_or(|instance| !instance.is_alive());
        if dead {
            let instance = self.instance().await?;
            self.spare.refill(&instance, &self.config);
        }
        Ok(())
    }

    /// What every page under way looks like now.
    pub async fn live(&self) -> Vec<LiveView> {
        let Some(instance) = self.current.lock().await.clone() else { return Vec::new() };
        instance.look().await
    }

    /// The product and version of the running browser, or of the last one.
    pub async fn version(&self) -> Option<String> {
        self.current.lock().await.as_ref().map(|instance| instance.version.clone())
    }

    /// The process id of the running browser.
    pub async fn pid(&self) -> Option<u32> {
        self.current.lock().await.as_ref().map(|instance| instance.process.pid)
    }

    /// How the browser is now. While a process is being started none is alive.
    pub fn vitals(&self) -> Vitals {
        let current = self.current.try_lock().ok().and_then(|current| current.clone());
        let alive = current.filter(|instance| instance.is_alive());
        Vitals {
            expected: 1,
            alive: u32::from(alive.is_some()),
            started: self.started.load(Ordering::Relaxed),
            crashed: self.crashed.load(Ordering::Relaxed),
            memory: alive.as_ref().and_then(|instance| instance.memory()).unwrap_or(0),
            pages: alive.map_or(0, |instance| instance.under_way()),
        }
    }

    /// Ends the process and waits, at most five seconds, until it and its folder are gone.
    pub async fn close(self) {
        drop(self.spare);
        let Some(instance) = self.current.into_inner() else { return };
        if self.config.profile.is_some() {
            instance.leave().await;
        }
        instance.condemn("the browser was closed");
        let gone = instance.process.gone.clone();
        drop(instance);
        let _ = tokio::time::timeout(Duration::from_secs(5), gone.cancelled()).await;
    }

    /// The proxy through which its pages go out, for requests that shall keep to the same rules; `None` where they go
    /// straight.
    #[must_use]
    pub fn way_out(&self) -> Option<std::net::SocketAddr> {
        self.proxy.as_ref().map(Proxy::address)
    }

    /// The running process, or a new one where the old is dead or has served its time.
    async fn instance(&self) -> Result<Arc<Instance>, LaunchError> {
        let mut current = self.current.lock().await;
        let kept = self.config.profile.is_some();
        if let Some(instance) = current.as_ref()
            // Two processes can't share a kept profile: an old one stays until its pages have ended.
            && (instance.is_usable(&self.config) || (kept && instance.is_alive() && instance.under_way() > 0))
        {
            return Ok(Arc::clone(instance));
        }
        // Pages that still run on the old process keep it until they end.
        if let Some(old) = current.take() {
            drop(self.spare.take(&old));
            if old.has_crashed() {
                self.crashed.fetch_add(1, Ordering::Relaxed);
            }
            if kept {
                old.leave().await;
                let gone = old.process.gone.clone();
                old.condemn("another browser takes its place");
                old.process.kill();
                drop(old);
                let _ = tokio::time::timeout(Duration::from_secs(5), gone.cancelled()).await;
            }
        }
        let instance = Instance::launch(&self.config, self.proxy.as_ref().map(Proxy::address)).await?;
        self.started.fetch_add(1, Ordering::Relaxed);
        *current = Some(Arc::clone(&instance));
        Ok(instance)
    }
}

/// The proxy that pages go out through.
async fn guard(config: &Config, policy: &Policy) -> Result<Proxy, LaunchError> {
    let mut settings = Settings { upstream: config.upstream.clone(), ..Settings::new(policy.clone()) };
    if let Some(network) = &config.network {
        settings.network = Arc::clone(network);
        settings.remember = Duration::ZERO;
    }
    let started = Proxy::start(settings).await;
    started.map_err(|error| LaunchError::Io("the egress guard can't listen on loopback", error))
}
