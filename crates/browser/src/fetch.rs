//! One visit: open, navigate, wait until the page is complete, read it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chromiumoxide::{Page, cdp::browser_protocol::page::NavigateParams};
use ukai_egress::{Proxy, Target, Trouble};
use url::Url;

use crate::{
    PageError, PageOutcome, PageRequest,
    content::{self, Probe},
    instance::Instance,
    prepared::Prepared,
    seen::Document,
    steps,
    watch::{self, Watch},
};

/// How often a page that does not rest yet is looked at.
const LOOK: Duration = Duration::from_millis(60);

/// Fetches one page. Dropping the future ends the page.
pub(crate) async fn fetch(
    prepared: Prepared,
    request: &PageRequest,
    proxy: Option<&Proxy>,
) -> Result<PageOutcome, PageError> {
    let Prepared { page, watch, instance, _context } = prepared;
    let _on_stage = instance.on_stage(&request.url, &page);
    let _open = request.peephole.as_ref().map(|peephole| peephole.open(&instance, &page));
    if request.block_images && request.screenshot.is_none() {
        watch::leave_pictures_out(&instance, &page).await?;
    }
    let mut visit = Visit { instance: &instance, page, watch, request, started: Instant::now() };
    match visit.go().await {
        Err(PageError::Network(words)) => Err(explained(words, &visit.watch, request, proxy)),
        outcome => outcome,
    }
}

/// A proxy's failures all look alike to the browser; the proxy knows which it was.
fn explained(words: String, watch: &Watch, request: &PageRequest, proxy: Option<&Proxy>) -> PageError {
    let last = watch.seen.borrow().navigation().and_then(|(_, url)| Url::parse(url).ok());
    let target = Target::of(last.as_ref().unwrap_or(&request.url)).ok();
    match proxy.zip(target).and_then(|(proxy, target)| proxy.trouble(&target)) {
        Some(Trouble::Refused(refusal)) => PageError::Refused(refusal.to_string()),
        Some(Trouble::Failed(words)) => PageError::Network(words.to_owned()),
        None => PageError::Network(words),
    }
}

struct Visit<'a> {
    instance: &'a Arc<Instance>,
    page: Page,
    watch: Watch,
    request: &'a PageRequest,
    started: Instant,
}

