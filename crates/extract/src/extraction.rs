//! What goes in and what comes out: the words that the rest of Ukai shares with this crate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A page as it was loaded.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The document's markup.
    pub html: &'a str,
    /// The address that the document came from, after redirects.
    pub url: Option<&'a str>,
    /// The HTTP status of the document.
    pub status: Option<u16>,
    /// The response's headers; names in any case.
    pub headers: &'a [(String, String)],
}

impl<'a> Page<'a> {
    /// A page of which only the markup and perhaps the address is known.
    pub fn new(html: &'a str, url: Option<&'a str>) -> Self {
        Page { html, url, status: None, headers: &[] }
    }
}

/// What kind of answer the page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// A page with content.
    Ok,
    /// A check that a visitor or a script has to pass.
    Captcha,
    /// A refusal with no way through.
    Blocked,
    /// Too many requests, busy, try later.
    Throttled,
    /// Content only for members who signed in.
    LoginWall,
    /// No such page or product.
    NotFound,
    /// A document without content.
    Empty,
}

impl Verdict {
    /// The word of the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Ok => "OK",
            Verdict::Captcha => "CAPTCHA",
            Verdict::Blocked => "BLOCKED",
            Verdict::Throttled => "THROTTLED",
            Verdict::LoginWall => "LOGIN_WALL",
            Verdict::NotFound => "NOT_FOUND",
            Verdict::Empty => "EMPTY",
        }
    }

    /// The contract's error type of a failed scrape; `None` where the page is a result (`OK`, `NOT_FOUND`).
    pub fn error_type(self) -> Option<&'static str> {
        match self {
            Verdict::Ok | Verdict::NotFound => None,
            Verdict::Captcha => Some("CAPTCHA"),
            Verdict::Blocked | Verdict::LoginWall => Some("BLOCKED"),
            Verdict::Throttled => Some("THROTTLED"),
            Verdict::Empty => Some("PARSE_ERROR"),
        }
    }
}

/// What the page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One thing to buy.
    Product,
    /// A list of things to buy.
    Listing,
    /// A post of a social network.
    Post,
    /// A video's page.
    Video,
    /// A text to read.
    Article,
    /// A page with none of the above.
    Page,
    /// Not a page but an obstacle: see the verdict.
    Block,
}

/// The layer that a value came from, surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// A rule of a site recipe.
    Recipe,
    /// A `script` of type `application/ld+json`.
    JsonLd,
    /// `itemscope`, `itemprop`.
    Microdata,
    /// `property`, `typeof`.
    Rdfa,
    /// OpenGraph and other `meta` elements.
    Meta,
    /// JSON inside a script of the page.
    EmbeddedJson,
    /// Words and shape of the page.
    Text,
    /// The page's address.
    Url,
}

/// Where a field's value came from and how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The layer.
    pub layer: Layer,
    /// From 0 (a guess) to 1 (said by the site in so many words).
    pub confidence: f64,
    /// The rule within the layer: a recipe's name and selector, a property's path.
    pub rule: String,
}

/// Everything that a page says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Extraction {
    /// What kind of answer the page is.
    pub verdict: Verdict,
    /// Why the verdict is so: the marker, status or shape that decided.
    pub reason: String,
    /// What the page is about.
    pub kind: Kind,
    /// The record of that kind; `null` unless the verdict is `OK` (or `NOT_FOUND` of a product that is gone).
    pub record: Value,
    /// The items of a listing, the posts of a thread; otherwise empty.
    pub records: Vec<Value>,
    /// Absolute addresses of the page's links, without fragments, in the order of the page, each once.
    pub links: Vec<String>,
    /// Those of `links` that the page asks robots not to follow: marked singly, or the page as a whole.
    #[serde(default)]
    pub nofollow: Vec<String>,
    /// Per field of `record` where its value came from.
    pub sources: BTreeMap<String, Source>,
    /// The next page of a list.
    pub next_page: Option<String>,
}

impl Extraction {
    /// An extraction without any record.
    pub fn empty(verdict: Verdict, reason: impl Into<String>) -> Self {
        Extraction {
            verdict,
            reason: reason.into(),
            kind: Kind::Block,
            record: Value::Null,
            records: Vec::new(),
            links: Vec::new(),
            nofollow: Vec::new(),
            sources: BTreeMap::new(),
            next_page: None,
        }
    }

    /// The record as the contract's product, where the page is one.
    pub fn product(&self) -> Option<Product> {
        match self.kind {
            Kind::Product => serde_json::from_value(self.record.clone()).ok(),
            Kind::Listing | Kind::Post | Kind::Video | Kind::Article | Kind::Page | Kind::Block => None,
        }
    }
}

/// A product as the worker contract's `result`, field by field.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// The name; empty where the page gives none.
    pub product_title: String,
    /// What a buyer pays now, in units of `currency`.
    pub price: Option<f64>,
    /// ISO 4217; empty where unknown.
    pub currency: String,
    /// The struck-out or list price.
    pub original_price: Option<f64>,
    /// Out of 5.
    pub rating: Option<f64>,
    /// How many people rated.
    pub review_count: Option<u64>,
    /// The words of the page.
    pub availability: Option<String>,
    /// Whether it can be ordered.
    pub is_available: bool,
    /// The main picture first.
    pub image_urls: Vec<String>,
    /// Amazon's number of the article.
    pub asin: Option<String>,
}
