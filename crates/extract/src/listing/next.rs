//! The next page of a list: by relation, by name, by word, by number.

use crate::context::Context;
use crate::html::{Document, NodeId, Selector};

/// What a link to the next page says; compared whole.
const WORDS: &[&str] = &[
    "next",
    "next page",
    "next »",
    "next ›",
    "next >",
    "next →",
    "weiter",
    "nächste",
    "nächste seite",
    "vor",
    "suivant",
    "suivante",
    "page suivante",
    "siguiente",
    "página siguiente",
    "sig.",
    "successivo",
    "successiva",
    "avanti",
    "próximo",
    "próxima",
    "seguinte",
    "volgende",
    "volgende pagina",
    "następna",
    "następny",
    "dalej",
    "nästa",
    "neste",
    "næste",
    "seuraava",
    "další",
    "następna strona",
    "următoarea",
    "következő",
    "sonraki",
    "вперед",
    "вперёд",
    "следующая",
    "далее",
    "次へ",
    "次のページ",
    "次",
    "下一页",
    "下一頁",
    "다음",
    "›",
    "»",
    "→",
    ">",
    ">>",
    "pagina successiva",
    "older posts",
    "older entries",
    "load more",
    "show more",
];

/// Nodes of a pager.
const MAX_PAGER: u32 = 600;

/// The address of the next page and the rule that found it.
pub(crate) fn next_page(context: &Context<'_>) -> Option<(String, String)> {
    let document = &context.document;
    let here = context.url.as_ref().map(|url| {
        let mut url = url.clone();
        url.set_fragment(None);
        String::from(url)
    });
    let target = |id: NodeId| {
        let href = document.attr(id, "href")?;
        let url = context.absolute(&href)?;
        // `?limit=all` shows everything on one page: no next page.
        let is_all = url.ends_with("=all");
        (Some(&url) != here.as_ref() && !is_all && !is_disabled(document, id)).then_some(url)
    };
    let related = Selector::fixed("link[rel~=next], a[rel~=next]");
    if let Some(url) = document.select(Document::ROOT, &related).into_iter().find_map(target) {
        return Some((url, "rel=next".to_owned()));
    }
    let named = Selector::fixed(
        "a.next, .next > a, .next a, [class$='next' i] > a, a[class*='next' i]:not([class*='slick']):not([class*='swiper']):not([class*='carousel']), a[id*='next' i], a[aria-label*='next page' i]",
    );
    let in_slider = |id: &NodeId| {
        document.ancestors(*id).take(6).any(|id| {
            let class = document.class(id).to_ascii_lowercase();
            ["slider", "carousel", "slick", "swiper", "gallery", "slideshow"]
                .iter()
                .any(|word| class.contains(word))
        })
    };
    if let Some(url) =
        document.select(Document::ROOT, &named).into_iter().filter(|id| !in_slider(id)).find_map(target)
    {
        return Some((url, "named next".to_owned()));
    }
    let in_next = |id: &NodeId| {
        document.ancestors(*id).take(3).any(|id| document.class(id).to_ascii_lowercase().contains("next"))
    };
    let pagers = pagers(document);
    let paged =
        pagers.iter().flat_map(|pager| document.elements(*pager)).filter(|id| document.name(*id) == "a");
    if let Some(url) = paged.filter(in_next).find_map(target) {
        return Some((url, "named next".to_owned()));
    }
    let said = |id: NodeId| {
        // A word and perhaps a picture: more is another link.
        if document.end(id) - id > 8 {
            return false;
        }
        let text = document.text_up_to(id, 60).to_lowercase();
        let label = ["aria-label", "title"]
            .iter()
            .find_map(|attr| document.attr(id, attr))
            .unwrap_or_default()
            .to_lowercase();
        let alt = document
            .elements(id)
            .find(|id| document.name(*id) == "img")
            .and_then(|id| document.attr(id, "alt"))
            .unwrap_or_default()
            .to_lowercase();
        [text.as_str(), label.as_str(), alt.as_str()].iter().any(|text| {
            let bare = text.trim_matches(|c: char| c.is_whitespace() || "›»→>≫▶&;".contains(c));
            WORDS.contains(&text.trim()) || WORDS.contains(&bare)
        })
    };
    let links = document.named("a");
    if let Some(url) = links
        .iter()
        .copied()
        .filter(|id| said(*id) && in_pager(document, *id) && !in_slider(id))
        .find_map(target)
    {
        return Some((url, "says next".to_owned()));
    }
    by_number(document, &pagers).and_then(target).map(|url| (url, "page number".to_owned()))
}

fn is_disabled(document: &Document<'_>, id: NodeId) -> bool {
    std::iter::once(id).chain(document.ancestors(id).take(1)).any(|id| {
        let class = document.class(id).to_ascii_lowercase();
        class.contains("disabled") || document.attr(id, "aria-disabled").is_some_and(|v| v == "true")
    })
}

fn in_pager(document: &Document<'_>, id: NodeId) -> bool {
    let named = document.ancestors(id).take(8).any(|id| {
        let names = format!("{} {}", document.class(id), document.id(id)).to_ascii_lowercase();
        ["pag", "pager", "toolbar", "nav-links", "seiten", "list-pagination"]
            .iter()
            .any(|word| names.contains(word))
    });
    named || has_number_beside(document, id)
}

/// Whether a link with a page number stands near.
fn has_number_beside(document: &Document<'_>, id: NodeId) -> bool {
    document.ancestors(id).take(3).any(|parent| {
        document.end(parent) - parent < 200
            && document
                .elements(parent)
                .filter(|id| document.name(*id) == "a")
                .any(|id| document.text_up_to(id, 8).parse::<u16>().is_ok())
    })
}

/// The link whose number follows the number that is no link (or is marked as the current one).
fn by_number(document: &Document<'_>, pagers: &[NodeId]) -> Option<NodeId> {
    let number = |id: NodeId| document.text_up_to(id, 8).parse::<u32>().ok();
    let is_link = |id: &NodeId| document.name(*id) == "a";
    for pager in pagers {
        let current = document.elements(*pager).filter(|id| {
            let class = document.class(*id);
            let marked = class.contains("active") || class.contains("current") || class.contains("selected");
            marked
                || document.has_attr(*id, "aria-current")
                || matches!(document.name(*id), "strong" | "b" | "em" | "span")
        });
        for id in current {
            let Some(here) = number(id) else { continue };
            // A number within a link is a link, unless it is marked.
            let plain =
                matches!(document.name(id), "strong" | "b" | "em" | "span") && document.class(id).is_empty();
            if plain && document.ancestors(id).take(2).any(|id| is_link(&id)) {
                continue;
            }
            let links = document.elements(*pager).filter(is_link).filter(|link| *link > id);
            if let Some(next) = links.take(30).find(|link| number(*link) == Some(here + 1)) {
                return Some(next);
            }
        }
    }
    None
}

/// Elements named after paging, small enough to be one.
fn pagers(document: &Document<'_>) -> Vec<NodeId> {
    let named = |id: &NodeId| {
        let names = [document.class(*id), document.id(*id)];
        names.iter().any(|name| !name.is_empty() && name.to_ascii_lowercase().contains("pag"))
    };
    let small = |id: &NodeId| document.end(*id) - id < MAX_PAGER && document.end(*id) - id > 2;
    document.elements(Document::ROOT).filter(small).filter(named).take(60).collect()
}
