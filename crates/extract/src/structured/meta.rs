//! `meta` elements, the title, the canonical link, the language.

use std::collections::HashMap;

use url::Url;

use crate::html::{Document, collapse};

/// The head's facts.
#[derive(Debug, Default)]
pub(crate) struct Meta {
    named: HashMap<String, Vec<String>>,
    /// The text of `title`.
    pub(crate) title: String,
    /// The `lang` of the document.
    pub(crate) language: String,
    /// `link rel=canonical`, absolute where the page's address is known.
    pub(crate) canonical: Option<String>,
    /// `base href`.
    pub(crate) base: Option<String>,
}

impl Meta {
    /// Reads the head (and what belongs there but stands elsewhere).
    pub(crate) fn read(document: &Document<'_>, url: Option<&Url>) -> Self {
        let mut meta = Meta::default();
        for id in document.named("meta") {
            let key = ["property", "name", "itemprop", "http-equiv"]
                .iter()
                .find_map(|attr| document.attr(*id, attr));
            let content = document.attr(*id, "content").or_else(|| document.attr(*id, "value"));
            if let (Some(key), Some(content)) = (key, content) {
                let content = collapse(&content);
                if !content.is_empty() {
                    meta.named.entry(key.trim().to_ascii_lowercase()).or_default().push(content);
                }
            }
        }
        let drawn = |id: &u32| document.ancestors(*id).any(|parent| document.name(parent) == "svg");
        meta.title = document
            .named("title")
            .iter()
            .find(|id| !drawn(id))
            .map(|id| document.text(*id))
            .unwrap_or_default();
        meta.language = document
            .named("html")
            .first()
            .and_then(|id| document.attr(*id, "lang").or_else(|| document.attr(*id, "xml:lang")))
            .map(std::borrow::Cow::into_owned)
            .filter(|language| !language.trim().is_empty())
            .or_else(|| meta.get("og:locale").or_else(|| meta.get("content-language")).map(str::to_owned))
            .unwrap_or_default();
        for id in document.named("link") {
            let rel = document.attr(*id, "rel").unwrap_or_default().to_ascii_lowercase();
            if rel.split_ascii_whitespace().any(|word| word == "canonical") && meta.canonical.is_none() {
                meta.canonical =
                    document.attr(*id, "href").map(|href| join(url, &href)).filter(|href| !href.is_empty());
            }
        }
        meta.base = document
            .named("base")
            .iter()
            .find_map(|id| document.attr(*id, "href"))
            .map(|href| join(url, &href));
        meta
    }

    /// The first value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.named.get(name).and_then(|values| values.first()).map(String::as_str)
    }

    /// All values of a name.
    pub(crate) fn all(&self, name: &str) -> &[String] {
        self.named.get(name).map_or(&[], Vec::as_slice)
    }

    /// The first value of the first name that has one, with the name.
    pub(crate) fn first<'n>(&self, names: &[&'n str]) -> Option<(&'n str, &str)> {
        names.iter().find_map(|name| self.get(name).map(|value| (*name, value)))
    }
}

fn join(base: Option<&Url>, href: &str) -> String {
    let href = href.trim();
    match base {
        Some(base) => base.join(href).map(String::from).unwrap_or_default(),
        None => href.to_owned(),
    }
}
