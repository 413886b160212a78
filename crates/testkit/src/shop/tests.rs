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
        "/slow?ms=1&n=2&drip=1",
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

/// Whether the extraction of a page says what its truth says.
fn agrees(base: &str, path: &str, status: u16, body: &str, truth: &super::Truth) -> Result<(), String> {
    use ukai_extract::{Page, Recipes, extract};
    let url = format!("{base}{path}");
    let got = extract(
        &Page { html: body, url: Some(&url), status: Some(status), headers: &[] },
        &Recipes::embedded(),
    );
    if got.verdict.as_str() != truth.verdict {
        return Err(format!("{path}: {} ({})", got.verdict.as_str(), got.reason));
    }
    if truth.kind == "listing" {
        let urls: Vec<String> = truth.products.iter().map(|product| format!("{base}{product}")).collect();
        let next = truth.next_page.as_ref().map(|next| format!("{base}{next}"));
        let same = got.record["productUrls"] == serde_json::json!(urls) && got.next_page == next;
        return if same {
            Ok(())
        } else {
            Err(format!("{path}: {} {:?}", got.record["productUrls"], got.next_page))
        };
    }
    if truth.kind != "product" {
        return Ok(());
    }
    let Some(product) = got.product() else { return Err(format!("{path}: no product but {:?}", got.kind)) };
    let wanted = ukai_extract::Product {
        product_title: truth.title.clone().unwrap_or_default(),
        price: truth.price,
        currency: truth.currency.unwrap_or("").to_owned(),
        original_price: truth.original_price,
        rating: truth.rating,
        review_count: truth.review_count,
        availability: truth.availability.clone(),
        is_available: truth.is_available,
        image_urls: truth.image.iter().map(|image| format!("{base}{image}")).collect(),
        asin: truth.asin.clone(),
    };
    if product == wanted { Ok(()) } else { Err(format!("{path}: {product:?}\n    not {wanted:?}")) }
}

#[test]
fn extraction_finds_the_truth_of_every_server_written_page() {
    let shop = Shop::new(SEED);
    let (base, catalog) = ("http://127.0.0.1:8080", shop.catalog());
    let mut pages_by_path: Vec<(String, String)> = Vec::new();
    for n in 1..=60 {
        let item = catalog.item(n);
        pages_by_path.push((format!("/jsonld/{n}"), pages::jsonld(&item)));
        let item = catalog.item_of_asin(&item.asin()).expect("an item");
        pages_by_path.push((format!("/dp/{}", item.asin()), pages::amazon(&item)));
    }
    pages_by_path.extend((1..=5).map(|page| (format!("/list?page={page}"), pages::listing(catalog, page))));
    for (path, html) in [
        ("/captcha", pages::captcha()),
        ("/blocked", pages::blocked()),
        ("/throttled", pages::throttled()),
        ("/login", pages::login()),
        ("/missing", pages::missing()),
        ("/static/3", pages::note(3)),
    ] {
        pages_by_path.push((path.to_owned(), html));
    }
    let wrong: Vec<String> = pages_by_path
        .iter()
        .filter_map(|(path, html)| {
            let truth = shop.truth(path).unwrap_or_else(|| panic!("no truth for {path}"));
            // The words alone must do: a browser's worker doesn't always learn the status.
            agrees(base, path, 200, html, &truth).err()
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}
