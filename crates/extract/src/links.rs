//! A page's links, for crawls.

use std::collections::HashSet;

use crate::context::Context;

/// Links of one page.
const MAX_LINKS: usize = 5_000;

/// Absolute http addresses in the order of the page, each once, without fragments; those marked `nofollow` too.
pub(crate) fn links(context: &Context<'_>) -> Vec<String> {
    let document = &context.document;
    let mut known = HashSet::new();
    document
        .named("a")
        .iter()
        .chain(document.named("area"))
        .filter_map(|id| document.attr(*id, "href"))
        .filter_map(|href| context.absolute(&href))
        .filter(|url| url.starts_with("http") && known.insert(url.clone()))
        .take(MAX_LINKS)
        .collect()
}
