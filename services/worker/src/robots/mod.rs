//! Which pages the sites allow to be crawled: their `robots.txt`, fetched by the worker's own way out and kept an hour.

mod rules;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use url::Url;

pub(crate) use rules::Rules;

use crate::PageFetcher;

/// How long what a site said counts.
const KEPT: Duration = Duration::from_secs(3_600);
/// How long it counts at most while the site can't be asked again.
const KEPT_IN_NEED: Duration = Duration::from_secs(24 * 3_600);
/// How long a site that can't be asked isn't asked again.
const FAILED_KEPT: Duration = Duration::from_secs(30);
/// For one file, redirects included.
const LIMIT: Duration = Duration::from_secs(15);
/// Sites that are remembered.
const MOST_SITES: usize = 1_000;
/// What a site may ask for between two pages without asking for too much: longer is cut to this.
const MOST_PAUSE: Duration = Duration::from_secs(20);

/// The sites' files.
#[derive(Debug, Default)]
pub(crate) struct Robots {
    sites: Mutex<HashMap<String, Arc<Site>>>,
}

/// One site; whoever asks first fetches, the others wait for it.
#[derive(Debug)]
struct Site {
    asked: Mutex<Instant>,
    known: tokio::sync::Mutex<Known>,
    next_visit: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Known {
    rules: Option<(Instant, Arc<Rules>)>,
    failed: Option<(Instant, String)>,
}

impl Robots {
    /// What the site of `url` says. An error where it can't be asked now: then nothing of it may be fetched.
    pub(crate) async fn of(&self, fetcher: &dyn PageFetcher, url: &Url) -> Result<Arc<Rules>, String> {
        self.of_at(fetcher, url, Instant::now()).await
    }

    async fn of_at(&self, fetcher: &dyn PageFetcher, url: &Url, now: Instant) -> Result<Arc<Rules>, String> {
        let site = self.site(url, now);
        let mut known = site.known.lock().await;
        if let Some((at, rules)) = &known.rules
            && now.saturating_duration_since(*at) < KEPT
        {
            return Ok(Arc::clone(rules));
        }
        if let Some((at, why)) = &known.failed
            && now.saturating_duration_since(*at) < FAILED_KEPT
        {
            return Err(why.clone());
        }
        let why = match tokio::time::timeout(LIMIT, fetch(fetcher, url)).await {
            Ok(Ok(rules)) => {
                let rules = Arc::new(rules);
                *known = Known { rules: Some((now, Arc::clone(&rules))), failed: None };
                return Ok(rules);
            }
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {LIMIT:?}"),
        };
        // What it said before stands in, for a while.
        if let Some((at, rules)) = &known.rules
            && now.saturating_duration_since(*at) < KEPT_IN_NEED
        {
            return Ok(Arc::clone(rules));
        }
        known.failed = Some((now, why.clone()));
        Err(why)
    }

    /// How long to wait before the next page of the site, which has its place from now on.
    pub(crate) fn pause(&self, url: &Url, rules: &Rules) -> Duration {
        self.pause_at(url, rules, Instant::now())
    }

    fn pause_at(&self, url: &Url, rules: &Rules, now: Instant) -> Duration {
        let Some(delay) = rules.delay else { return Duration::ZERO };
        let delay = delay.min(MOST_PAUSE);
        let site = self.site(url, now);
        let mut next = site.next_visit.lock().unwrap_or_else(PoisonError::into_inner);
        let at = next.map_or(now, |at| at.max(now)).min(now + MOST_PAUSE);
        *next = Some(at + delay);
        at - now
    }

    fn site(&self, url: &Url, now: Instant) -> Arc<Site> {
        let name = url.origin().ascii_serialization();
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(site) = sites.get(&name) {
            *site.asked.lock().unwrap_or_else(PoisonError::into_inner) = now;
            return Arc::clone(site);
        }
        if sites.len() >= MOST_SITES {
            let age = |site: &Site| *site.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(oldest) = sites.iter().min_by_key(|(_, site)| age(site)).map(|(name, _)| name.clone())
            {
                sites.remove(&oldest);
            }
        }
        let site = Site {
            asked: Mutex::new(now),
            known: tokio::sync::Mutex::default(),
            next_visit: Mutex::default(),
        };
        let site = Arc::new(site);
        sites.insert(name, Arc::clone(&site));
        site
    }
}

/// By RFC 9309: a file that is not there allows all, a site that fails allows nothing for now.
async fn fetch(fetcher: &dyn PageFetcher, url: &Url) -> Result<Rules, String> {
    let file = url.join("/robots.txt").map_err(|error| error.to_string())?;
    let answer = fetcher.text(&file, rules::MOST_BYTES).await?;
    match answer.status {
        200..=299 => Ok(Rules::parse(&answer.body)),
        300..=499 => Ok(Rules::default()),
        status => Err(format!("it is answered with {status}")),
    }
}

#[cfg(test)]
pub(crate) mod tests;
