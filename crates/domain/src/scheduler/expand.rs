//! Links that were kept become tasks of their job, a bounded number a step, one crawl after the other.

use super::NewTask;
use super::draft::Draft;
use super::state::State;
use crate::{CRAWL_KIND, Crawl, Expansion, JobId, PageUrl, TaskId};
use std::sync::Arc;

impl State {
    /// The crawl whose links are next, one after the other, and behind which page.
    pub(super) fn next_to_expand(&self) -> Option<(JobId, TaskId)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let mut later = self.expanding.range((Excluded(self.last_expanded), Unbounded));
        later.next().or_else(|| self.expanding.first_key_value()).map(|(job, after)| (*job, *after))
    }

    /// Links that were read become tasks, or are counted as what they are.
    pub(super) fn expand(&mut self, draft: &mut Draft, job: JobId, expansions: Vec<Expansion>) {
        self.last_expanded = job;
        let Some(after) = self.expanding.get_mut(&job) else { return };
        let before = std::mem::replace(after, expansions.last().map_or(TaskId::NIL, |last| last.task));
        if expansions.is_empty() && before != TaskId::NIL {
            // Once more from the first on.
            return;
        }
        let Some(mut crawl) = self.jobs.get(&job).and_then(|state| state.job.crawl.clone()) else { return };
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
        self.accept(draft, from.job, task, from.depth, None);
    }
}
