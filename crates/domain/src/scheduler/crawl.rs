//! Crawls: the links of a completed page are kept with its completion and become tasks of the same job later, a
//! bounded number a step, each page of a job once.

use super::draft::Draft;
use super::state::State;
use super::{JobRef, NewTask, Submit};
use crate::{
    CRAWL_KIND, Code, Crawl, CrawlRules, Expansion, JobId, JobStatus, Judged, LinksSkipped, MAX_LINK,
    MAX_LINKS, PageUrl, Rejection, TaskBody, UrlHash,
};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The page of a submitted task that is a crawl's.
pub(super) fn start_page(task: &NewTask) -> Option<PageUrl> {
    if &*task.kind == CRAWL_KIND { PageUrl::parse(&task.url) } else { None }
}

impl State {
    /// The pages at which a submission starts crawls, if its job can take them. Nothing has changed yet.
    pub(super) fn check_start_pages(
        &mut self,
        draft: &Draft,
        submit: &Submit,
    ) -> Result<BTreeSet<UrlHash>, Rejection> {
        let mut pages = BTreeSet::new();
        let tasks = submit.tasks.iter().filter(|task| &*task.kind == CRAWL_KIND);
        for task in tasks {
            let Some(page) = start_page(task) else {
                return Err(Rejection::new(Code::InvalidPayload, "a crawl starts at an http or https page"));
            };
            let known = match submit.job {
                JobRef::Existing(job) => draft.has_url(job, page.hash()),
                JobRef::New { .. } | JobRef::Implicit { .. } => false,
            };
            if known || !pages.insert(page.hash()) {
                return Err(Rejection::new(
                    Code::Conflict,
                    format!("the crawl has the page {} already", page.as_str()),
                ));
            }
        }
        if pages.is_empty() {
            return Ok(pages);
        }
        let (most, have) = match &submit.job {
            JobRef::New { kind: crate::JobKind::Crawl, crawl, .. } => {
                (crawl.as_ref().map_or(CrawlRules::default().max_pages, |rules| rules.max_pages), 0)
            }
            JobRef::Existing(id) => match self.find_job(draft, *id).map(|state| state.job.crawl.as_deref()) {
                Some(Some(crawl)) => (crawl.rules.max_pages, crawl.progress.pages),
                Some(None) => return Err(no_crawl()),
                // Refused as unknown by what follows.
                None => return Ok(pages),
            },
            JobRef::New { .. } | JobRef::Implicit { .. } => return Err(no_crawl()),
        };
        if have + pages.len() as u64 > u64::from(most) {
            let message =
                format!("the crawl has {have} of at most {most} pages and can't take {} more", pages.len());
            return Err(Rejection::new(Code::Conflict, message));
        }
        Ok(pages)
    }

    /// The crawl has these pages from now on.
    pub(super) fn take_start_pages(&mut self, draft: &mut Draft, job: JobId, pages: BTreeSet<UrlHash>) {
        if pages.is_empty() {
            return;
        }
        let taken = pages.into_iter().filter(|page| draft.add_url(job, *page)).count();
        self.change_crawl(draft, job, |crawl| crawl.progress.pages += taken as u64);
    }

    /// What the worker of a page must know.
    pub(super) fn rules_for(&self, body: &TaskBody) -> Option<Box<CrawlRules>> {
        if &*body.lane.kind != CRAWL_KIND {
            return None;
        }
        let crawl = self.jobs.get(&body.job)?.job.crawl.as_deref()?;
        Some(Box::new(crawl.rules.clone()))
    }

    /// A page was read: its links that may be followed are kept, the others counted.
    pub(super) fn keep_links(&mut self, draft: &mut Draft, page: &Arc<TaskBody>, extra: Option<&str>) {
        if &*page.lane.kind != CRAWL_KIND {
            return;
        }
        let Some(crawl) = self.jobs.get(&page.job).and_then(|state| state.job.crawl.as_deref()) else {
            return;
        };
        let reported = extra.map(Reported::read).unwrap_or_default();
        let mut skipped = reported.skipped();
        let links = if self.sweeping.contains(&page.job) {
            skipped.cancelled += reported.links.len() as u64;
            Vec::new()
        } else {
            choose(&crawl.rules, page, &reported, &mut skipped)
        };
        if links.is_empty() && skipped == LinksSkipped::default() {
            return;
        }
        self.change_crawl(draft, page.job, |crawl| {
            crawl.progress.skipped.add(&skipped);
            crawl.progress.open_expansions += u64::from(!links.is_empty());
            crawl.progress.pending_links += links.len() as u64;
        });
        if !links.is_empty() {
            draft.expansion(Expansion {
                job: page.job,
                task: page.id,
                depth: page.depth + 1,
                priority: page.priority,
                max_attempts: page.max_attempts,
                timeout_ms: page.timeout_ms,
                options: page.options.clone(),
                links,
            });
        }
    }

