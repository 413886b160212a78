//! What a worker's owner can rely on: who the visitor appears to be, what is kept, what is seen, what is bounded.

use std::time::{Duration, Instant};

use ukai_browser::{Browser, Config, ErrorKind, PageRequest, Peephole};

use crate::server::{Server, browser, config, profiles};

#[tokio::test]
async fn the_visitor_is_who_the_owner_says_and_grants_nothing() {
    let server = Server::start().await;
    let folder = profiles();
    let config = Config {
        locale: Some("de-AT".to_owned()),
        timezone: Some("Pacific/Auckland".to_owned()),
        user_agent: Some("Visitor/1".to_owned()),
        viewport: (800, 600),
        ..config(folder.path())
    };
    let browser = Browser::launch(config).await.unwrap();
    let page = browser.fetch(&server.request("/visitor")).await.unwrap();
    let start = page.html.find("[\"").unwrap();
    let said = &page.html[start..start + page.html[start..].find(']').unwrap() + 1];
    let said: Vec<serde_json::Value> = serde_json::from_str(said).unwrap();
    assert_eq!(said[0], "Pacific/Auckland");
    assert_eq!(said[1], "de-AT");
    assert_eq!(said[2], "1.1.1970");
    assert_eq!((said[3].as_u64(), said[4].as_u64()), (Some(800), Some(600)));
    assert_eq!(said[5], "Visitor/1");
    assert!(said[6..].iter().all(|state| state == "denied" || state == "unknown"), "{said:?}");
    let page = browser.fetch(&server.request("/settles")).await.unwrap();
    assert!(page.html.contains("de-AT,de;q=0.9|none"), "{}", page.html);
}

#[tokio::test]
async fn a_kept_profile_remembers_across_pages_and_processes() {
    let server = Server::start().await;
    let folder = profiles();
    let kept = folder.path().join("kept");
    let config = Config { profile: Some(kept.clone()), max_pages: 2, ..config(folder.path()) };
    let browser = Browser::launch(config.clone()).await.unwrap();
    let mut pids = Vec::new();
    for n in 0..4 {
        let page = browser.fetch(&server.request("/settles")).await.unwrap();
        assert_eq!(page.html.contains("settled=yes"), n > 0, "page {n}: {}", page.html);
        pids.push(browser.pid().await.unwrap());
    }
    assert_ne!(pids[0], pids[3]);
    browser.close().await;
    assert!(kept.is_dir());
    let browser = Browser::launch(config).await.unwrap();
    let page = browser.fetch(&server.request("/settles")).await.unwrap();
    assert!(page.html.contains("settled=yes"), "{}", page.html);
}

#[tokio::test]
async fn a_page_under_way_can_be_looked_at() {
    let server = Server::start().await;
    let (browser, _folder) = browser().await;
    assert!(browser.live().await.is_empty());
    let request = PageRequest { settle: Duration::from_secs(8), ..server.request("/restless") };
    let (page, views) = tokio::join!(browser.fetch(&request), async {
        let patience = Instant::now() + Duration::from_secs(10);
        loop {
            let views = browser.live().await;
            if !views.is_empty() || Instant::now() > patience {
                break views;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    page.unwrap();
    assert_eq!(views.len(), 1);
    assert!(views[0].picture.starts_with(b"\x89PNG") && views[0].url.path() == "/restless");
    assert!(browser.live().await.is_empty() && browser.vitals().pages == 0);
}

#[tokio::test]
async fn a_peephole_shows_its_page_alone_and_only_while_it_is_open() {
    let server = Server::start().await;
    let (browser, _folder) = browser().await;
    let peephole = Peephole::default();
    assert!(peephole.look(Duration::from_millis(50)).await.is_none());
    let request = PageRequest { peephole: Some(peephole.clone()), ..server.request("/restless") };
    let (page, picture) = tokio::join!(browser.fetch(&request), peephole.look(Duration::from_secs(10)));
    page.unwrap();
    assert!(picture.unwrap().unwrap().starts_with(b"\x89PNG"));
    assert!(peephole.look(Duration::from_millis(50)).await.is_none(), "the page has ended");
}

#[tokio::test]
async fn a_page_that_hoards_memory_is_cut_and_the_next_one_comes() {
    let server = Server::start().await;
    let folder = profiles();
    let browser = Browser::launch(Config { max_mb: 250, ..config(folder.path()) }).await.unwrap();
    let pid = browser.pid().await;
    let request = PageRequest { settle: Duration::from_secs(15), ..server.request("/hoards") };
    let error = browser.fetch(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Crashed, "{error}");
    assert!(error.to_string().contains("MiB of memory"), "{error}");
    let back = Instant::now();
    browser.fetch(&server.request("/plain")).await.unwrap();
    assert!(back.elapsed() < Duration::from_secs(10));
    assert_ne!(browser.pid().await, pid);
}

#[tokio::test]
async fn an_old_process_is_replaced() {
    let server = Server::start().await;
    let folder = profiles();
    let config = Config { max_age: Duration::from_millis(1), ..config(folder.path()) };
    let browser = Browser::launch(config).await.unwrap();
    browser.fetch(&server.request("/plain")).await.unwrap();
    let first = browser.pid().await;
    browser.fetch(&server.request("/plain")).await.unwrap();
    assert_ne!(browser.pid().await, first);
    assert_eq!(browser.vitals().crashed, 0);
}
