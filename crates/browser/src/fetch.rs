//! One visit: open, navigate, wait until the page is complete, read it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chromiumoxide::{Page, cdp::browser_protocol::page::NavigateParams};

use crate::{
    PageError, PageOutcome, PageRequest,
    content::{self, Probe},
    egress::Guard,
    instance::Instance,
    seen::Document,
    watch::{self, Watch},
};

/// How often a page that does not rest yet is looked at.
const LOOK: Duration = Duration::from_millis(60);

/// Fetches one page on `instance`. Dropping the future ends the page.
pub(crate) async fn fetch(
    instance: &Arc<Instance>,
    request: &PageRequest,
    guard: Guard,
) -> Result<PageOutcome, PageError> {
    let guard = Arc::new(guard);
    guard.check(&request.url).await.map_err(PageError::Refused)?;
    let (page, _context) = instance.open().await?;
    let block_images = request.block_images && request.screenshot.is_none();
    let watch = watch::start(instance, &page, guard, block_images).await?;
    let mut visit = Visit { instance, page, watch, request, started: Instant::now() };
    let load = visit.navigate().await?;
    let (probe, at_rest) = visit.rest().await?;
    let settled = visit.started.elapsed();
    visit.read(load, settled, at_rest, probe).await
}

struct Visit<'a> {
    instance: &'a Arc<Instance>,
    page: Page,
    watch: Watch,
    request: &'a PageRequest,
    started: Instant,
}

impl Visit<'_> {
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
            let probe = match content::probe(self.instance, &self.page, look).await {
                Ok(probe) => Some(probe),
                Err(_) if self.left().is_zero() => return Err(self.overdue()),
                Err(_) if !self.instance.is_usable(u32::MAX) => {
                    return Err(PageError::Crashed("the browser has ended".to_owned()));
                }
                // A page between two documents, or one whose script is busy: it moves.
                Err(_) => None,
            };
            if let Some(probe) = &probe
                && probe.html_length > self.request.max_html
            {
                return Err(PageError::TooLarge { limit: self.request.max_html });
            }
            if standing.is_none()
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
        // A document whose script never ends does not answer; within its time that is a timeout.
        let limit = self.left().min(Duration::from_secs(15));
        if limit.is_zero() {
            return Err(self.overdue());
        }
        let html = if empty {
            String::new()
        } else {
            let read = content::document(self.instance, &self.page, limit).await;
            read.map_err(|error| if self.instance.is_usable(u32::MAX) { self.overdue() } else { error })?
        };
        let screenshot = match self.request.screenshot {
            None => None,
            Some(wish) => {
                let limit = self.left().min(Duration::from_secs(15));
                let taken = content::picture(self.instance, &self.page, wish, limit).await;
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
