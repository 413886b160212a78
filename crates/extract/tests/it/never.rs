//! Whatever comes in: no panic, no run-away.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use ukai_extract::{Page, Recipes, decode_page, extract, parse_price};

/// Pieces of markup that parsers stumble over.
const PIECES: &[&str] = &[
    "<",
    ">",
    "</",
    "<!--",
    "-->",
    "<div>",
    "</div>",
    "<p>",
    "<a href='/x",
    "'>",
    "<script type='application/ld+json'>",
    "</script>",
    "{\"@type\":\"Product\",",
    "\"name\":\"a\"",
    "}",
    "[",
    "]",
    "<table>",
    "<tr>",
    "<td>",
    "</table>",
    "<h1>",
    "&",
    "&#x",
    "&amp;",
    ";",
    "12,99 €",
    "$5",
    " itemscope itemtype=Product",
    " itemprop=name",
    " class='price ",
    "price\">",
    "<select><option>",
    "<svg/>",
    "<template>",
    "é",
    "漢",
    "\u{0}",
    "\u{202e}",
    "<li>",
    "<ul>",
    "<title>",
    "out of stock",
    "4.5 out of 5",
    "<input type=password>",
    "<meta property=og:type content=product>",
    "\\u",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_of_pieces(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60), status in proptest::option::of(100u16..600)) {
        let html = pieces.concat();
        let recipes = Recipes::none();
        let page = Page { html: &html, url: Some("https://www.shop.example/p/1?a=b"), status, headers: &[] };
        let got = extract(&page, &recipes);
        prop_assert!(serde_json::to_string(&got).is_ok());
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let html = decode_page(&bytes, None);
        extract(&Page::new(&html, None), &Recipes::none());
    }

    #[test]
    fn any_price(text in "\\PC{0,60}", hint in proptest::option::of("\\PC{0,20}")) {
        let price = parse_price(&text, hint.as_deref());
        prop_assert!(price.amount.is_none_or(|amount| amount.is_finite() && amount >= 0.0));
    }

    #[test]
    fn prices_of_pieces(parts in proptest::collection::vec(proptest::sample::select(vec!["1", "99", "1.234", ",", ".", " ", "€", "$", "kr", "USD", "'", "-", "%", "R$", "円", "\u{a0}", "/", "١"]), 0..12)) {
        let text = parts.concat();
        let price = parse_price(&text, None);
        prop_assert!(price.amount.is_none_or(f64::is_finite));
    }

    #[test]
    fn any_recipe(text in "\\PC{0,200}") {
        let mut recipes = Recipes::none();
        let _ = recipes.add("any.toml", &text);
    }
}

#[test]
fn large_and_deep_pages_end_in_time() {
    let recipes = Recipes::embedded();
    let repeated: [(&str, usize); 10] = [
        ("<div>", 200_000),
        ("<p class=price>$5<a href=/x>", 40_000),
        ("<b><i>", 100_000),
        ("<table><tr><td>", 40_000),
        ("<li class='item product'><a href='/p/1'><span class=price>$1.00</span></a>", 8_000),
        ("<div itemscope itemtype=Product><span itemprop=name>x</span>", 10_000),
        ("<script type='application/ld+json'>{\"@type\":\"Product\",\"name\":\"a\"}</script>", 8_000),
        ("&amp", 200_000),
        ("<a href='/p?page=2'>2</a> ", 20_000),
        ("<script type='application/ld+json'>[[[[[[[[[[", 10_000),
    ];
    for (piece, times) in repeated {
        let html = piece.repeat(times);
        let started = Instant::now();
        extract(&Page::new(&html, Some("https://www.shop.example/")), &recipes);
        println!("{piece} × {times}: {:?}", started.elapsed());
        // Generous for unoptimised builds on busy machines; a quadratic step would take minutes.
        assert!(started.elapsed() < Duration::from_secs(30), "{piece} × {times}: {:?}", started.elapsed());
    }
}
