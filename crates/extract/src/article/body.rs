//! The text of an article: the element that holds most of the prose, without what stands around it.

use std::collections::HashMap;

use crate::context::Context;
use crate::html::{Document, NodeId, Selector};

/// Parts of one article.
const MAX_PARTS: usize = 60;
/// Shorter paragraphs are captions and buttons.
const PROSE: usize = 40;

/// The prose, a paragraph a line, and the element that holds it.
pub(super) fn text(context: &Context<'_>) -> (String, String) {
    let document = &context.document;
    let furniture = &Furniture::of(document);
    let marked = Selector::fixed(
        "[itemprop=articleBody], .article-body, .entry-content, .post-content, .article__body, .c-entry-content, .story-body, .article-content, .articleBody",
    );
    for choice in document.select_by_choice(Document::ROOT, &marked) {
        if let Some((id, text)) = joined(document, furniture, choice) {
            return (text, crate::label_of(document, id));
        }
    }
    match densest(document, furniture) {
        Some(id) => {
            let (id, text) = widen(document, furniture, id);
            // Elements of the same dress beside it are further parts.
            let class = document.class(id);
            let twins = document.elements(Document::ROOT).filter(|twin| {
                !class.is_empty()
                    && document.class(*twin) == class
                    && document.name(*twin) == document.name(id)
            });
            if let Some((first, all)) = joined(document, furniture, twins.collect())
                && all.len() > text.len() + text.len() / 5
            {
                return (all, crate::label_of(document, first));
            }
            (text, crate::label_of(document, id))
        }
        None => {
            let body = document.named("body").first().copied().unwrap_or(Document::ROOT);
            (prose(document, furniture, body), "body".to_owned())
        }
    }
}

/// The prose of one element, or of several beside each other: the parts of a long article.
fn joined(document: &Document<'_>, furniture: &Furniture, found: Vec<NodeId>) -> Option<(NodeId, String)> {
    let mut parts: Vec<(NodeId, String)> = Vec::new();
    for id in found.into_iter().take(MAX_PARTS) {
        if parts.last().is_none_or(|(last, _)| !document.contains(*last, id)) {
            parts.push((id, prose(document, furniture, id)));
        }
    }
    let longest = parts.iter().map(|(_, text)| text.len()).max()?;
    parts.retain(|(_, text)| text.len() > 150 && text.len() * 12 > longest);
    let first = parts.first()?.0;
    // Many of them are a list of articles: then the longest is the one.
    let apart = parts.len() > 12 || parts.iter().any(|(id, _)| !near(document, first, *id));
    if apart {
        parts.retain(|(_, text)| text.len() == longest);
        parts.truncate(1);
    }
    let id = parts.first()?.0;
    let text = parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n");
    (text.chars().count() > 400).then_some((id, text))
}

/// Whether two elements are parts of one text: they share a parent within a few steps.
fn near(document: &Document<'_>, a: NodeId, b: NodeId) -> bool {
    a == b
        || document
            .ancestors(a)
            .take(4)
            .any(|parent| document.contains(parent, b) && !matches!(document.name(parent), "body" | "html"))
}

/// The element under which most prose stands, counting near paragraphs more than far ones.
fn densest(document: &Document<'_>, furniture: &Furniture) -> Option<NodeId> {
    let mut scores: HashMap<NodeId, f64> = HashMap::new();
    let mut total = 0.0;
    for id in document
        .elements(Document::ROOT)
        .filter(|id| matches!(document.name(*id), "p" | "pre" | "blockquote" | "li" | "td" | "div"))
    {
        if furniture.around(id) {
            continue;
        }
        let name = document.name(id);
        let length = if name == "p" || name == "pre" || name == "blockquote" {
            document.text_up_to(id, 4_000).chars().count()
        } else {
            own_text(document, id)
        };
        if length < PROSE {
            continue;
        }
        let worth = f64::from(u32::try_from(length.min(1_500)).unwrap_or(0))
            * if name == "li" || name == "td" { 0.4 } else { 1.0 };
        total += worth;
        let from = if matches!(name, "div" | "td") { Some(id) } else { document.parent(id) };
        let mut share = 1.0;
        for parent in
            from.into_iter().flat_map(|from| std::iter::once(from).chain(document.ancestors(from))).take(5)
        {
            *scores.entry(parent).or_default() += worth * share;
            share *= 0.72;
        }
    }
    let best = scores.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    best.filter(|(id, score)| *score > total * 0.15 && *id != Document::ROOT).map(|(id, _)| id)
}

/// Up from the densest element while its surroundings are prose as well: articles come in several sections.
fn widen(document: &Document<'_>, furniture: &Furniture, id: NodeId) -> (NodeId, String) {
    let mut best = (id, prose(document, furniture, id));
    let whole = document.ancestors(id).find(|parent| document.name(*parent) == "article");
    for parent in document.ancestors(id).take(if whole.is_some() { 8 } else { 2 }) {
        if matches!(document.name(parent), "body" | "html" | "main") || furniture.own(parent) {
            break;
        }
        let text = prose(document, furniture, parent);
        let (now, then) = (best.1.len().max(1), text.len());
        // Without an `article` around it only the nearest surroundings are trusted.
        let limit = if whole.is_some() { now * 3 } else { now + now / 3 };
        if then > limit || (whole.is_none() && share_of_links(document, parent) > 0.2) {
            break;
        }
        if then > now + now / 25
            && prose_length(document, furniture, parent) > prose_length(document, furniture, best.0)
        {
            best = (parent, text);
        }
        if Some(parent) == whole {
            break;
        }
    }
    best
}

