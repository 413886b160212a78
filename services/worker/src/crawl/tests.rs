//! Visits and links, with sites that answer as they are told.

use std::{sync::atomic::Ordering, time::Duration};

use ukai_domain::{CrawlRules, MAX_LINKS, Scope};
use ukai_extract::{Extraction, Verdict};

use super::{Skipped, Visit, is_file};
use crate::{
    outcome::{Found, Outcome, of_extraction},
    robots::{Robots, tests::Answers},
};

const SITE: &str = "User-agent: *\nDisallow: /private\nDisallow: /*?print";

fn found(links: &[&str], nofollow: &[&str], final_url: &str) -> Found {
    let mut extraction = Extraction::empty(Verdict::Ok, "");
    extraction.links = links.iter().map(|url| (*url).to_owned()).collect();
    extraction.nofollow = nofollow.iter().map(|url| (*url).to_owned()).collect();
    let Outcome::Completed(found) = of_extraction(extraction, Duration::ZERO, String::new()) else {
        panic!("a page is a result")
    };
    Found { final_url: final_url.to_owned(), ..found }
}

async fn leave(fetcher: &Answers, rules: &CrawlRules, asked: &str, found: Found) -> Result<Found, String> {
    let robots = Robots::default();
    match (Visit { fetcher, robots: &robots, rules }).leave(asked, found).await {
        Outcome::Completed(found) => Ok(found),
        Outcome::Failed(failure) => Err(failure.details.unwrap_or_default()),
    }
}

#[tokio::test]
async fn a_forbidden_page_is_not_fetched_unless_that_is_switched_off() {
    let (robots, fetcher) = (Robots::default(), Answers::new(200, SITE));
    let mut rules = CrawlRules::default();
    let enter = async |rules: &CrawlRules, url: &str| {
        Visit { fetcher: &fetcher, robots: &robots, rules }.enter(url, Duration::ZERO).await
    };
    assert_eq!(enter(&rules, "https://a.example/shop").await, Ok(()));
    let failure = enter(&rules, "https://a.example/private/x").await.unwrap_err();
    assert_eq!((failure.kind, failure.details.as_deref()), ("BLOCKED", Some("ROBOTS_DISALLOWED")));
    assert!(failure.message.contains("Disallow: /private") && failure.refusal.is_none(), "{failure:?}");
    rules.respect_robots = false;
    assert_eq!(enter(&rules, "https://a.example/private/x").await, Ok(()));
    assert_eq!(fetcher.asked.load(Ordering::SeqCst), 1);
    let (robots, away) = (Robots::default(), Answers::new(503, ""));
    rules.respect_robots = true;
    let visit = Visit { fetcher: &away, robots: &robots, rules: &rules };
    let failure = visit.enter("https://a.example/", Duration::ZERO).await.unwrap_err();
    assert_eq!((failure.kind, failure.details), ("NETWORK", None));
}

#[tokio::test]
async fn links_that_may_not_be_followed_are_counted() {
    let links = [
        "https://a.example/1",
        "https://a.example/private/2",
        "https://a.example/list?print",
        "https://a.example/marked",
        "https://a.example/manual.PDF?v=2",
        "https://b.example/private",
    ];
    let page = || found(&links, &["https://a.example/marked"], "https://a.example/");
    let fetcher = Answers::new(200, SITE);
    let own =
        leave(&fetcher, &CrawlRules::default(), "https://a.example/", page()).await.unwrap().links.unwrap();
    // Links that the crawl doesn't want are not worth a question; the server counts them.
    assert_eq!(own.urls, ["https://a.example/1", "https://b.example/private"]);
    assert_eq!(own.skipped, Skipped { robots: 2, nofollow: 1, file: 1, cut: 0 });
    assert_eq!(fetcher.asked.load(Ordering::SeqCst), 1);
    let any = CrawlRules { scope: Scope::Any, ..CrawlRules::default() };
    let all = leave(&fetcher, &any, "https://a.example/", page()).await.unwrap().links.unwrap();
    assert_eq!((all.urls.len(), all.skipped.robots), (1, 3));
    let rude = CrawlRules { respect_robots: false, ..CrawlRules::default() };
    let rude = leave(&fetcher, &rude, "https://a.example/", page()).await.unwrap().links.unwrap();
    assert_eq!((rude.urls.len(), rude.skipped), (5, Skipped { file: 1, ..Skipped::default() }));
}

#[tokio::test]
async fn a_page_that_leads_to_a_forbidden_one_is_no_result() {
    let fetcher = Answers::new(200, SITE);
    let there = found(&[], &[], "https://a.example/private");
    let got = leave(&fetcher, &CrawlRules::default(), "https://a.example/x", there).await;
    assert_eq!(got.map(|_| ()), Err("ROBOTS_DISALLOWED".to_owned()));
}

#[tokio::test]
async fn of_too_many_links_the_wanted_ones_are_kept() {
    let foreign: Vec<String> = (0..MAX_LINKS).map(|n| format!("https://b.example/{n}")).collect();
    let own: Vec<String> = (0..30).map(|n| format!("https://www.a.example/{n}")).collect();
    let links: Vec<&str> = foreign.iter().chain(&own).map(String::as_str).collect();
    let fetcher = Answers::new(404, "");
    let page = found(&links, &[], "https://www.a.example/");
    let links =
        leave(&fetcher, &CrawlRules::default(), "https://a.example/", page).await.unwrap().links.unwrap();
    assert_eq!((links.urls.len(), links.skipped.cut), (MAX_LINKS, 30));
    assert!(own.iter().all(|url| links.urls.contains(url)));
}

#[test]
fn files_are_told_by_their_ending() {
    for (url, want) in [
        ("https://a.example/x.pdf", true),
        ("https://a.example/x.JPG?width=3", true),
        ("https://a.example/x.html", false),
        ("https://a.example/v1.2/page", false),
        ("https://a.example/download.php?file=x.pdf", false),
        ("https://shop.zip/", false),
        ("https://a.example/", false),
    ] {
        assert_eq!(is_file(url), want, "{url}");
    }
}
