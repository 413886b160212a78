//! Pages and servers that misbehave: each is cut in time, and the next page comes.

use std::time::{Duration, Instant};

use ukai_browser::{Browser, ErrorKind, PageRequest};

use crate::server::{Server, browser, config, profiles};

async fn next_page_comes(browser: &Browser, server: &Server) {
    let page = browser.fetch(&server.request("/plain")).await.unwrap();
    assert!(page.html.contains("hello"));
}

#[tokio::test]
async fn dialogs_are_dismissed() {
    let server = Server::start().await;
    let (browser, _folder) = browser().await;
    let page = browser.fetch(&server.request("/alerts")).await.unwrap();
    assert!(page.html.contains("after"), "{}", page.html);
}

#[tokio::test]
async fn what_never_ends_is_cut_at_its_time_or_size() {
    let server = Server::start().await;
    let (browser, _folder) = browser().await;
    for (path, kind) in [
        ("/loops", ErrorKind::Timeout),
        ("/loops-later", ErrorKind::Timeout),
        ("/silent", ErrorKind::Timeout),
        ("/endless", ErrorKind::TooLarge),
        ("/gigabyte", ErrorKind::TooLarge),
        ("/grows", ErrorKind::TooLarge),
        ("/floods", ErrorKind::TooLarge),
    ] {
        let started = Instant::now();
        let request = PageRequest {
            timeout: Duration::from_secs(4),
            max_html: 200_000,
            max_total: 2_000_000,
            ..server.request(path)
        };
        let error = browser.fetch(&request).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{path}: {error}");
        assert!(started.elapsed() < Duration::from_secs(9), "{path} took {:?}", started.elapsed());
        next_page_comes(&browser, &server).await;
    }
}

#[tokio::test]
async fn a_page_without_rest_is_read_at_the_bound() {
    let server = Server::start().await;
    let (browser, _folder) = browser().await;
    let request = PageRequest { settle: Duration::from_secs(1), ..server.request("/restless") };
    let page = browser.fetch(&request).await.unwrap();
    assert!(!page.at_rest && page.html.contains("<p id=\"x\">"));
    assert!(page.settled < Duration::from_secs(5));
}

#[tokio::test]
async fn failures_of_the_network_are_named() {
    let server = Server::start().await;
    let (browser, _folder) = browser().await;
    for url in [
        "http://127.0.0.1:9/",
        "http://nowhere.invalid/",
        &format!("{}/to-file", server.base),
        &format!("{}/download", server.base),
    ] {
        let request = PageRequest { url: url.parse().unwrap(), ..server.request("/") };
        let error = browser.fetch(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{url}: {error}");
        assert!(error.to_string().contains("net::ERR_"), "{url}: {error}");
    }
    next_page_comes(&browser, &server).await;
}

#[tokio::test]
async fn private_targets_and_other_schemes_are_refused() {
    let server = Server::start().await;
    let folder = profiles();
    let browser =
        Browser::launch(ukai_browser::Config { allow_private_targets: false, ..config(folder.path()) })
            .await
            .unwrap();
    for (url, rule) in [
        (&*format!("{}/plain", server.base), "loopback"),
        ("http://localhost:8080/", "localhost"),
        ("http://0x7f.1:8080/", "loopback"),
        ("http://[::ffff:7f00:1]:8080/", "loopback"),
        ("http://169.254.169.254/latest/meta-data/", "cloud metadata"),
        ("http://8.8.8.8:25/", "port"),
        ("file:///etc/passwd", "scheme"),
        ("ftp://example.com/", "scheme"),
        ("view-source:http://example.com/", "scheme"),
        ("chrome://version", "scheme"),
        ("data:text/html,x", "scheme"),
        ("about:blank", "scheme"),
    ] {
        let request = PageRequest { url: url.parse().unwrap(), ..server.request("/") };
        let error = browser.fetch(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{url}: {error}");
        assert!(error.to_string().ends_with(&format!("(rule: {rule})")), "{url}: {error}");
    }
}
