//! What custody costs: the time of a page with this crate (context of its own, guard, watch, completeness) beside the bare
//! browser (`Page.navigate` and the document's content, by DevTools alone), measured in turns in one run.
//!
//! `cargo run --release -p ukai-browser --example overhead -- [ROUNDS]`

use std::{
    io::Write,
    time::{Duration, Instant},
};

use axum::{Router, response::Html, routing::get};
use chromiumoxide::{BrowserConfig, cdp::browser_protocol::target::CreateTargetParams};
use futures::StreamExt;
use ukai_browser::{Browser, Config, PageRequest, find_executable};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Every page comes after a pause, as a worker's pages do; it is no part of the times.
const PAUSE: Duration = Duration::from_millis(250);

#[tokio::main]
async fn main() -> Result<()> {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(40);
    let address = serve().await?;
    let url = format!("http://{address}/");
    let profile = tempfile::tempdir()?;
    let bare = BrowserConfig::builder()
        .chrome_executable(find_executable(false).ok_or("no Chromium")?)
        .user_data_dir(profile.path())
        .no_sandbox()
        .build()?;
    let (bare, mut handler) = chromiumoxide::Browser::launch(bare).await?;
    let handling = tokio::spawn(async move { while let Some(Ok(())) = handler.next().await {} });
    let tab = bare.new_page("about:blank").await?;
    let browser = Browser::launch(Config { allowed_targets: vec![address], ..Config::default() }).await?;
    let request = PageRequest::new(url.parse()?);
    let (mut in_tab, mut in_context, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    let (mut parsed, mut settled) = (Vec::new(), Vec::new());
    for round in 0..rounds + 3 {
        tokio::time::sleep(PAUSE).await;
        let began = Instant::now();
        tab.goto(url.as_str()).await?;
        let content = tab.content().await?;
        let tab_took = began.elapsed();

        tokio::time::sleep(PAUSE).await;
        let began = Instant::now();
        let context = bare.create_browser_context(Default::default()).await?;
        let blank =
            CreateTargetParams::builder().url("about:blank").browser_context_id(context.clone()).build()?;
        let page = bare.new_page(blank).await?;
        page.goto(url.as_str()).await?;
        let same = page.content().await?;
        let context_took = began.elapsed();
        bare.dispose_browser_context(context).await?;

        tokio::time::sleep(PAUSE).await;
        let began = Instant::now();
        let outcome = browser.fetch(&request).await?;
        let took = began.elapsed();
        if outcome.html.len() < 10_000 || content.len() < 10_000 || same.len() < 10_000 {
            return Err("a page came without its content".into());
        }
        // The first rounds warm caches.
        if round >= 3 {
            in_tab.push(tab_took);
            in_context.push(context_took);
            ours.push(took);
            parsed.push(outcome.load);
            settled.push(outcome.settled);
        }
    }
    let mut out = std::io::stdout();
    let (tab_median, context_median, median) = (median_of(in_tab), median_of(in_context), median_of(ours));
    writeln!(out, "bare, one tab for all pages    {tab_median:6.1} ms (median of {rounds})")?;
    writeln!(out, "bare, a context for each page  {context_median:6.1} ms")?;
    writeln!(out, "with custody                   {median:6.1} ms")?;
    let (parsed, settled) = (median_of(parsed), median_of(settled));
    writeln!(out, "  of it until the DOM is parsed {parsed:5.1} ms, until it is complete {settled:5.1} ms")?;
    writeln!(out, "overhead over one tab          {:+6.1} %", (median / tab_median - 1.0) * 100.0)?;
    writeln!(out, "overhead over a context each   {:+6.1} %", (median / context_median - 1.0) * 100.0)?;
    browser.close().await;
    drop(bare);
    handling.abort();
    Ok(())
}

fn median_of(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

/// A static page of some 20 kB.
async fn serve() -> Result<String> {
    let rows: String =
        (0..300).map(|n| format!("<li class=row><a href=/p/{n}>Item {n}</a> <b>{n}.99 €</b></li>")).collect();
    let page =
        format!("<!doctype html><html><head><title>Static</title></head><body><ul>{rows}</ul></body></html>");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let routes = Router::new().route("/", get(async move || Html(page.clone())));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}
