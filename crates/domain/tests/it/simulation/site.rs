//! A small web that crawls walk through: what a page links to follows from its address alone.

use serde_json::json;
use std::sync::Arc;
use ukai_domain::scheduler::{NewTask, Word};
use ukai_domain::{CRAWL_KIND, PageUrl, RunResult};

/// Pages in all.
pub(crate) const PAGES: u32 = 16;

const HOSTS: [&str; 4] = ["a.example", "b.example", "www.b.example", "c.example"];

fn address(n: u32) -> String {
    format!("https://{}/{n}", HOSTS[(n % 7 % 4) as usize])
}

/// Makes the task one that starts a crawl at a page.
pub(crate) fn start(task: &mut NewTask, page: u32) {
    task.kind = Arc::from(CRAWL_KIND);
    task.url = address(page);
    task.host = Arc::from(PageUrl::parse(&task.url).expect("a page").host());
}

/// Up to seven, some of them twice, in other words, or none at all.
pub(crate) fn links(url: &str) -> Vec<String> {
    let n: u32 = url.rsplit('/').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut links: Vec<String> = (1..=n % 7).map(|k| address((n * 5 + k * k * 3) % PAGES)).collect();
    if n.is_multiple_of(3) {
        links.extend([format!("{}?utm_source=x#part", address(n)), "mailto:a@b.example".to_owned()]);
        links.extend(links.first().map(|link| format!("{link}#again")));
    }
    links
}

/// The result of a page with its links.
pub(crate) fn read(url: &str) -> Word {
    let extra = json!({ "links": links(url), "linksSkipped": { "robots": 1 } });
    Word::Completed(RunResult {
        result: "{}".to_owned(),
        metrics: None,
        extra: Some(extra.to_string()),
        items: 1,
    })
}
