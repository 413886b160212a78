//! Measures the extraction of a page of one megabyte: `cargo run --release -p ukai-extract --example speed`.
//! Ends with 1 where the median is over the limit.

use std::io::Write;
use std::time::{Duration, Instant};

use ukai_extract::{Page, Recipes, extract};

/// What a page of a megabyte may take in a release build.
const LIMIT: Duration = Duration::from_millis(60);
/// Measured runs a page.
const RUNS: usize = 21;

fn main() -> std::io::Result<()> {
    let recipes = Recipes::embedded();
    let mut out = std::io::stdout().lock();
    let mut too_slow = false;
    for (name, url, html) in [
        ("product with a long list of others", "https://shop.example/p/1", product()),
        ("list of thousands of cards", "https://shop.example/list", cards()),
        ("amazon-like product", "https://www.amazon.com/dp/B000000001", amazon()),
        ("long article", "https://news.example/a", article()),
    ] {
        let mut times: Vec<Duration> = (0..RUNS)
            .map(|_| {
                let started = Instant::now();
                let extraction = extract(&Page::new(&html, Some(url)), &recipes);
                let took = started.elapsed();
                drop(extraction);
                took
            })
            .collect();
        times.sort();
        let median = times.get(RUNS / 2).copied().unwrap_or_default();
        too_slow |= median > LIMIT;
        writeln!(
            out,
            "{name:36} {:5} KiB  median {median:?}  slowest {:?}",
            html.len() >> 10,
            times.last().copied().unwrap_or_default()
        )?;
    }
    writeln!(out, "peak memory {}", peak())?;
    out.flush()?;
    std::process::exit(i32::from(too_slow));
}

/// The process's largest resident size, where the system tells it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .map_or_else(|| "unknown".to_owned(), |size| size.trim().to_owned())
}

fn repeated(head: &str, tail: &str, part: impl Fn(usize) -> String) -> String {
    let mut html = head.to_owned();
    let mut n = 0;
    while html.len() < 1 << 20 {
        html.push_str(&part(n));
        n += 1;
    }
    html + tail
}

fn product() -> String {
    let head = "<html lang=en><head><title>Kettle</title><script type='application/ld+json'>{\"@type\":\"Product\",\"name\":\"Kettle\"}</script></head><body><h1>Kettle</h1>\
        <div class=prices><del class=old-price>$50.00</del><span class=price>$40.00</span></div><p class=stock>In stock</p><section>";
    repeated(head, "</section></body></html>", |n| {
        format!(
            "<div class='tile row-{}'><a href='/p/{n}'><img src='/i/{n}.jpg' alt='Thing {n}'></a><span class=price>${}.99</span><p>Words about thing {n}.</p></div>",
            n % 4,
            n % 90
        )
    })
}

fn cards() -> String {
    repeated("<html><body><h1>All</h1><ul class=grid>", "</ul></body></html>", |n| {
        format!(
            "<li class='card item'><a href='/p/{n}?ref=list'><img data-src='/i/{n}.jpg'><h3>Thing number {n}</h3></a><span class='price'>{},{:02} €</span></li>",
            n % 900,
            n % 100
        )
    })
}

fn amazon() -> String {
    let head = "<html lang=en-us><body><div id=dp><span id=productTitle>Kettle</span><div id=corePriceDisplay_desktop_feature_div><span class='a-price priceToPay'>\
        <span class=a-offscreen>$17.95</span></span></div><div id=availability><span>In Stock</span></div>";
    repeated(head, "</div></body></html>", |n| {
        format!(
            "<div class='a-section a-spacing-small' data-n='{n}'><script>var a{n} = {{\"x\": [1, 2, 3], \"y\": \"some text in a script\"}};</script><span class=a-price><span class=a-offscreen>$1.00</span></span></div>"
        )
    })
}

fn article() -> String {
    repeated(
        "<html><head><meta property=og:type content=article></head><body><article><h1>Long</h1>",
        "</article></body></html>",
        |n| {
            format!(
                "<p>Paragraph {n} is made of words, commas, and <a href='/w/{n}'>links</a>; it goes on for a while, as paragraphs do, and then it ends.</p>"
            )
        },
    )
}
