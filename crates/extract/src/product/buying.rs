//! Whether a product can be had, and the page's words for it.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::context::Context;
use crate::draft::Draft;
use crate::extraction::Layer;
use crate::html::{Document, NodeId, Selector};

use super::place::{in_side_part, label_of};

/// Longer texts are no stock notes.
const MAX_NOTE: usize = 90;

/// Words that say no; looked for before those that say yes (`not available` holds `available`).
const NO: &[&str] = &[
    "out of stock",
    "out-of-stock",
    "outofstock",
    "sold out",
    "soldout",
    "currently unavailable",
    "unavailable",
    "no longer available",
    "not available",
    "discontinued",
    "back soon",
    "notify me when",
    "nicht verfügbar",
    "nicht vorrätig",
    "nicht auf lager",
    "ausverkauft",
    "nicht lieferbar",
    "derzeit nicht",
    "rupture de stock",
    "en rupture",
    "indisponible",
    "épuisé",
    "hors stock",
    "agotado",
    "sin stock",
    "no disponible",
    "fuera de stock",
    "esgotado",
    "indisponível",
    "fora de estoque",
    "non disponibile",
    "esaurito",
    "niet op voorraad",
    "uitverkocht",
    "niet beschikbaar",
    "niedostępny",
    "brak w magazynie",
    "wyprzedane",
    "slutsåld",
    "slut i lager",
    "ej i lager",
    "utsolgt",
    "udsolgt",
    "ikke på lager",
    "loppu",
    "нет в наличии",
    "распродано",
    "vyprodáno",
    "není skladem",
    "nincs készleten",
    "elfogyott",
    "stoc epuizat",
    "indisponibil",
    "stokta yok",
    "tükendi",
    "品切れ",
    "在庫切れ",
    "在庫なし",
    "売り切れ",
    "售罄",
    "缺货",
    "無庫存",
    "품절",
    "hết hàng",
    "habis",
    "غير متوفر",
    "נגמר",
    "sem estoque",
];
/// Words that say yes.
const YES: &[&str] = &[
    "in stock",
    "instock",
    "in-stock",
    "available now",
    "ready to ship",
    "left in stock",
    "available",
    "low stock",
    "auf lager",
    "vorrätig",
    "sofort lieferbar",
    "lieferbar",
    "verfügbar",
    "en stock",
    "disponible",
    "con stock",
    "hay stock",
    "disponibile",
    "in magazzino",
    "em estoque",
    "em stock",
    "disponível",
    "op voorraad",
    "voorradig",
    "leverbaar",
    "w magazynie",
    "dostępny",
    "dostępne",
    "na stanie",
    "i lager",
    "på lager",
    "varastossa",
    "в наличии",
    "есть в наличии",
    "skladem",
    "na sklade",
    "raktáron",
    "készleten",
    "în stoc",
    "in stoc",
    "disponibil",
    "stokta",
    "在庫あり",
    "现货",
    "有货",
    "有庫存",
    "재고 있음",
    "còn hàng",
    "tersedia",
    "متوفر",
    "במלאי",
    "disponibilité",
    "pre-order",
    "preorder",
    "vorbestellbar",
    "only 1 left",
    "ships in",
    "ships same day",
];

static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| NO.iter().chain(YES).copied().collect());

/// What the vocabulary's term says, and words for it.
pub(super) fn schema_stock(term: &str) -> Option<(bool, &'static str)> {
    let key: String = term
        .rsplit(['/', '#', ':'])
        .next()
        .unwrap_or(term)
        .chars()
        .filter(|c| c.is_alphabetic())
        .collect::<String>()
        .to_ascii_lowercase();
    Some(match key.as_str() {
        "instock" | "available" | "availablefororder" => (true, "In stock"),
        "onlineonly" => (true, "Online only"),
        "limitedavailability" | "lowstock" => (true, "Limited availability"),
        "preorder" | "presale" => (true, "Pre-order"),
        "backorder" => (true, "Back-order"),
        "madetoorder" => (true, "Made to order"),
        "outofstock" | "oos" | "unavailable" => (false, "Out of stock"),
        "soldout" => (false, "Sold out"),
        "discontinued" => (false, "No longer available"),
        "instoreonly" => (false, "In store only"),
        "reserved" => (false, "Reserved"),
        _ => return None,
    })
}

/// What a note says about stock: `None` where it says nothing.
pub(super) fn stock_words(note: &str) -> Option<bool> {
    let note = note.to_lowercase();
    if NO.iter().any(|words| note.contains(words)) {
        return Some(false);
    }
    YES.iter().any(|words| note.contains(words)).then_some(true)
}

/// A button or form that puts the product into a cart.
pub(crate) fn can_be_bought(document: &Document<'_>) -> bool {
    document
        .select(Document::ROOT, &cart())
        .into_iter()
        .any(|id| !document.has_attr(id, "disabled") && !in_side_part(document, id))
}

