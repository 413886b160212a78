//! A recipe, checked: selectors and expressions are compiled.

use regex::Regex;
use serde_json::Value;

use super::path::JsonPath;
use crate::extraction::Kind;
use crate::html::Selector;

/// The rules for a site.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) name: String,
    /// Host patterns: `*` stands for any labels.
    pub(super) hosts: Vec<String>,
    /// Elements by which the site (or a shop system) is known at any host.
    pub(super) markers: Vec<Selector>,
    pub(super) pages: Vec<PageRecipe>,
}

/// The rules for one kind of page of a site.
#[derive(Debug)]
pub(crate) struct PageRecipe {
    pub(crate) kind: Kind,
    pub(super) url: Option<Regex>,
    pub(super) when: Option<Selector>,
    pub(super) unless: Option<Selector>,
    /// Fields that no other layer may fill.
    pub(crate) only: Vec<String>,
    pub(super) fields: Vec<(String, Vec<Rule>)>,
    pub(super) items: Option<Items>,
}

/// The parts of a list.
#[derive(Debug)]
pub(super) struct Items {
    pub(super) each: Selector,
    pub(super) skip: Option<Selector>,
    pub(super) sponsored: Option<Selector>,
    pub(super) fields: Vec<(String, Vec<Rule>)>,
}

/// One way to a value.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) from: From,
    pub(super) not: Option<Selector>,
    pub(super) regex: Option<Regex>,
    /// What the captured groups become: `$1.$2`.
    pub(super) replace: Option<String>,
    pub(super) reading: Option<Reading>,
    pub(super) all: bool,
    /// A constant, where the source is there at all.
    pub(super) value: Option<Value>,
    /// How the rule is named in `sources`.
    pub(super) label: String,
}

/// Where the text of a rule comes from.
#[derive(Debug)]
pub(super) enum From {
    /// Elements: their text, or the first attribute that is there.
    Css { selector: Selector, attrs: Vec<String> },
    /// JSON behind a marker in a script.
    Script { marker: String, path: JsonPath },
    /// JSON in an attribute.
    Attribute { selector: Selector, attr: String, path: JsonPath },
    /// A `meta` element.
    Meta(String),
    /// The page's address.
    Url,
}

/// How a text becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Text,
    Lines,
    Price,
    Number,
    Count,
    Rating,
    Url,
    Date,
    Duration,
}

impl Reading {
    /// The reading of a field unless its rule says otherwise.
    pub(super) fn of_field(field: &str) -> Self {
        match field {
            "price" | "originalPrice" => Reading::Price,
            "rating" => Reading::Rating,
            "reviewCount" | "likes" | "reposts" | "replies" | "views" | "viewCount" | "score"
            | "commentCount" | "productCount" => Reading::Count,
            "imageUrls" | "url" | "nextPageUrl" => Reading::Url,
            "createdAt" | "publishedAt" => Reading::Date,
            "durationSeconds" => Reading::Duration,
            "text" => Reading::Lines,
            _ => Reading::Text,
        }
    }
}
