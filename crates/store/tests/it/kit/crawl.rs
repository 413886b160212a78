//! Crawls of the model: links that wait, pages that are known.

use super::World;
use ukai_domain::{Crawl, CrawlProgress, CrawlRules, Expansion, JobId, PageUrl, TaskId, UrlHash};

impl World {
    /// A completed page of the job leaves so many links.
    pub(crate) fn keep_links(&mut self, job: JobId, links: usize) -> TaskId {
        let task = TaskId(self.uuid());
        let n = task.as_bytes()[15];
        let expansion = Expansion {
            job,
            task,
            depth: u16::from(n) % 7 + 1,
            priority: n % 100,
            max_attempts: n % 3 + 1,
            timeout_ms: n.is_multiple_of(2).then_some(9_000),
            options: n.is_multiple_of(3).then(|| r#"{"html":true,"recipe":"ü"}"#.to_owned()),
            links: (0..links).map(|k| format!("https://a.example/{task}/{k}?q=\"ü\"")).collect(),
        };
        self.draft.expansions.push(expansion.clone());
        self.expansions.insert((job, task), expansion);
        task
    }

    /// They become tasks of the job, or at least pages that it knows.
    pub(crate) fn expand(&mut self, job: JobId, task: TaskId) {
        let expansion = self.expansions.remove(&(job, task)).expect("links");
        self.draft.expanded.push((job, task));
        for link in &expansion.links {
            self.take_page(job, page(link));
        }
        let mut row = self.jobs[&job].clone();
        let crawl = row.crawl.get_or_insert_default();
        crawl.progress.pages += expansion.links.len() as u64;
        self.put_job(row);
    }

    pub(crate) fn take_page(&mut self, job: JobId, page: UrlHash) {
        self.draft.urls.push((job, page));
        self.urls.insert((job, page));
    }

    /// They never become anything. Only between commits.
    pub(crate) fn drop_links(&mut self, job: JobId) {
        let before = self.expansions.len();
        self.expansions.retain(|(own, _), _| *own != job);
        let dropped = (before - self.expansions.len()) as u64;
        if dropped > 0 {
            self.draft.dropped_expansions.push((job, dropped));
        }
    }

    /// A job follows links from now on.
    pub(crate) fn begin_crawl(&mut self, job: JobId) {
        let mut row = self.jobs[&job].clone();
        let rules =
            CrawlRules { include: vec!["/p/*\"ü".to_owned()], max_pages: 77, ..CrawlRules::default() };
        row.crawl =
            Some(Box::new(Crawl { rules, progress: CrawlProgress { pages: 1, ..CrawlProgress::default() } }));
        self.put_job(row);
    }

    /// Whether the commit that is being written says anything of the job's links.
    pub(crate) fn touches_crawl(&self, job: JobId) -> bool {
        let draft = &self.draft;
        draft.expansions.iter().any(|e| e.job == job)
            || draft.expanded.iter().any(|(own, _)| *own == job)
            || draft.dropped_expansions.iter().any(|(own, _)| *own == job)
            || draft.urls.iter().any(|(own, _)| *own == job)
    }

    /// One random thing about a crawl. What this commit has kept is left for the next.
    pub(super) fn random_crawl(&mut self, job: JobId) {
        let fresh = self.draft.expansions.iter().any(|e| e.job == job);
        let next = self.expansions.keys().find(|(own, _)| *own == job).copied();
        match (self.dice(4), next) {
            (0, _) if self.jobs[&job].crawl.is_none() => self.begin_crawl(job),
            (0, Some(_)) if !fresh && self.draft.expanded.is_empty() => self.drop_links(job),
            (1..=2, Some((_, task))) if !fresh => self.expand(job, task),
            _ => {
                let links = self.dice(30) + 1;
                self.keep_links(job, links);
            }
        }
    }
}

pub(crate) fn page(url: &str) -> UrlHash {
    PageUrl::parse(url).expect("a page").hash()
}
