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
        ("/grows", ErrorKind::TooLarge),
    ] {
        let started = Instant::now();
        let request =
            PageRequest { timeout: Duration::from_secs(4), max_html: 200_000, ..server.request(path) };
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
    for url in
        [format!("{}/plain", server.base), "file:///etc/passwd".to_owned(), "http://localhost:1/".to_owned()]
    {
        let request = PageRequest { url: url.parse().unwrap(), ..server.request("/") };
        let error = browser.fetch(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{url}: {error}");
    }
}

#[tokio::test]
async fn what_an_allowed_page_leads_to_is_checked_too() {
    let (server, inner) = (Server::start().await, Server::start().await);
    let folder = profiles();
    let host = server.base.strip_prefix("http://").unwrap().to_owned();
    let guarded = ukai_browser::Config {
        allow_private_targets: false,
        allowed_targets: vec![host],
        ..config(folder.path())
    };
    let browser = Browser::launch(guarded).await.unwrap();
    next_page_comes(&browser, &server).await;
    let page = browser.fetch(&server.request("/filled")).await.unwrap();
    assert!(page.html.contains("price 12.50"), "{}", page.html);
    let secret = format!("{}/picture.png", inner.base);
    let error = browser.fetch(&server.request(&format!("/out?to={secret}"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "a redirect: {error}");
    let page = browser.fetch(&server.request(&format!("/reads?to={secret}"))).await.unwrap();
    assert!(page.html.contains("12.50 and cut off"), "a script: {}", page.html);
    assert_eq!(inner.pictures.load(std::sync::atomic::Ordering::Relaxed), 0, "nothing got through");
}
