//! The seam between the worker and its browser, so that tests can put a page server of their own in its place.

use std::{
    net::SocketAddr,
    sync::{Arc, Weak},
    time::Duration,
};

use futures::{StreamExt, future::BoxFuture};
use tokio::sync::RwLock;
use ukai_browser::{Browser, Config, LaunchError, PageError, PageOutcome, PageRequest, Vitals};
use url::Url;

/// Redirects of a text.
const MOST_REDIRECTS: usize = 5;
/// To the end of a text.
const TEXT_LIMIT: Duration = Duration::from_secs(15);
/// How often a browser that died in idleness is looked for.
const REVIVE: Duration = Duration::from_secs(3);

/// What a server answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// Of the last answer.
    pub status: u16,
    /// Its beginning.
    pub body: Vec<u8>,
}

/// Fetches pages.
pub trait PageFetcher: Send + Sync + 'static {
    /// Fetches one page. Dropping the future ends the page.
    fn fetch<'a>(&'a self, request: &'a PageRequest) -> BoxFuture<'a, Result<PageOutcome, PageError>>;

    /// Fetches a small text without the browser, but by its way out: at most `limit` bytes, redirects followed. The text
    /// of the error says why there is none.
    fn text<'a>(&'a self, url: &'a Url, limit: usize) -> BoxFuture<'a, Result<Text, String>>;

    /// Changes between a browser with and without a window; the text says why it can't.
    fn set_headless(&self, headless: bool) -> BoxFuture<'_, Result<(), String>>;

    /// How the browser is.
    fn vitals(&self) -> Vitals {
        Vitals::default()
    }
}

/// The real browser. Another mode is another browser; pages under way end on the old one.
pub(crate) struct BrowserFetcher {
    config: Config,
    browser: RwLock<(bool, Arc<Browser>)>,
}

impl BrowserFetcher {
    pub(crate) async fn launch(config: Config) -> Result<Self, LaunchError> {
        let browser = Browser::launch(config.clone()).await?;
        Ok(Self { browser: RwLock::new((!config.headful, Arc::new(browser))), config })
    }

    /// Looks after the browser while nobody asks for pages, for as long as the fetcher lives.
    pub(crate) async fn look_after(fetcher: Weak<Self>) {
        loop {
            tokio::time::sleep(REVIVE).await;
            let Some(browser) =
                fetcher.upgrade().map(|fetcher| fetcher.browser.try_read().ok().map(|it| Arc::clone(&it.1)))
            else {
                return;
            };
            if let Some(browser) = browser
                && let Err(error) = browser.revive().await
            {
                tracing::warn!(%error, "the browser can't be started again");
            }
        }
    }

    /// Ends the browser.
    pub(crate) async fn close(self) {
        if let Some(browser) = Arc::into_inner(self.browser.into_inner().1) {
            browser.close().await;
        }
    }
}

impl PageFetcher for BrowserFetcher {
    fn fetch<'a>(&'a self, request: &'a PageRequest) -> BoxFuture<'a, Result<PageOutcome, PageError>> {
        Box::pin(async move {
            let browser = Arc::clone(&self.browser.read().await.1);
            browser.fetch(request).await
        })
    }

    fn text<'a>(&'a self, url: &'a Url, limit: usize) -> BoxFuture<'a, Result<Text, String>> {
        Box::pin(async move {
            let way_out = self.browser.read().await.1.way_out();
            text(way_out, url, limit).await.map_err(|error| told(&error))
        })
    }

    fn set_headless(&self, headless: bool) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            if self.browser.read().await.0 == headless {
                return Ok(());
            }
            if self.config.profile.is_some() {
                return Err("two browsers can't share the kept profile; start the worker anew".to_owned());
            }
            let config = Config { headful: !headless, ..self.config.clone() };
            let browser = Browser::launch(config).await.map_err(|error| error.to_string())?;
            *self.browser.write().await = (headless, Arc::new(browser));
            Ok(())
        })
    }

    fn vitals(&self) -> Vitals {
        self.browser
            .try_read()
            .map_or_else(|_| Vitals { expected: 1, ..Vitals::default() }, |browser| browser.1.vitals())
    }
}

/// What is seldom asked for needs no client that is kept.
async fn text(way_out: Option<SocketAddr>, url: &Url, limit: usize) -> Result<Text, reqwest::Error> {
    ukai_boot::init_tls();
    let client = reqwest::Client::builder()
        .timeout(TEXT_LIMIT)
        .user_agent(concat!("Ukai/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::limited(MOST_REDIRECTS));
    let client = match way_out {
        Some(address) => client.proxy(reqwest::Proxy::all(format!("http://{address}"))?),
        None => client.no_proxy(),
    };
    let response = client.build()?.get(url.clone()).send().await?;
    let status = response.status().as_u16();
    let mut stream = response.bytes_stream();
    let mut body = Vec::new();
    while body.len() < limit
        && let Some(part) = stream.next().await
    {
        body.extend_from_slice(&part?);
    }
    body.truncate(limit);
    Ok(Text { status, body })
}

/// The error with what caused it, in one line.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
