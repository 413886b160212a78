//! Turns what came of a page into the report that the contract wants. Pure: times and files come in as arguments.

use std::time::Duration;

use serde_json::{Map, Value, json};
use ukai_browser::{ErrorKind, PageError};
use ukai_extract::{Extraction, Kind, Product, Verdict};

use crate::{block::Refusal, clock::millis, crawl::Links, messages::Assigned};

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// The page is a result.
    Completed(Found),
    /// It is none.
    Failed(Failure),
}

/// A page that is a result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) extraction: Box<Extraction>,
    /// Files that were brought: id, kind, addresses, size; or why not.
    pub(crate) artifacts: Vec<Value>,
    /// Where the page was found in the end.
    pub(crate) final_url: String,
    /// Of a crawl's page.
    pub(crate) links: Option<Links>,
    pub(crate) load: Duration,
    pub(crate) browser: String,
}

/// Why there is no result, in the contract's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    pub(crate) details: Option<String>,
    /// Whether it speaks for a block of this worker.
    pub(crate) refusal: Option<Refusal>,
}

impl Failure {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), details: None, refusal: None }
    }
}

/// A page that could not be had.
pub(crate) fn of_error(error: &PageError) -> Failure {
    let kind = match error.kind() {
        ErrorKind::Timeout => "TIMEOUT",
        // The contract has no word for them; both would fail the same way elsewhere.
        ErrorKind::TooLarge => "PARSE_ERROR",
        ErrorKind::Network | ErrorKind::Crashed | ErrorKind::Refused | ErrorKind::Unavailable => "NETWORK",
    };
    Failure { details: Some(error.kind().as_str().to_owned()), ..Failure::new(kind, error.to_string()) }
}

/// A page that was read. A product that is gone or sold out is a result; a sign-in wall is a block for a visitor
/// without an account, but says nothing about this worker's address.
pub(crate) fn of_extraction(extraction: Extraction, load: Duration, browser: String) -> Outcome {
    let Some(kind) = extraction.verdict.error_type() else {
        return Outcome::Completed(Found {
            extraction: Box::new(extraction),
            artifacts: Vec::new(),
            final_url: String::new(),
            links: None,
            load,
            browser,
        });
    };
    let refusal = match extraction.verdict {
        Verdict::Captcha => Some(Refusal::Captcha),
        Verdict::Blocked => Some(Refusal::Blocked),
        Verdict::Throttled => Some(Refusal::Throttled),
        Verdict::LoginWall | Verdict::Empty | Verdict::Ok | Verdict::NotFound => None,
    };
    let details = Some(extraction.verdict.as_str().to_owned());
    Outcome::Failed(Failure { details, refusal, ..Failure::new(kind, extraction.reason) })
}

/// The payload of `task:started`.
pub(crate) fn started(task_id: &str, run: Option<u32>, at: &str) -> Value {
    with_run(json!({ "taskId": task_id, "startedAt": at }), run)
}

/// The payload of `task:completed`.
pub(crate) fn completed(task: &Assigned, found: Found, at: &str, took: Duration) -> Value {
    let extraction = *found.extraction;
    let result = product(&extraction);
    let records = match extraction.kind {
        Kind::Product | Kind::Block => extraction.records,
        Kind::Listing | Kind::Post | Kind::Video | Kind::Article | Kind::Page
            if !extraction.records.is_empty() =>
        {
            extraction.records
        }
        Kind::Listing | Kind::Post | Kind::Video | Kind::Article | Kind::Page => {
            Some(extraction.record).filter(|record| !record.is_null()).into_iter().collect()
        }
    };
    let mut payload = json!({
        "taskId": task.task_id,
        "completedAt": at,
        "result": result,
        "metrics": {
            "scrapeDurationMs": millis(took),
            "pageLoadTimeMs": millis(found.load),
            "browser": found.browser,
        },
        "kind": extraction.kind,
        "verdict": extraction.verdict.as_str(),
        "records": records,
        "artifacts": found.artifacts,
        "sources": extraction.sources,
    });
    if let Some(Links { urls, skipped }) = found.links {
        payload["links"] = urls.into();
        payload["linksSkipped"] = json!(skipped);
        payload["finalUrl"] = found.final_url.into();
    }
    with_run(payload, task.run)
}

/// The payload of `task:failed`.
pub(crate) fn failed(task_id: &str, run: Option<u32>, failure: &Failure, at: &str, took: Duration) -> Value {
    let mut error = Map::new();
    error.insert("type".to_owned(), failure.kind.into());
    error.insert("message".to_owned(), failure.message.chars().take(2_000).collect::<String>().into());
    if let Some(details) = &failure.details {
        error.insert("details".to_owned(), details.as_str().into());
    }
    let payload = json!({
        "taskId": task_id,
        "failedAt": at,
        "error": error,
        "metrics": { "attemptDurationMs": millis(took) },
    });
    with_run(payload, run)
}