/// Characters in paragraphs that are long enough to be prose.
fn prose_length(document: &Document<'_>, furniture: &Furniture, id: NodeId) -> usize {
    document
        .elements(id)
        .filter(|id| document.name(*id) == "p" && !furniture.around(*id))
        .map(|id| document.text_up_to(id, 4_000).chars().count())
        .filter(|length| *length >= PROSE)
        .sum()
}

#[allow(clippy::cast_precision_loss, reason = "a share of two text lengths")]
fn share_of_links(document: &Document<'_>, id: NodeId) -> f64 {
    let all = document.text(id).len().max(1);
    let links: usize = document
        .elements(id)
        .filter(|id| document.name(*id) == "a")
        .map(|id| document.text_up_to(id, 400).len())
        .sum();
    links as f64 / all as f64
}

fn own_text(document: &Document<'_>, id: NodeId) -> usize {
    (id + 1..document.end(id))
        .take(60)
        .filter(|child| document.parent(*child) == Some(id))
        .filter_map(|child| document.text_of(child))
        .map(|text| text.trim().chars().count())
        .sum()
}

fn prose(document: &Document<'_>, furniture: &Furniture, id: NodeId) -> String {
    document.lines(id, |inner| furniture.own(inner) || is_link_box(document, inner))
}

/// A box of links to other pages: hardly a word in it is not a link.
fn is_link_box(document: &Document<'_>, id: NodeId) -> bool {
    let is_box = matches!(document.name(id), "ul" | "ol" | "div" | "section" | "table" | "dl");
    if !is_box || document.end(id) - id > 600 {
        return false;
    }
    let links = document.elements(id).filter(|id| document.name(*id) == "a").count();
    links > 0 && document.text_up_to(id, 6_000).chars().count() > 20 && share_of_links(document, id) > 0.7
}

/// Parts of class names of what stands around an article.
const FURNITURE: &[&str] = &[
    "comment",
    "related",
    "sidebar",
    "share",
    "social",
    "newsletter",
    "promo",
    "recirc",
    "footer",
    "recommend",
    "most-read",
    "popular",
    "breadcrumb",
    "signup",
    "advert",
    "-ad-",
    "sponsor",
    "cookie",
    "trending",
    "author-bio",
    "disqus",
    "outbrain",
    "taboola",
    "sticky-nav",
    "navigation",
];

/// Which elements are the page's furniture, by themselves and by what they stand in; worked out once a page.
struct Furniture {
    own: Vec<bool>,
    around: Vec<bool>,
}

impl Furniture {
    fn of(document: &Document<'_>) -> Self {
        let count = document.end(Document::ROOT) as usize;
        let (mut own, mut around) = (vec![false; count], vec![false; count]);
        for id in document.elements(Document::ROOT) {
            let at = id as usize;
            own[at] = says_furniture(document, id);
            let outer = document.parent(id).is_some_and(|parent| around[parent as usize]);
            around[at] = outer || own[at] || document.is_hidden(id);
        }
        Furniture { own, around }
    }

    fn own(&self, id: NodeId) -> bool {
        self.own.get(id as usize).copied().unwrap_or(false)
    }

    fn around(&self, id: NodeId) -> bool {
        self.around.get(id as usize).copied().unwrap_or(false)
    }
}

fn says_furniture(document: &Document<'_>, id: NodeId) -> bool {
    if matches!(
        document.name(id),
        "nav"
            | "footer"
            | "aside"
            | "form"
            | "button"
            | "script"
            | "style"
            | "noscript"
            | "header"
            | "figure"
            | "iframe"
    ) {
        return !matches!(document.name(id), "header" | "figure")
            || document.text_up_to(id, 2_000).chars().count() < 600;
    }
    let class = document.class(id);
    let own = document.id(id);
    if class.is_empty() && own.is_empty() || matches!(document.name(id), "body" | "html" | "main" | "article")
    {
        return false;
    }
    // An element around a good part of the page is no furniture, whatever it is called.
    let size = document.end(id) - id;
    if size > 60 && size > document.end(Document::ROOT) / 3 {
        return false;
    }
    let names = format!("{class} {own}").to_ascii_lowercase();
    // `withSidebar` and `has-comments` speak of what stands beside the text.
    let beside =
        |name: &str| ["with", "has-", "no-", "is-", "not-"].iter().any(|start| name.starts_with(start));
    names
        .split_ascii_whitespace()
        .filter(|name| !beside(name))
        .any(|name| FURNITURE.iter().any(|word| name.contains(word)))
}
