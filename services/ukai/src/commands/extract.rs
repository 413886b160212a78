//! `ukai extract`: a page or a price to a record, without queue or browser.

use std::io::Read;
use std::path::Path;

use clap::Args;
use serde_json::Value;
use ukai_extract::{Page, Recipes, decode_page, extract, parse_price};

use crate::exit::Failure;
use crate::output::Output;

/// The largest page that is read.
const MAX_PAGE: usize = 32 << 20;

/// What to read.
#[derive(Args, Debug)]
pub(crate) struct Extract {
    /// A file, an http(s) address (fetched without a browser), or - for standard input.
    #[arg(value_name = "FILE|URL", required_unless_present = "price")]
    source: Option<String>,
    /// The address that a saved page came from.
    #[arg(long, value_name = "ORIGINAL_URL")]
    url: Option<String>,
    /// Reads a price out of this text instead of a page.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["source", "url"])]
    price: Option<String>,
    /// For --price: a currency, or text near the price.
    #[arg(long, value_name = "TEXT", requires = "price")]
    currency: Option<String>,
    /// More recipes, tried before those that come with Ukai.
    #[arg(long, value_name = "FILE", conflicts_with = "price")]
    recipe: Vec<std::path::PathBuf>,
}

struct Loaded {
    html: String,
    url: Option<String>,
    status: Option<u16>,
    headers: Vec<(String, String)>,
}

impl Extract {
    pub(crate) async fn run(self, _output: Output) -> Result<(), Failure> {
        let document = Output { json: true };
        if let Some(text) = &self.price {
            let price = parse_price(text, self.currency.as_deref());
            document.answer(&to_value(&price)?, Value::to_string);
            return Ok(());
        }
        let Some(source) = &self.source else {
            return Err(Failure::usage("name a file or an address"));
        };
        let page = if source.starts_with("http://") || source.starts_with("https://") {
            fetch(source).await?
        } else {
            Loaded { html: decode_page(&read(source)?, None), url: None, status: None, headers: Vec::new() }
        };
        let mut recipes = Recipes::embedded();
        for file in &self.recipe {
            let text = read(&file.to_string_lossy())?;
            let text = String::from_utf8_lossy(&text);
            recipes.add(&file.to_string_lossy(), &text).map_err(|error| Failure::usage(error.to_string()))?;
        }
        let url = self.url.or(page.url);
        let page =
            Page { html: &page.html, url: url.as_deref(), status: page.status, headers: &page.headers };
        document.answer(&to_value(&extract(&page, &recipes))?, Value::to_string);
        Ok(())
    }
}

fn to_value(value: &impl serde::Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::failed(format!("can't write the record: {error}")))
}

fn read(source: &str) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("can't read {source}: {error}"));
    let mut bytes = Vec::new();
    let limit = MAX_PAGE as u64 + 1;
    if source == "-" {
        std::io::stdin().take(limit).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        std::fs::File::open(Path::new(source))
            .map_err(failed)?
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
    }
    if bytes.len() > MAX_PAGE {
        return Err(Failure::failed(format!("{source} is larger than {} MB", MAX_PAGE >> 20)));
    }
    Ok(bytes)
}

async fn fetch(url: &str) -> Result<Loaded, Failure> {
    let failed = |error: reqwest::Error| Failure::failed(format!("can't fetch {url}: {error}"));
    let client = reqwest::Client::builder()
        .timeout(std::time::Duration::from_secs(30))
        .user_agent(concat!("ukai/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(failed)?;
    let mut response = client.get(url).send().await.map_err(failed)?;
    let status = response.status().as_u16();
    let final_url = response.url().to_string();
    let content_type =
        response.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_PAGE {
            return Err(Failure::failed(format!("{url} is larger than {} MB", MAX_PAGE >> 20)));
        }
    }
    let html = decode_page(&bytes, content_type.as_deref());
    Ok(Loaded { html, url: Some(final_url), status: Some(status), headers })
}