fn cart() -> Selector {
    Selector::fixed(
        "form[action*='cart/add'], button[name='add-to-cart'], button.single_add_to_cart_button, #add-to-cart-button, button[name=add], \
         .add-to-cart button, button.add-to-cart, #product-addtocart-button, button[id*='add-to-cart' i], button[class*='add-to-cart' i], \
         button[class*='addtocart' i], input[class*='addtocart' i], button[data-button-action='add-to-cart'], [data-testid*='add-to-cart' i], \
         #button-cart, input[name='addtocart'], button[class*='add-to-bag' i], button[class*='AddToCart']",
    )
}

/// Availability in the page's words, and whether it can be ordered.
pub(super) fn fill(context: &Context<'_>, draft: &mut Draft) {
    let document = &context.document;
    if draft.lacks("availability")
        && let Some((note, rule)) = note(document)
    {
        // The words of the page must not contradict what the vocabulary says.
        let says = stock_words(&note);
        let known = draft.get("isAvailable").and_then(serde_json::Value::as_bool);
        if known.is_none() || says.is_none() || known == says {
            draft.offer("availability", note.as_str(), Layer::Text, 0.7, &rule);
        }
    }
    if !draft.has("isAvailable") {
        let words = draft.text("availability").and_then(stock_words);
        match words {
            Some(is) => draft.set("isAvailable", is, Layer::Text, 0.7, "words about stock"),
            None if can_be_bought(document) => {
                draft.set("isAvailable", true, Layer::Text, 0.6, "a cart button")
            }
            None => false,
        };
    }
}

/// The page's note about stock: surest where an element says nothing else, then where an element is named after it.
fn note(document: &Document<'_>) -> Option<(String, String)> {
    let heading = document.named("h1").first().copied().unwrap_or(0);
    let mut best: Option<(u32, NodeId, String)> = None;
    let mut looked_at = 0;
    for id in document.elements(Document::ROOT) {
        if document.end(id) - id > 30 || looked_at > 4_000 {
            continue;
        }
        let named = names_stock(document, id);
        let leaf = document.end(id) - id <= 4
            && matches!(
                document.name(id),
                "span" | "p" | "div" | "b" | "strong" | "li" | "td" | "em" | "a" | "button"
            );
        if !named && (!leaf || id < heading) {
            continue;
        }
        looked_at += 1;
        let text = document.text_up_to(id, MAX_NOTE * 3);
        let text = text.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, ')' | '.' | '!'));
        let length = text.chars().count();
        if !(3..=MAX_NOTE).contains(&length) {
            continue;
        }
        // Few elements are named after stock; of the others only those count that say nothing else.
        let speaks = if named { stock_words(text).is_some() } else { says_only_stock(text) };
        if !speaks {
            continue;
        }
        let note = text.rsplit_once(':').map_or(text, |(_, after)| after).trim();
        let exact = says_only_stock(note);
        let rank = match (exact, named) {
            (true, true) => 0,
            (true, false) if note.contains(' ') => 1,
            (false, true) => 2,
            (true | false, false) => continue,
        } + if id < heading { 3 } else { 0 };
        // Of two notes of a rank the first counts; of an outer and an inner element the inner one.
        let better = best.as_ref().is_none_or(|(known, outer, _)| {
            rank < *known || (rank == *known && document.contains(*outer, id))
        });
        if better && !in_side_part(document, id) && !document.is_unseen(id) {
            best = Some((rank, id, first_line(document, id, note)));
        }
    }
    best.map(|(_, id, note)| (note, label_of(document, id)))
}

/// A line break ends the note: `In stock<br>Limit two per customer`.
fn first_line(document: &Document<'_>, id: NodeId, note: &str) -> String {
    let lines = document.lines(id, |_| false);
    let line = lines.lines().map(str::trim).find(|line| stock_words(line).is_some()).unwrap_or(note);
    line.rsplit_once(':').map_or(line, |(_, after)| after).trim().to_owned()
}

/// Whether the text is one of the words, and nothing but it.
fn says_only_stock(note: &str) -> bool {
    let plain = note.to_lowercase();
    let plain = plain.trim_matches(|c: char| !c.is_alphanumeric());
    WORDS.contains(plain)
}

fn names_stock(document: &Document<'_>, id: NodeId) -> bool {
    let names = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["stock", "availab", "dispon", "verfuegbar", "lieferbar", "inventory"]
            .iter()
            .any(|word| text.contains(word))
    };
    if matches!(
        document.name(id),
        "script" | "style" | "link" | "meta" | "form" | "body" | "html" | "input" | "select"
    ) {
        return false;
    }
    names(document.class(id))
        || names(document.id(id))
        || ["itemprop", "data-testid", "data-test", "data-qa"]
            .iter()
            .any(|attr| document.attr(id, attr).is_some_and(|value| names(&value)))
}
