//! A page with everything that all layers read from it, prepared once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use url::Url;

use crate::extraction::Page;
use crate::html::{Document, NodeId};
use crate::money::Site;
use crate::structured::{self, Embedded, Meta, Thing};

/// A prepared page.
pub(crate) struct Context<'a> {
    pub(crate) document: Document<'a>,
    pub(crate) url: Option<Url>,
    /// What relative links are joined to.
    base: Option<Url>,
    pub(crate) meta: Meta,
    pub(crate) things: Vec<Thing>,
    pub(crate) embedded: Embedded,
    pub(crate) site: Site,
    /// Where links lead, as far as that was asked for.
    pub(crate) targets: RefCell<HashMap<NodeId, Option<Rc<str>>>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(page: &Page<'a>) -> Self {
        let document = Document::parse(page.html);
        let given = page.url.and_then(|url| Url::parse(url.trim()).ok());
        let meta = Meta::read(&document, given.as_ref());
        let said =
            meta.canonical.as_deref().or_else(|| meta.get("og:url")).and_then(|url| Url::parse(url).ok());
        let url = given.or(said);
        let base = meta.base.as_deref().and_then(|base| Url::parse(base).ok()).or_else(|| url.clone());
        let things = structured::things(&document);
        let site = Site {
            host: url.as_ref().and_then(Url::host_str).unwrap_or("").to_owned(),
            language: meta.language.clone(),
            currency: None,
        };
        Context {
            document,
            url,
            base,
            meta,
            things,
            embedded: Embedded::default(),
            site,
            targets: RefCell::default(),
        }
    }

    /// The host without `www.`; empty where the address is unknown.
    pub(crate) fn host(&self) -> &str {
        self.site.host.strip_prefix("www.").unwrap_or(&self.site.host)
    }

    /// Path and query of the address.
    pub(crate) fn path(&self) -> String {
        self.url.as_ref().map_or_else(String::new, |url| match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        })
    }

    /// An absolute http address without fragment; `None` for scripts, mail and the like.
    pub(crate) fn absolute(&self, href: &str) -> Option<String> {
        let href = href.trim();
        if href.is_empty() || href.starts_with('#') {
            return None;
        }
        let mut url = match &self.base {
            Some(base) => base.join(href).ok()?,
            None => match Url::parse(href) {
                Ok(url) => url,
                // Without the page's address a path stays a path.
                Err(_) => return is_path(href).then(|| href.to_owned()),
            },
        };
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        url.set_fragment(None);
        Some(url.into())
    }
}

fn is_path(href: &str) -> bool {
    let scheme = href.split_once(':').is_some_and(|(before, _)| !before.contains(['/', '?']));
    !scheme && !href.starts_with("//")
}