    /// The crawl whose links are next, one after the other.
    pub(super) fn next_to_expand(&self) -> Option<JobId> {
        use std::ops::Bound::{Excluded, Unbounded};
        let mut later = self.expanding.range((Excluded(self.last_expanded), Unbounded));
        later.next().or_else(|| self.expanding.first()).copied()
    }

    /// Links that were read become tasks, or are counted as what they are.
    pub(super) fn expand(&mut self, draft: &mut Draft, job: JobId, expansions: Vec<Expansion>) {
        self.last_expanded = job;
        let Some(mut crawl) =
            self.jobs.get(&job).filter(|_| self.expanding.contains(&job)).and_then(|s| s.job.crawl.clone())
        else {
            return;
        };
        if expansions.is_empty() {
            // The store has none: nothing is waited for that never comes.
            (crawl.progress.open_expansions, crawl.progress.pending_links) = (0, 0);
        }
        for expansion in expansions {
            let progress = &mut crawl.progress;
            progress.open_expansions = progress.open_expansions.saturating_sub(1);
            progress.pending_links = progress.pending_links.saturating_sub(expansion.links.len() as u64);
            draft.expanded(job, expansion.task);
            for link in &expansion.links {
                self.expand_link(draft, &mut crawl, &expansion, link);
            }
        }
        self.change_crawl(draft, job, |own| *own = *crawl);
        draft.touched_jobs.insert(job);
    }

    fn expand_link(&mut self, draft: &mut Draft, crawl: &mut Crawl, from: &Expansion, link: &str) {
        let progress = &mut crawl.progress;
        let Some(page) = PageUrl::parse(link) else {
            progress.skipped.invalid += 1;
            return;
        };
        if draft.has_url(from.job, page.hash()) {
            progress.skipped.duplicate += 1;
            return;
        }
        if progress.pages >= u64::from(crawl.rules.max_pages) {
            progress.skipped.limit += 1;
            return;
        }
        progress.pages += 1;
        draft.add_url(from.job, page.hash());
        let task = NewTask {
            kind: Arc::from(CRAWL_KIND),
            url: page.as_str().to_owned(),
            host: Arc::from(page.host()),
            priority: from.priority,
            max_attempts: from.max_attempts,
            timeout_ms: from.timeout_ms,
            options: from.options.clone(),
            not_before: None,
        };
        self.accept(draft, from.job, task, from.depth);
    }

    /// The job is being ended: what was to become tasks doesn't.
    pub(super) fn drop_links(&mut self, draft: &mut Draft, job: JobId) {
        let open = self.jobs.get(&job).map_or(0, |state| state.job.open_expansions());
        if open == 0 {
            return;
        }
        draft.drop_expansions(job, open);
        self.change_crawl(draft, job, |crawl| {
            let progress = &mut crawl.progress;
            progress.skipped.cancelled += progress.pending_links;
            (progress.open_expansions, progress.pending_links) = (0, 0);
        });
    }

    /// Whether the crawl's links become tasks now.
    pub(super) fn list_expanding(&mut self, id: JobId) {
        let expands = self.jobs.get(&id).is_some_and(|state| {
            let job = &state.job;
            job.open_expansions() > 0 && job.status != JobStatus::Paused && !job.status.is_terminal()
        });
        if expands {
            self.expanding.insert(id);
        } else {
            self.expanding.remove(&id);
        }
    }

    fn change_crawl(&mut self, draft: &mut Draft, id: JobId, change: impl FnOnce(&mut Crawl)) {
        let Some(state) = self.jobs.get_mut(&id) else { return };
        let Some(crawl) = &mut state.job.crawl else { return };
        change(crawl);
        draft.job(state.job.clone());
        self.list_expanding(id);
    }
}

fn no_crawl() -> Rejection {
    Rejection::new(Code::InvalidPayload, "tasks of the kind crawl belong to a job of the kind crawl")
}

/// The links of a page that its crawl wants, each once; the others are counted.
fn choose(
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
struct Reported<'a> {
    #[serde(borrow)]
    links: Vec<Link<'a>>,
    /// Where the page was found in the end.
    #[serde(borrow)]
    final_url: Option<Cow<'a, str>>,
    links_skipped: SkippedThere,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Link<'a> {
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
    fn read(extra: &'a str) -> Self {
        serde_json::from_str(extra).unwrap_or_default()
    }

    fn skipped(&self) -> LinksSkipped {
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
