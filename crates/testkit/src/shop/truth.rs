//! What a reader of a page must find.

use super::catalog::{Catalog, Item};

/// The expected reading of a page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Truth {
    /// `OK`, `CAPTCHA`, `BLOCKED`, `THROTTLED`, `LOGIN_WALL` or `NOT_FOUND`.
    pub verdict: &'static str,
    /// `product`, `listing`, `page` or `block`.
    pub kind: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The product's name.
    pub title: Option<String>,
    /// Its price.
    pub price: Option<f64>,
    /// ISO 4217.
    pub currency: Option<&'static str>,
    /// The struck-out price.
    pub original_price: Option<f64>,
    /// Out of 5.
    pub rating: Option<f64>,
    /// How many people rated.
    pub review_count: Option<u64>,
    /// The words about its stock.
    pub availability: Option<String>,
    /// Whether it can be ordered.
    pub is_available: bool,
    /// The path of the main picture.
    pub image: Option<String>,
    /// Only of `/dp/` pages.
    pub asin: Option<String>,
    /// Paths of the products of a listing.
    pub products: Vec<String>,
    /// Path and query of the next page of a listing.
    pub next_page: Option<String>,
}

/// The truth of a path; `None` where the shop has no such page.
pub(super) fn truth(catalog: &Catalog, path: &str) -> Option<Truth> {
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => path,
    };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let number = |name: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(k, _)| *k == name)
            .and_then(|(_, v)| v.parse::<u32>().ok())
    };
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let (page, rest) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    match (page, rest) {
        ("product" | "jsonld", n) => n.parse().ok().map(|n| product(&catalog.item(n))),
        ("dp", asin) => catalog.item_of_asin(asin).map(|item| amazon(&item)),
        ("", "") => listing(catalog, 1),
        ("list", "") => listing(catalog, number("page").unwrap_or(1)),
        ("slow", "") => Some(product(&catalog.item(number("n").unwrap_or(1)))),
        ("flaky", n) => n.parse().ok().map(|n| product(&catalog.item(n))),
        ("static", n) => n.parse::<u32>().ok().map(|n| Truth {
            verdict: "OK",
            kind: "page",
            status: 200,
            title: Some(format!("Note {n}")),
            ..Truth::default()
        }),
        ("captcha", "") => Some(block("CAPTCHA", 200)),
        ("blocked", "") => Some(block("BLOCKED", 403)),
        ("throttled", "") => Some(block("THROTTLED", if number("status") == Some(429) { 429 } else { 503 })),
        ("login", "") => Some(block("LOGIN_WALL", 200)),
        ("missing", "") => Some(block("NOT_FOUND", 404)),
        _ => None,
    }
}

fn product(item: &Item) -> Truth {
    Truth {
        verdict: "OK",
        kind: "product",
        status: 200,
        title: Some(item.title.clone()),
        price: Some(item.price()),
        currency: Some(item.money.code),
        original_price: item.was(),
        rating: Some(item.rating()),
        review_count: Some(item.reviews),
        availability: Some(item.availability().to_owned()),
        is_available: item.in_stock,
        image: Some(item.picture()),
        ..Truth::default()
    }
}

/// On the Amazon-like page a product that can't be had shows no price.
fn amazon(item: &Item) -> Truth {
    let mut truth = product(item);
    truth.asin = Some(item.asin());
    truth.availability = Some(if item.in_stock { "In Stock" } else { "Currently unavailable." }.to_owned());
    if !item.in_stock {
        (truth.price, truth.original_price, truth.currency) = (None, None, None);
    }
    truth
}

fn listing(catalog: &Catalog, page: u32) -> Option<Truth> {
    (1..=catalog.pages()).contains(&page).then(|| Truth {
        verdict: "OK",
        kind: "listing",
        status: 200,
        products: catalog.page(page).iter().map(|item| format!("/product/{}", item.n)).collect(),
        next_page: (page < catalog.pages()).then(|| format!("/list?page={}", page + 1)),
        ..Truth::default()
    })
}

fn block(verdict: &'static str, status: u16) -> Truth {
    Truth { verdict, kind: "block", status, ..Truth::default() }
}
