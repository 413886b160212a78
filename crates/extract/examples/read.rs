//! Prints what a saved page says: `cargo run -p ukai-extract --example read -- FILE [URL]`.

use std::io::Write;

use ukai_extract::{Page, Recipes, decode_page, extract};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: read FILE [URL]")?;
    let url = arguments.next();
    let html = decode_page(&std::fs::read(file)?, None);
    let recipes = Recipes::embedded();
    let started = std::time::Instant::now();
    let extraction = extract(&Page::new(&html, url.as_deref()), &recipes);
    let took = started.elapsed();
    let mut printed = serde_json::to_value(&extraction)?;
    printed["links"] = extraction.links.len().into();
    // A reader that closes the pipe ends the example, not in a panic.
    let mut out = std::io::stdout().lock();
    let _ =
        writeln!(out, "{}\n{} KiB in {took:?}", serde_json::to_string_pretty(&printed)?, html.len() >> 10);
    Ok(())
}
