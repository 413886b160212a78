//! Crawls: which links a job may follow, and how far it is.

mod page_url;
mod pattern;
mod progress;
mod scope;

#[cfg(test)]
mod tests;

pub use page_url::{PageUrl, UrlHash};
pub use progress::{Crawl, CrawlProgress, Expansion, LinksSkipped};

use pattern::Pattern;
use serde::{Deserialize, Serialize};

/// Links of one page that are kept.
pub const MAX_LINKS: usize = 1_000;

/// Bytes of a link that is followed.
pub const MAX_LINK: usize = 2_048;

/// Deepest `maxDepth`.
pub const MAX_DEPTH: u16 = 100;

/// Largest `maxPages`.
pub const MAX_PAGES: u32 = 100_000;

/// Patterns of one list.
pub const MAX_PATTERNS: usize = 20;

/// Bytes of a pattern, and of a path prefix.
pub const MAX_PATTERN: usize = 200;

/// Bytes of a start page's options: every page of the crawl has them.
pub const MAX_CRAWL_OPTIONS: usize = 8 * 1024;

/// Which links may be followed, seen from the page that they stand on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The same host and port.
    #[default]
    SameHost,
    /// The same registrable domain (public suffix list): `blog.shop.example` and `www.shop.example`.
    SameDomain,
    /// The same host and port, below `prefix`.
    SamePathPrefix,
    /// Everywhere.
    Any,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::SameHost, Self::SameDomain, Self::SamePathPrefix, Self::Any];

    /// The word of `scope`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SameHost => "same-host",
            Self::SameDomain => "same-domain",
            Self::SamePathPrefix => "same-path-prefix",
            Self::Any => "any",
        }
    }

    /// The inverse of [`Scope::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// What a crawl may follow; set when its job is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CrawlRules {
    /// Links away from a start page; 0 reads the start pages alone.
    pub max_depth: u16,
    /// Pages of the job, start pages included.
    pub max_pages: u32,
    /// Where links may lead.
    pub scope: Scope,
    /// The path of `same-path-prefix`.
    pub prefix: Option<String>,
    /// Where there is any, a link must match one.
    pub include: Vec<String>,
    /// A link must match none.
    pub exclude: Vec<String>,
    /// Whether `robots.txt`, `nofollow` and robots meta tags are obeyed.
    pub respect_robots: bool,
}

impl Default for CrawlRules {
    fn default() -> Self {
        Self {
            max_depth: 2,
            max_pages: 1_000,
            scope: Scope::SameHost,
            prefix: None,
            include: Vec::new(),
            exclude: Vec::new(),
            respect_robots: true,
        }
    }
}

impl CrawlRules {
    /// What is wrong, by field: (`include[3]`, «must …»). Empty when it can be run.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        if self.max_depth > MAX_DEPTH {
            faults.push(("maxDepth".to_owned(), format!("must be an integer from 0 to {MAX_DEPTH}")));
        }
        if !(1..=MAX_PAGES).contains(&self.max_pages) {
            faults.push(("maxPages".to_owned(), format!("must be an integer from 1 to {MAX_PAGES}")));
        }
        let is_prefix = |p: &String| p.starts_with('/') && is_text(p);
        match (&self.prefix, self.scope) {
            (None, Scope::SamePathPrefix) => {
                faults.push(("prefix".to_owned(), "is required for the scope same-path-prefix".to_owned()));
            }
            (Some(prefix), Scope::SamePathPrefix) if !is_prefix(prefix) => faults.push((
                "prefix".to_owned(),
                format!("must be a path of at most {MAX_PATTERN} bytes that begins with /"),
            )),
            (Some(_), Scope::SameHost | Scope::SameDomain | Scope::Any) => {
                faults.push(("prefix".to_owned(), "stands with the scope same-path-prefix alone".to_owned()));
            }
            (Some(_), Scope::SamePathPrefix) | (None, Scope::SameHost | Scope::SameDomain | Scope::Any) => {}
        }
        for (name, patterns) in [("include", &self.include), ("exclude", &self.exclude)] {
            if patterns.len() > MAX_PATTERNS {
                faults.push((name.to_owned(), format!("must have at most {MAX_PATTERNS} elements")));
            }
            for (at, _) in patterns.iter().enumerate().filter(|(_, p)| !is_text(p)).take(MAX_PATTERNS) {
                let message = format!("must have 1 to {MAX_PATTERN} bytes without control characters");
                faults.push((format!("{name}[{at}]"), message));
            }
        }
        faults
    }

    /// Whether a link from `page` to `link` may be followed, as far as its address tells.
    #[must_use]
    pub fn judge(&self, page: &PageUrl, link: &PageUrl) -> Judged {
        if !scope::covers(self, page, link) {
            return Judged::OutOfScope;
        }
        let matches = |patterns: &[String]| patterns.iter().any(|p| Pattern(p).matches(link));
        if !self.include.is_empty() && !matches(&self.include) || matches(&self.exclude) {
            return Judged::Excluded;
        }
        Judged::Followed
    }
}

fn is_text(text: &str) -> bool {
    (1..=MAX_PATTERN).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// What the rules say of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It may be followed.
    Followed,
    /// It leads out of the scope.
    OutOfScope,
    /// The patterns don't want it.
    Excluded,
}
