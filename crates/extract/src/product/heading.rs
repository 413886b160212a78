//! What a product page is called: its heading, or its title without the site's name.

use super::place::in_frame;
use crate::context::Context;
use crate::html::{Document, NodeId, Selector};

/// The page's own heading: the first `h1` that is no logo, else the title without the site's name.
pub(crate) fn heading(context: &Context<'_>) -> Option<String> {
    heading_node(context).map(|id| context.document.text_up_to(id, 400)).or_else(|| titled(context))
}

pub(super) fn heading_node(context: &Context<'_>) -> Option<NodeId> {
    let document = &context.document;
    let marked = Selector::fixed(
        "h1[itemprop=name], [itemprop=name] h1, h1[class*='product' i], h1[class*='title' i], h1",
    );
    let title = context.meta.get("og:title").unwrap_or(&context.meta.title).to_lowercase();
    let fits = |id: &NodeId| {
        let text = document.text_up_to(*id, 400);
        text.chars().count() >= 2 && !in_frame(document, *id)
    };
    let all: Vec<NodeId> =
        document.select(Document::ROOT, &marked).into_iter().filter(fits).take(20).collect();
    let said = |id: &NodeId| title.contains(&document.text_up_to(*id, 400).to_lowercase());
    all.iter().find(|id| said(id)).or_else(|| all.first()).copied()
}

/// The title as other sites show it, or the document's, without the site's name.
pub(crate) fn titled(context: &Context<'_>) -> Option<String> {
    let meta = &context.meta;
    let site = meta.get("og:site_name").unwrap_or("").to_lowercase();
    let title =
        meta.first(&["og:title", "twitter:title", "title"]).map(|(_, title)| title).unwrap_or(&meta.title);
    Some(without_site(title, &site, context.host())).filter(|title| !title.is_empty())
}

/// Takes `| Site` and `Site:` off a title.
pub(crate) fn without_site(title: &str, site: &str, host: &str) -> String {
    let core: String =
        host.split('.').rev().skip(1).find(|label| label.len() > 3).unwrap_or(host).to_lowercase();
    let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let is_site = |part: &str| {
        let part = plain(part);
        !part.is_empty()
            && ((!site.is_empty() && part == plain(site))
                || (!core.is_empty() && (part == plain(&core) || part == plain(host))))
    };
    for separator in [" | ", " – ", " — ", " - ", " : ", ": ", " · ", " • ", " :: ", " » "] {
        if let Some((front, back)) = title.rsplit_once(separator)
            && is_site(back)
        {
            return front.trim().to_owned();
        }
        if let Some((front, back)) = title.split_once(separator)
            && is_site(front)
        {
            return back.trim().to_owned();
        }
    }
    title.trim().to_owned()
}
