//! The shop keeps its word: pages are what their truths say, and scripted pages give nothing away.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{SEED, Shop, pages};

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A plain GET: status and body.
async fn get(base: &str, path: &str) -> (u16, String) {
    let host = base.strip_prefix("http://").expect("an http address");
    let mut stream = tokio::net::TcpStream::connect(host).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("a sent request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
}

#[test]
fn the_same_seed_gives_the_same_goods_and_another_gives_others() {
    let (a, b, c) = (Shop::new(3), Shop::new(3), Shop::new(4));
    assert_eq!(a.catalog().item(11), b.catalog().item(11));
    assert_ne!(a.catalog().item(11), c.catalog().item(11));
}

#[test]
fn the_source_of_a_scripted_page_holds_neither_title_nor_price() {
    let shop = Shop::new(SEED);
    for n in 1..200 {
        let item = shop.catalog().item(n);
        let html = pages::scripted(&item, 0);
        for secret in [item.title.as_str(), &item.price_text(), item.availability(), "schema.org/InStock"] {
            assert!(!html.contains(secret), "{secret} stands in the source of /product/{n}");
        }
    }
}

#[test]
fn prices_are_written_as_their_currencies_are() {
    let shop = Shop::new(SEED);
    let mut item = shop.catalog().item(0);
    item.cents = 123_456_789;
    assert_eq!(item.price_text(), "$1,234,567.89");
    item.money = shop.catalog().item(1).money;
    assert_eq!(item.price_text(), "1.234.567,89\u{a0}€");
}

#[tokio::test]
async fn every_page_has_the_status_of_its_truth_and_is_counted() {
    let (base, handle) = Shop::start(any_port()).await.expect("a free port");
    let paths = [
        "/",
        "/list",
        "/list?page=5",
        "/product/3",
        "/jsonld/4",
        "/dp/B0SH0P0009",
        "/dp/B0SH0P0012",
        "/static/8",
        "/slow?ms=1&n=2",
        "/captcha",
        "/blocked",
        "/throttled",
        "/throttled?status=429",
        "/login",
        "/missing",
    ];
    for path in paths {
        let truth = handle.shop.truth(path).unwrap_or_else(|| panic!("no truth for {path}"));
        let (status, body) = get(&base, path).await;
        assert_eq!(status, truth.status, "{path}");
        if let (Some(title), false) = (&truth.title, path.starts_with("/product")) {
            assert!(body.contains(title.replace('&', "&amp;").as_str()), "{path} shows {title}");
        }
        for product in &truth.products {
            assert!(body.contains(&format!("href=\"{product}\"")), "{path} links {product}");
        }
    }
    assert_eq!(handle.shop.requests("/list"), 2);
    assert_eq!(handle.shop.total_requests(), paths.len() as u64);
    assert_eq!(get(&base, "/list?page=6").await.0, 404);
    handle.stop().await.expect("a clean end");
}

#[tokio::test]
async fn a_flaky_page_refuses_first_and_gives_in_later() {
    let (base, handle) = Shop::new(1).start_at(any_port()).await.expect("a free port");
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(get(&base, "/flaky/5?fails=2").await.0);
    }
    assert_eq!(seen, [503, 503, 200]);
    drop(handle);
}
