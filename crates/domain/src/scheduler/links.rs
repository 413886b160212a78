//! What a worker says of a page's links, and which of them the page's crawl wants.

use crate::{CrawlRules, Judged, LinksSkipped, MAX_LINK, MAX_LINKS, PageUrl, TaskBody};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The links of a page that its crawl wants, each once; the others are counted.
pub(super) fn choose(
    rules: &CrawlRules,
    page: &TaskBody,
    reported: &Reported<'_>,
    skipped: &mut LinksSkipped,
) -> Vec<String> {
    let (kept, cut) = reported.links.split_at(reported.links.len().min(MAX_LINKS));
    skipped.cut += cut.len() as u64;
    if page.depth >= rules.max_depth {
        skipped.depth += kept.len() as u64;
        return Vec::new();
    }
    let Some(own) = PageUrl::parse(&page.url) else { return Vec::new() };
    // A start page is where it leads to: `shop.example` may be `www.shop.example`. Deeper pages that lead elsewhere
    // don't take the crawl along.
    let landed = reported.final_url.as_deref().filter(|_| page.depth == 0).and_then(PageUrl::parse);
    let mut seen = BTreeSet::from([own.hash()]);
    let mut links = Vec::new();
    for link in kept {
        let parsed = match link {
            Link::Text(text) if text.len() <= MAX_LINK => PageUrl::parse(text),
            Link::Text(_) | Link::Other(_) => None,
        };
        let Some(link) = parsed.filter(|link| link.as_str().len() <= MAX_LINK) else {
            skipped.invalid += 1;
            continue;
        };
        if !seen.insert(link.hash()) {
            skipped.duplicate += 1;
            continue;
        }
        let judged = match rules.judge(&own, &link) {
            Judged::OutOfScope => landed.as_ref().map_or(Judged::OutOfScope, |page| rules.judge(page, &link)),
            judged @ (Judged::Followed | Judged::Excluded) => judged,
        };
        match judged {
            Judged::Followed => links.push(link.as_str().to_owned()),
            Judged::OutOfScope => skipped.scope += 1,
            Judged::Excluded => skipped.pattern += 1,
        }
    }
    links
}

/// What a worker says of a page's links, beside its result.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Reported<'a> {
    #[serde(borrow)]
    pub(super) links: Vec<Link<'a>>,
    /// Where the page was found in the end.
    #[serde(borrow)]
    final_url: Option<Cow<'a, str>>,
    links_skipped: SkippedThere,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Link<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Other(serde::de::IgnoredAny),
}

/// Links that the worker left out itself.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct SkippedThere {
    robots: Option<u32>,
    nofollow: Option<u32>,
    file: Option<u32>,
    cut: Option<u32>,
}

impl<'a> Reported<'a> {
    /// What can't be read brings no links.
    pub(super) fn read(extra: &'a str) -> Self {
        serde_json::from_str(extra).unwrap_or_default()
    }

    pub(super) fn skipped(&self) -> LinksSkipped {
        let SkippedThere { robots, nofollow, file, cut } = self.links_skipped;
        let count = |n: Option<u32>| u64::from(n.unwrap_or(0));
        LinksSkipped {
            robots: count(robots),
            nofollow: count(nofollow),
            file: count(file),
            cut: count(cut),
            ..LinksSkipped::default()
        }
    }
}
