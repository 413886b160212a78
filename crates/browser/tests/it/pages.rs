//! Pages that behave.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use ukai_browser::{PageRequest, PictureFormat, Screenshot};

use crate::server::{Server, browser};

#[tokio::test]
async fn a_page_filled_by_script_is_read_when_it_is_complete() {
    let server = Server::start().await;
    let (browser, _folder) = browser().await;
    let page = browser.fetch(&server.request("/filled")).await.unwrap();
    assert!(page.html.starts_with("<!DOCTYPE html>"), "{}", page.html);
    assert!(page.html.contains("price 12.50"), "{}", page.html);
    assert!(page.at_rest && page.status == 200 && page.final_url.ends_with("/filled"));
    assert!(page.load < page.settled && page.settled >= Duration::from_millis(650), "{page:?}");
    assert!(page.browser.contains("Chrome/"), "{}", page.browser);
    assert!(
        page.headers.iter().any(|(name, value)| name == "content-type" && value.starts_with("text/html"))
    );
    browser.close().await;
}

#[tokio::test]
async fn redirects_statuses_and_script_navigation_are_told() {
    let server = Server::start().await;
    let (browser, _folder) = browser().await;
    for (path, status, ends_with, contains) in [
        ("/moved", 200, "/plain", "hello"),
        ("/by-script", 200, "/plain", "hello"),
        ("/missing", 404, "/missing", "not here"),
        ("/broken", 500, "", "<body></body>"),
    ] {
        let page = browser.fetch(&server.request(path)).await.unwrap();
        assert_eq!(page.status, status, "{path}");
        assert!(page.html.contains(contains), "{path}: {}", page.html);
        assert!(page.final_url.ends_with(ends_with), "{path}: {}", page.final_url);
    }
}

#[tokio::test]
async fn every_page_has_a_context_of_its_own() {
    let server = Server::start().await;
    let (browser, _folder) = browser().await;
    for _ in 0..2 {
        let page = browser.fetch(&server.request("/cookie")).await.unwrap();
        assert!(page.html.contains("cookie: none"), "{}", page.html);
    }
    let requests: Vec<_> = (0..4).map(|_| server.request("/filled")).collect();
    let pages = futures::future::join_all(requests.iter().map(|request| browser.fetch(request))).await;
    assert!(pages.iter().all(|page| page.as_ref().unwrap().html.contains("price 12.50")));
}

#[tokio::test]
async fn a_slow_picture_does_not_hold_the_page_and_can_be_left_out() {
    let server = Server::start().await;
    let (browser, _folder) = browser().await;
    let started = Instant::now();
    let page = browser.fetch(&server.request("/pictures")).await.unwrap();
    assert!(page.at_rest && page.html.contains("text"));
    assert!(started.elapsed() < Duration::from_secs(10));
    let patience = Instant::now() + Duration::from_secs(5);
    while server.pictures.load(Ordering::Relaxed) == 0 {
        assert!(Instant::now() < patience, "the picture was not asked for");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.pictures.store(0, Ordering::Relaxed);
    browser.fetch(&PageRequest { block_images: true, ..server.request("/pictures") }).await.unwrap();
    assert_eq!(server.pictures.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_screenshot_is_a_png_cut_at_its_height() {
    let server = Server::start().await;
    let (browser, _folder) = browser().await;
    let wish = Some(Screenshot { max_height: 2_000, ..Screenshot::default() });
    let page = browser.fetch(&PageRequest { screenshot: wish, ..server.request("/tall") }).await.unwrap();
    let png = page.screenshot.unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let height = u32::from_be_bytes(png[20..24].try_into().unwrap());
    assert_eq!(height, 2_000);
}

#[tokio::test]
async fn a_picture_is_of_the_format_and_the_part_that_were_asked_for() {
    let server = Server::start().await;
    let (browser, _folder) = browser().await;
    let take = async |path: &str, wish: Screenshot| {
        let request = PageRequest { screenshot: Some(wish), ..server.request(path) };
        browser.fetch(&request).await.unwrap().screenshot
    };
    let size = |png: &[u8]| {
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        (number(16), number(20))
    };
    let webp =
        take("/tall", Screenshot { format: PictureFormat::Webp, ..Screenshot::window() }).await.unwrap();
    assert!(webp.starts_with(b"RIFF") && webp[8..12] == *b"WEBP");
    let window = take("/tall", Screenshot::window()).await.unwrap();
    assert_eq!(size(&window), (1_366, 900));
    // Far below the window, 200 wide and 100 tall; and one that is taller than a picture may be.
    let of = |selector: &str| Screenshot { selector: Some(selector.to_owned()), ..Screenshot::default() };
    assert_eq!(size(&take("/parts", of("#part")).await.unwrap()), (200, 100));
    assert_eq!(size(&take("/parts", of("#tall")).await.unwrap()), (50, 8_000));
    for nothing in ["#nowhere", "#empty", ")", "'); alert(1); ('"] {
        assert!(take("/parts", of(nothing)).await.is_none(), "{nothing}");
    }
}

#[tokio::test]
async fn a_page_that_nothing_can_change_is_not_waited_for() {
    let server = Server::start().await;
    let (browser, _folder) = browser().await;
    let patient = |path| PageRequest { quiet: Duration::from_secs(3), ..server.request(path) };
    for path in ["/plain", "/data"] {
        let page = browser.fetch(&patient(path)).await.unwrap();
        assert!(page.at_rest && page.settled < Duration::from_secs(3), "{path}: {page:?}");
    }
    for (path, late) in
        [("/sheds", "late"), ("/handler", "late"), ("/refreshes", "hello"), ("/framed", "framed")]
    {
        let page = browser.fetch(&patient(path)).await.unwrap();
        let least = if path == "/refreshes" { 1 } else { 3 };
        assert!(page.html.contains(late) && page.settled >= Duration::from_secs(least), "{path}: {page:?}");
    }
}