impl Visit<'_> {
    async fn go(&mut self) -> Result<PageOutcome, PageError> {
        let request = self.request;
        let steps = request.steps.as_ref();
        let load = steps::begin(steps, "navigate").ended(self.navigate().await)?;
        let (probe, at_rest) = steps::begin(steps, "wait").ended(self.rest().await)?;
        let settled = self.started.elapsed();
        self.read(load, settled, at_rest, probe).await
    }

    fn left(&self) -> Duration {
        self.request.timeout.saturating_sub(self.started.elapsed())
    }

    fn overdue(&self) -> PageError {
        PageError::Timeout(self.request.timeout)
    }

    /// Starts the navigation and waits until the DOM is parsed. The load event is not waited for: one slow picture
    /// would hold it.
    async fn navigate(&mut self) -> Result<Duration, PageError> {
        let navigate = NavigateParams::new(self.request.url.as_str());
        let page = self.page.clone();
        let mut going = std::pin::pin!(page.goto(navigate));
        let mut gone = false;
        loop {
            if let Some(result) = self.standing() {
                return result;
            }
            let left = self.left();
            if left.is_zero() {
                return Err(self.overdue());
            }
            tokio::select! {
                changed = self.watch.seen.changed() => if changed.is_err() {
                    return Err(PageError::Crashed("the page can't be watched any more".to_owned()));
                },
                result = &mut going, if !gone => {
                    gone = true;
                    // The events tell more, and a little later; without any, this is all there is to say.
                    if let Err(error) = result {
                        let grace = tokio::time::timeout(Duration::from_millis(500), self.watch.seen.changed()).await;
                        if grace.is_err() {
                            return Err(PageError::Network(error.to_string()));
                        }
                    }
                }
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    /// Whether the page has come or can't come any more; `None` while it is on its way.
    fn standing(&mut self) -> Option<Result<Duration, PageError>> {
        let seen = self.watch.seen.borrow_and_update();
        if seen.crashed {
            return Some(Err(PageError::Crashed("the page crashed".to_owned())));
        }
        if let Some(why) = &seen.refused {
            return Some(Err(PageError::Refused(why.clone())));
        }
        if seen.document_bytes() > self.request.max_html as u64 {
            return Some(Err(PageError::TooLarge { limit: self.request.max_html }));
        }
        if seen.total_bytes > self.request.max_total {
            let limit = usize::try_from(self.request.max_total).unwrap_or(usize::MAX);
            return Some(Err(PageError::TooLarge { limit }));
        }
        if let Some(failure) = seen.failure() {
            // An error status with an empty body: Chromium shows a page of its own, but there was an answer.
            if failure == "net::ERR_HTTP_RESPONSE_CODE_FAILURE" && seen.document().is_some() {
                return Some(Ok(self.started.elapsed()));
            }
            return Some(Err(PageError::Network(failure.to_owned())));
        }
        seen.is_parsed().then(|| Ok(self.started.elapsed()))
    }

    /// Waits until neither DOM nor network have moved for a while, within the bound.
    async fn rest(&mut self) -> Result<(Option<Probe>, bool), PageError> {
        let reserve = Duration::from_millis(500).min(self.request.timeout / 10);
        let until = Instant::now() + self.request.settle.min(self.left().saturating_sub(reserve));
        let mut last: Option<Probe> = None;
        let mut served: Option<Served> = None;
        let mut activity = 0;
        let mut moved = Instant::now();
        loop {
            let (standing, now_active, under_way) = {
                let standing = self.standing();
                let seen = self.watch.seen.borrow();
                (standing, seen.activity, seen.under_way())
            };
            if let Some(Err(error)) = standing {
                return Err(error);
            }
            let look = Duration::from_secs(1).min(self.left()).max(Duration::from_millis(50));
            let (probed, now_served) =
                tokio::join!(content::probe(self.instance, &self.page, look), self.served(served.as_ref()));
            served = now_served;
            let probe = match probed {
                Ok(probe) => Some(probe),
                Err(_) if self.left().is_zero() => return Err(self.overdue()),
                Err(_) if !self.instance.is_alive() => return Err(self.instance.ended()),
                // A page between two documents, or one whose script is busy: it moves.
                Err(_) => None,
            };
            if let Some(probe) = &probe
                && probe.html_length > self.request.max_html
            {
                return Err(PageError::TooLarge { limit: self.request.max_html });
            }
            // A picture of the page needs the page's pictures.
            let drawn =
                self.request.screenshot.is_none() || probe.as_ref().is_some_and(|probe| probe.complete);
            if under_way == 0
                && drawn
                && let Some((probe, served)) = probe.as_ref().zip(served.as_ref())
                && served.is_all_of(probe)
            {
                return Ok((Some(probe.clone()), true));
            }
            if standing.is_none()
                || !drawn
                || probe.is_none()
                || probe != last
                || now_active != activity
                || under_way > 0
            {
                moved = Instant::now();
            }
            last = probe.or(last);
            activity = now_active;
            if moved.elapsed() >= self.request.quiet {
                return Ok((last, true));
            }
            if Instant::now() >= until {
                return Ok((last, false));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Which document was served, and how many scripts it had: asked beside the first look at it.
    async fn served(&self, known: Option<&Served>) -> Option<Served> {
        let (request, url) = {
            let seen = self.watch.seen.borrow();
            if seen.scripts || seen.document_bytes() > 1_000_000 {
                return None;
            }
            seen.navigation().map(|(request, url)| (request.to_owned(), url.to_owned()))?
        };
        if let Some(known) = known.filter(|known| known.request == request && known.url == url) {
            return Some(known.clone());
        }
        let limit = Duration::from_secs(1).min(self.left());
        let scripts = content::served_scripts(self.instance, &self.page, &request, limit).await.ok()?;
        Some(Served { request, url, scripts })
    }

    async fn read(
        &self,
        load: Duration,
        settled: Duration,
        at_rest: bool,
        probe: Option<Probe>,
    ) -> Result<PageOutcome, PageError> {
        let answered: Option<Document> = self.watch.seen.borrow().document().cloned();
        let Some(answered) = answered else {
            return Err(PageError::Network("there was no answer".to_owned()));
        };
        let empty = self.watch.seen.borrow().failure().is_some();
        // Chromium lets no page leave the web; should one, what it sees is not reported.
        let url = probe.as_ref().map_or(self.request.url.as_str(), |probe| probe.url.as_str());
        let scheme = url.split(':').next().unwrap_or_default();
        if !matches!(scheme, "http" | "https" | "chrome-error") {
            return Err(PageError::Refused(format!(
                "the scheme {scheme} is not http or https (rule: scheme)"
            )));
        }
        // A document whose script never ends does not answer; within its time that is a timeout.
        let limit = self.left().min(Duration::from_secs(15));
        if limit.is_zero() {
            return Err(self.overdue());
        }
        let inert = probe.as_ref().filter(|_| at_rest).and_then(|probe| probe.document.clone());
        let steps = self.request.steps.as_ref();
        let html = if empty {
            String::new()
        } else if let Some(document) = inert {
            document
        } else {
            let going = steps::begin(steps, "read");
            let read = going.ended(content::document(self.instance, &self.page, limit).await);
            read.map_err(|error| if self.instance.is_alive() { self.overdue() } else { error })?
        };
        let screenshot = match &self.request.screenshot {
            None => None,
            Some(wish) => {
                let limit = self.left().min(Duration::from_secs(15));
                let going = steps::begin(steps, "screenshot");
                let taken = going.ended(content::picture(self.instance, &self.page, wish, limit).await);
                taken.inspect_err(|error| tracing::warn!(%error, "no screenshot")).ok()
            }
        };
        Ok(PageOutcome {
            html,
            final_url: probe.map_or_else(|| self.request.url.to_string(), |probe| probe.url),
            status: answered.status,
            headers: answered.headers,
            load,
            settled,
            at_rest,
            screenshot,
            browser: self.instance.version.clone(),
        })
    }
}

/// The document as it was served.
#[derive(Debug, Clone)]
struct Served {
    request: String,
    url: String,
    scripts: usize,
}

impl Served {
    /// Whether nothing can change the page any more: all scripts that were served are there, and all are data.
    fn is_all_of(&self, probe: &Probe) -> bool {
        probe.inert == Some(self.scripts) && same_page(&self.url, &probe.url)
    }
}

/// Whether two addresses differ at most in what stands behind `#`.
fn same_page(one: &str, other: &str) -> bool {
    one.split('#').next() == other.split('#').next()
}
