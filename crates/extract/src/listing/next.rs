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
        "a.next, .next > a, .next a, [class$='next' i] > a, a[class*='next' i]:not([class*='slick']):not([class*='swiper']):not([class*='carousel']), a[id*='next' i], [class*='pagination' i] [class*='next' i] a, a[aria-label*='next page' i]",
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
    let said = |id: NodeId| {
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
    by_number(document).and_then(target).map(|url| (url, "page number".to_owned()))
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
fn by_number(document: &Document<'_>) -> Option<NodeId> {
    let number = |id: NodeId| document.text_up_to(id, 8).parse::<u32>().ok();
    let current = Selector::fixed(
        "[class*='pag' i] .active, [class*='pag' i] .current, [class*='pag' i] [aria-current], [class*='pag' i] .selected, [class*='pag' i] strong, [class*='pag' i] b, [class*='pag' i] em, [class*='pag' i] span",
    );
    for id in document.select(Document::ROOT, &current) {
        let Some(here) = number(id) else { continue };
        let pager = document.ancestors(id).take(4);
        for parent in pager {
            let links = document.elements(parent).filter(|link| document.name(*link) == "a" && *link > id);
            if let Some(next) = links.take(30).find(|link| number(*link) == Some(here + 1)) {
                return Some(next);
            }
        }
    }
    None
}
