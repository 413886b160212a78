//! Pages without a browser.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use ukai_browser::{PageError, PageOutcome, PageRequest};
use ukai_worker::{PageFetcher, Text};
use url::Url;

/// Answers by the address's path.
pub struct Pages {
    /// When each page was asked for.
    pub asked: Mutex<Vec<Instant>>,
    /// Pages that are being fetched now.
    pub open: Arc<AtomicUsize>,
    /// `/gate` waits for a permit.
    pub gate: Semaphore,
}

const PRODUCT: &str = r#"<!doctype html><html><head><title>Lamp</title><script type="application/ld+json">
{"@context":"https://schema.org","@type":"Product","name":"Brass Lamp","image":"https://x.example/a.jpg",
 "aggregateRating":{"@type":"AggregateRating","ratingValue":"4.5","reviewCount":"12"},
 "offers":{"@type":"Offer","price":"49.90","priceCurrency":"EUR","availability":"https://schema.org/InStock"}}
</script></head><body><h1>Brass Lamp</h1><p>A lamp of brass, in stock. 49,90 €</p></body></html>"#;

const CAPTCHA: &str = r#"<!doctype html><html><head><title>Robot Check</title></head><body>
<h4>Enter the characters you see below</h4><p>Sorry, we just need to make sure you're not a robot.</p>
<form method="get" action="/errors/validateCaptcha"><input name="field-keywords"></form></body></html>"#;

impl Pages {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { asked: Mutex::default(), open: Arc::default(), gate: Semaphore::new(0) })
    }

    async fn answer(&self, request: &PageRequest) -> Result<PageOutcome, PageError> {
        self.asked.lock().unwrap().push(Instant::now());
        self.open.fetch_add(1, Ordering::SeqCst);
        let open = Arc::clone(&self.open);
        let _closed = Closed(open);
        let (status, html) = match request.url.path() {
            "/captcha" => (200, CAPTCHA),
            "/missing" => (404, "<html><head><title>404</title></head><body>Page not found</body></html>"),
            "/slow" => std::future::pending().await,
            "/gate" => {
                self.gate.acquire().await.unwrap().forget();
                (200, PRODUCT)
            }
            "/down" => return Err(PageError::Network("net::ERR_CONNECTION_REFUSED".to_owned())),
            "/late" => return Err(PageError::Timeout(Duration::from_secs(1))),
            "/panics" => panic!("a page that breaks the worker's code"),
            _ => (200, PRODUCT),
        };
        Ok(PageOutcome {
            html: html.to_owned(),
            final_url: request.url.to_string(),
            status,
            headers: vec![("content-type".to_owned(), "text/html".to_owned())],
            load: Duration::from_millis(5),
            settled: Duration::from_millis(9),
            at_rest: true,
            screenshot: request.screenshot.as_ref().map(|_| b"\x89PNG".to_vec()),
            browser: "FakeChrome/1".to_owned(),
        })
    }
}

struct Closed(Arc<AtomicUsize>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl PageFetcher for Pages {
    fn fetch<'a>(&'a self, request: &'a PageRequest) -> BoxFuture<'a, Result<PageOutcome, PageError>> {
        Box::pin(self.answer(request))
    }

    fn text<'a>(&'a self, url: &'a Url, _: usize) -> BoxFuture<'a, Result<Text, String>> {
        let closed = url.host_str() == Some("closed.example");
        let body = if closed { "User-agent: *\nDisallow: /" } else { "" };
        Box::pin(async move { Ok(Text { status: 200, body: body.as_bytes().to_vec() }) })
    }

    fn set_headless(&self, headless: bool) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move { if headless { Ok(()) } else { Err("there is no display".to_owned()) } })
    }
}
