//! Crawls: the links of a completed page are kept with its completion and become tasks of the same job later, a
//! bounded number a step, each page of a job once.

use super::draft::Draft;
use super::links::{Reported, choose};
use super::state::State;
use super::{JobRef, NewTask, Submit};
use crate::{
    CRAWL_KIND, Code, Crawl, CrawlRules, Expansion, JobId, JobStatus, LinksSkipped, MAX_CRAWL_OPTIONS,
    PageUrl, Rejection, TaskBody, TaskId, UrlHash,
};
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
            if task.options.as_ref().is_some_and(|options| options.len() > MAX_CRAWL_OPTIONS) {
                let message = format!("the options of a crawl have at most {MAX_CRAWL_OPTIONS} bytes");
                return Err(Rejection::new(Code::InvalidPayload, message));
            }
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
            if let Some(after) = self.expanding.get_mut(&page.job) {
                *after = page.id.before().min(*after);
            }
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
            self.expanding.entry(id).or_insert(TaskId::NIL);
        } else {
            self.expanding.remove(&id);
        }
    }

    pub(super) fn change_crawl(&mut self, draft: &mut Draft, id: JobId, change: impl FnOnce(&mut Crawl)) {
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
