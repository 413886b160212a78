//! How far a crawl is, what is on its way to become tasks, and what was not followed and why.

use super::CrawlRules;
use crate::{JobId, TaskId};
use serde::{Deserialize, Serialize};

/// Links that were reported and not followed, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LinksSkipped {
    /// Deeper than `maxDepth`.
    pub depth: u64,
    /// Out of the scope.
    pub scope: u64,
    /// Not included, or excluded.
    pub pattern: u64,
    /// Beyond `maxPages`.
    pub limit: u64,
    /// The job has the page already.
    pub duplicate: u64,
    /// No address of a page: another scheme, credentials, too long.
    pub invalid: u64,
    /// Forbidden by `robots.txt`.
    pub robots: u64,
    /// Marked `nofollow`, singly or as a page.
    pub nofollow: u64,
    /// Pictures, archives and other files that are no pages.
    pub file: u64,
    /// Beyond [`super::MAX_LINKS`] of one page.
    pub cut: u64,
    /// The job was cancelled before they were looked at.
    pub cancelled: u64,
}

impl LinksSkipped {
    /// Field by field.
    pub fn add(&mut self, more: &Self) {
        self.depth += more.depth;
        self.scope += more.scope;
        self.pattern += more.pattern;
        self.limit += more.limit;
        self.duplicate += more.duplicate;
        self.invalid += more.invalid;
        self.robots += more.robots;
        self.nofollow += more.nofollow;
        self.file += more.file;
        self.cut += more.cut;
        self.cancelled += more.cancelled;
    }
}

/// How far a crawl is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CrawlProgress {
    /// Pages that became tasks, start pages included: rows of `job_url`.
    pub pages: u64,
    /// Pages whose links have not become tasks yet: rows of `expansion`.
    pub open_expansions: u64,
    /// The links of those.
    pub pending_links: u64,
    /// What was not followed.
    pub skipped: LinksSkipped,
}

/// A crawl as its job keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crawl {
    /// Set once.
    pub rules: CrawlRules,
    /// Grows.
    pub progress: CrawlProgress,
}

/// The links of one page, on their way to become tasks. Written with the page's completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// Whose crawl.
    pub job: JobId,
    /// The page's task: a page is expanded once.
    pub task: TaskId,
    /// Of the tasks to be made.
    pub depth: u16,
    /// As the page's task has it, and so on.
    pub priority: u8,
    /// The same.
    pub max_attempts: u8,
    /// The same.
    pub timeout_ms: Option<u32>,
    /// The same.
    pub options: Option<String>,
    /// In the order of the page, each once; at most [`super::MAX_LINKS`]. [`super::PageUrl::parse`] takes each.
    pub links: Vec<String>,
}
