//! Who is asked, how often, and what an answer that is none means.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use ukai_browser::{PageError, PageOutcome, PageRequest};
use url::Url;

use super::Robots;
use crate::{PageFetcher, Text};

/// One answer for all; counts how often it was asked.
pub(crate) struct Answers {
    answer: Mutex<Result<Text, String>>,
    pub(crate) asked: AtomicUsize,
}

impl Answers {
    pub(crate) fn new(status: u16, body: &str) -> Self {
        let answer = Ok(Text { status, body: body.as_bytes().to_vec() });
        Self { answer: Mutex::new(answer), asked: AtomicUsize::new(0) }
    }

    fn now(&self, answer: Result<Text, String>) {
        *self.answer.lock().unwrap() = answer;
    }
}

impl PageFetcher for Answers {
    fn fetch<'a>(&'a self, _: &'a PageRequest) -> BoxFuture<'a, Result<PageOutcome, PageError>> {
        Box::pin(std::future::pending())
    }

    fn text<'a>(&'a self, url: &'a Url, _: usize) -> BoxFuture<'a, Result<Text, String>> {
        assert_eq!(url.path(), "/robots.txt");
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { self.answer.lock().unwrap().clone() })
    }

    fn set_headless(&self, _: bool) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

fn page(path: &str) -> Url {
    Url::parse("https://a.example/").unwrap().join(path).unwrap()
}

const CLOSED: &str = "User-agent: *\nDisallow: /";

#[tokio::test]
async fn a_site_without_a_file_allows_all_and_one_that_fails_nothing() {
    for (status, answer) in
        [(200, Some(false)), (404, Some(true)), (403, Some(true)), (500, None), (503, None)]
    {
        let (robots, fetcher) = (Robots::default(), Answers::new(status, CLOSED));
        let rules = robots.of(&fetcher, &page("/x")).await.ok();
        assert_eq!(rules.map(|rules| rules.judge(&page("/x")).is_ok()), answer, "{status}");
    }
}

#[tokio::test]
async fn a_site_is_asked_once_an_hour_and_what_it_said_stands_in_while_it_fails() {
    let (robots, fetcher) = (Robots::default(), Answers::new(200, CLOSED));
    let count = || fetcher.asked.load(Ordering::SeqCst);
    let begun = Instant::now();
    let of =
        async |url: &Url, after: u64| robots.of_at(&fetcher, url, begun + Duration::from_secs(after)).await;
    for path in ["/a", "/b?c", "/d#e"] {
        of(&page(path), 3_599).await.unwrap();
    }
    assert_eq!(count(), 1);
    of(&Url::parse("https://a.example:8443/").unwrap(), 0).await.unwrap();
    of(&Url::parse("http://a.example/").unwrap(), 0).await.unwrap();
    assert_eq!(count(), 3, "another origin is another site");
    fetcher.now(Err("down".to_owned()));
    // First asked for at 3,599 s.
    assert!(of(&page("/"), 7_200).await.unwrap().judge(&page("/")).is_err());
    assert_eq!(count(), 4);
    assert_eq!(of(&page("/"), 25 * 3_600).await, Err("down".to_owned()));
    // It isn't asked again at once, but soon.
    of(&page("/"), 25 * 3_600 + 29).await.unwrap_err();
    assert_eq!(count(), 5);
    fetcher.now(Ok(Text { status: 404, body: Vec::new() }));
    assert!(of(&page("/"), 25 * 3_600 + 31).await.unwrap().judge(&page("/")).is_ok());
}

#[tokio::test]
async fn the_pause_that_a_site_asks_for_lies_between_its_pages() {
    let (robots, fetcher) = (Robots::default(), Answers::new(200, "User-agent: ukai\nCrawl-delay: 4"));
    let rules = robots.of(&fetcher, &page("/")).await.unwrap();
    let seconds = |n: u64| Duration::from_secs(n);
    let begun = Instant::now();
    let pause =
        |path: &str, rules: &super::Rules, after| robots.pause_at(&page(path), rules, begun + seconds(after));
    assert_eq!(pause("/1", &rules, 0), Duration::ZERO);
    assert_eq!(pause("/2", &rules, 0), seconds(4));
    assert_eq!(pause("/3", &rules, 1), seconds(7));
    assert_eq!(pause("/4", &rules, 60), Duration::ZERO);
    let endless = super::Rules::parse(b"User-agent: *\nCrawl-delay: 86400");
    assert_eq!(pause("/5", &endless, 60), seconds(4));
    assert_eq!(pause("/6", &endless, 60), seconds(20), "longer is not waited for");
}