/// The contract's product of any page; a page that is about something else has a title at least.
fn product(extraction: &Extraction) -> Product {
    extraction.product().unwrap_or_else(|| {
        let named = ["productTitle", "title", "headline", "name"];
        let title = named.iter().find_map(|name| extraction.record.get(name)?.as_str()).unwrap_or_default();
        Product { product_title: title.to_owned(), ..Product::default() }
    })
}

fn with_run(mut payload: Value, run: Option<u32>) -> Value {
    if let Some(run) = run {
        payload["run"] = run.into();
    }
    payload
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use ukai_browser::PageError;
    use ukai_extract::{Extraction, Kind, Verdict};

    use super::{Failure, Outcome, completed, failed, of_error, of_extraction};
    use crate::{
        block::Refusal,
        crawl::{Links, Skipped},
        messages::Assigned,
    };

    const LOAD: Duration = Duration::from_millis(20);

    fn task(kind: &str) -> Assigned {
        serde_json::from_value(json!({"taskId": "t", "productUrl": "http://x/", "run": 3, "kind": kind}))
            .unwrap()
    }

    fn found(extraction: Extraction) -> super::Found {
        match of_extraction(extraction, LOAD, "Chrome/1".to_owned()) {
            Outcome::Completed(found) => found,
            Outcome::Failed(failure) => panic!("{failure:?}"),
        }
    }

    #[test]
    fn verdicts_become_the_contracts_words() {
        for (verdict, kind, refusal) in [
            (Verdict::Captcha, "CAPTCHA", Some(Refusal::Captcha)),
            (Verdict::Blocked, "BLOCKED", Some(Refusal::Blocked)),
            (Verdict::Throttled, "THROTTLED", Some(Refusal::Throttled)),
            (Verdict::LoginWall, "BLOCKED", None),
            (Verdict::Empty, "PARSE_ERROR", None),
        ] {
            let Outcome::Failed(failure) =
                of_extraction(Extraction::empty(verdict, "why"), LOAD, String::new())
            else {
                panic!("{verdict:?} is no result")
            };
            assert_eq!((failure.kind, failure.refusal, failure.message.as_str()), (kind, refusal, "why"));
        }
    }

    #[test]
    fn errors_of_the_browser_become_the_contracts_words() {
        for (error, kind) in [
            (PageError::Timeout(LOAD), "TIMEOUT"),
            (PageError::Network("net::ERR".to_owned()), "NETWORK"),
            (PageError::Crashed("x".to_owned()), "NETWORK"),
            (PageError::Refused("x".to_owned()), "NETWORK"),
            (PageError::TooLarge { limit: 1 }, "PARSE_ERROR"),
        ] {
            assert_eq!(of_error(&error).kind, kind, "{error}");
        }
    }

    #[test]
    fn a_missing_page_is_a_result_without_a_title() {
        let payload =
            completed(&task("scrape"), found(Extraction::empty(Verdict::NotFound, "404")), "now", LOAD);
        assert_eq!(payload["result"]["productTitle"], "");
        assert_eq!(payload["result"]["isAvailable"], false);
        assert_eq!(payload["result"]["price"], json!(null));
        assert_eq!((payload["verdict"].as_str(), payload["run"].as_u64()), (Some("NOT_FOUND"), Some(3)));
    }

    #[test]
    fn an_article_is_a_record_and_its_title_the_result() {
        let mut extraction = Extraction::empty(Verdict::Ok, "");
        extraction.kind = Kind::Article;
        extraction.record = json!({"title": "News", "text": "…"});
        let scraped = completed(&task("scrape"), found(extraction.clone()), "now", LOAD);
        assert_eq!(scraped["result"]["productTitle"], "News");
        assert_eq!(scraped["records"][0]["title"], "News");
        assert!(scraped.get("links").is_none(), "links are a crawl's");
        let mut found = found(extraction);
        let skipped = Skipped { robots: 2, ..Skipped::default() };
        found.links = Some(Links { urls: vec!["http://x/1".to_owned()], skipped });
        found.final_url = "http://x/home".to_owned();
        let crawled = completed(&task("crawl"), found, "now", LOAD);
        assert_eq!(
            (&crawled["links"], &crawled["finalUrl"]),
            (&json!(["http://x/1"]), &json!("http://x/home"))
        );
        assert_eq!(crawled["linksSkipped"], json!({"robots": 2, "nofollow": 0, "file": 0, "cut": 0}));
    }

    #[test]
    fn a_failure_has_the_contracts_shape() {
        let failure = Failure { details: Some("d".to_owned()), ..Failure::new("TIMEOUT", "late") };
        assert_eq!(
            failed("t", None, &failure, "now", LOAD),
            json!({"taskId": "t", "failedAt": "now", "error": {"type": "TIMEOUT", "message": "late", "details": "d"},
                   "metrics": {"attemptDurationMs": 20}})
        );
    }
}
