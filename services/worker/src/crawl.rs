//! What a page of a crawl needs besides: whether its site allows the visit, and which of its links are reported.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, stream};
use serde::Serialize;
use ukai_domain::{CrawlRules, Judged, MAX_LINKS, PageUrl, ROBOTS_DISALLOWED};
use ukai_extract::{Extraction, Verdict};
use url::Url;

use crate::{
    PageFetcher,
    outcome::{Failure, Found, Outcome},
    robots::{Robots, Rules},
};

/// Foreign sites that are asked about the links of one page; links to others are judged when they are visited.
const MOST_SITES: usize = 10;
/// How long those are waited for.
const ASKING: Duration = Duration::from_secs(10);

/// Endings of files that no browser shows as a page.
const FILES: &[&str] = &[
    "7z",
    "apk",
    "avi",
    "avif",
    "bin",
    "bmp",
    "bz2",
    "css",
    "csv",
    "dmg",
    "doc",
    "docx",
    "eot",
    "epub",
    "exe",
    "flac",
    "gif",
    "gz",
    "ico",
    "iso",
    "jar",
    "jpeg",
    "jpg",
    "js",
    "json",
    "m4a",
    "m4v",
    "mjs",
    "mkv",
    "mov",
    "mp3",
    "mp4",
    "mpeg",
    "mpg",
    "msi",
    "ods",
    "odt",
    "ogg",
    "otf",
    "pdf",
    "png",
    "ppt",
    "pptx",
    "rar",
    "rpm",
    "rss",
    "svg",
    "tar",
    "tgz",
    "tif",
    "tiff",
    "ttf",
    "txt",
    "wav",
    "webm",
    "webmanifest",
    "webp",
    "wmv",
    "woff",
    "woff2",
    "xls",
    "xlsx",
    "xml",
    "zip",
];

/// The links of a page that are reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Links {
    pub(crate) urls: Vec<String>,
    pub(crate) skipped: Skipped,
}

/// How many are not, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Skipped {
    /// Forbidden by their site's `robots.txt`.
    pub(crate) robots: u32,
    /// Marked `nofollow`, singly or as a page.
    pub(crate) nofollow: u32,
    /// No pages.
    pub(crate) file: u32,
    /// Beyond the most of one page.
    pub(crate) cut: u32,
}

/// A visit to one page.
pub(crate) struct Visit<'a> {
    pub(crate) fetcher: &'a dyn PageFetcher,
    pub(crate) robots: &'a Robots,
    pub(crate) rules: &'a CrawlRules,
}

impl Visit<'_> {
    /// Returns when the page may be fetched; waits at most `patience` for the pause that its site asks for.
    pub(crate) async fn enter(&self, url: &str, patience: Duration) -> Result<(), Failure> {
        // An address that doesn't parse fails on its own.
        let Ok(url) = Url::parse(url) else { return Ok(()) };
        if !self.rules.respect_robots {
            return Ok(());
        }
        let rules = self.allowed(&url).await?;
        tokio::time::sleep(self.robots.pause(&url, &rules).min(patience)).await;
        Ok(())
    }

    /// The page with its links. One that led to where its site allows no visit is no result.
    pub(crate) async fn leave(&self, asked: &str, mut found: Found) -> Outcome {
        let Ok(landed) = Url::parse(&found.final_url) else { return Outcome::Completed(found) };
        let elsewhere = Url::parse(asked)
            .is_ok_and(|asked| asked[..url::Position::AfterQuery] != landed[..url::Position::AfterQuery]);
        if self.rules.respect_robots
            && elsewhere
            && let Err(failure) = self.allowed(&landed).await
        {
            return Outcome::Failed(failure);
        }
        found.links = Some(self.links(asked, &found.final_url, &found.extraction).await);
        Outcome::Completed(found)
    }

    async fn allowed(&self, url: &Url) -> Result<Arc<Rules>, Failure> {
        let site = url.origin().ascii_serialization();
        let rules = self.robots.of(self.fetcher, url).await.map_err(|why| {
            // Until it can be asked the site is left alone; the task comes again.
            Failure::new(
                "NETWORK",
                format!("robots.txt of {site} can't be had, so nothing of it is fetched: {why}"),
            )
        })?;
        let judged = rules
            .judge(url)
            .map_err(|rule| format!("robots.txt of {site} forbids this page: Disallow: {rule}"));
        match judged {
            Ok(()) => Ok(rules),
            Err(message) => Err(Failure {
                details: Some(ROBOTS_DISALLOWED.to_owned()),
                ..Failure::new("BLOCKED", message)
            }),
        }
    }

    async fn links(&self, asked: &str, landed: &str, extraction: &Extraction) -> Links {
        let mut links = Links::default();
        if extraction.verdict != Verdict::Ok {
            return links;
        }
        let pages = [asked, landed].map(PageUrl::parse);
        let nofollow: HashSet<&String> = extraction.nofollow.iter().collect();
        let mut left: Vec<(&String, bool)> = Vec::new();
        for url in &extraction.links {
            if self.rules.respect_robots && nofollow.contains(url) {
                links.skipped.nofollow += 1;
            } else if is_file(url) {
                links.skipped.file += 1;
            } else {
                let wanted = PageUrl::parse(url).is_some_and(|link| {
                    let judged = |page: &PageUrl| self.rules.judge(page, &link) == Judged::Followed;
                    pages.iter().flatten().any(judged)
                });
                left.push((url, wanted));
            }
        }
        // Where some must go, those go that the crawl doesn't want.
        if left.len() > MAX_LINKS {
            left.sort_by_key(|(_, wanted)| !wanted);
        }
        let sites = if self.rules.respect_robots { self.sites_of(&left).await } else { BTreeMap::new() };
        for (url, _) in left {
            let allowed = Url::parse(url).is_ok_and(|url| {
                sites.get(&url.origin().ascii_serialization()).is_none_or(|rules| rules.judge(&url).is_ok())
            });
            if !allowed {
                links.skipped.robots += 1;
            } else if links.urls.len() < MAX_LINKS {
                links.urls.push(url.clone());
            } else {
                links.skipped.cut += 1;
            }
        }
        links
    }

    /// What the sites say that wanted links lead to. One that doesn't answer in time is asked when it is visited.
    async fn sites_of(&self, links: &[(&String, bool)]) -> BTreeMap<String, Arc<Rules>> {
        let mut asked: BTreeMap<String, Url> = BTreeMap::new();
        for url in links.iter().filter(|(_, wanted)| *wanted).filter_map(|(url, _)| Url::parse(url).ok()) {
            if asked.len() == MOST_SITES {
                break;
            }
            asked.entry(url.origin().ascii_serialization()).or_insert(url);
        }
        let answers = stream::iter(asked)
            .map(|(site, url)| async move { Some((site, self.robots.of(self.fetcher, &url).await.ok()?)) })
            .buffer_unordered(MOST_SITES)
            .filter_map(async |answer| answer);
        // What has come by then counts.
        answers.take_until(tokio::time::sleep(ASKING)).collect().await
    }
}

fn is_file(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').is_some_and(|(_, ending)| FILES.contains(&ending.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests;
