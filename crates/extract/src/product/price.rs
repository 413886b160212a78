//! The price that a page shows, and the one that it strikes out.

use std::sync::LazyLock;

use regex::Regex;

use super::heading::heading_node;
use super::place::{in_side_part, label_of};
use crate::context::Context;
use crate::draft::Draft;
use crate::extraction::Layer;
use crate::html::{Document, NodeId};
use crate::money;

/// Longer texts are no prices.
const MAX_PRICE_TEXT: usize = 70;
/// Price elements looked at on one page.
const MAX_CANDIDATES: usize = 600;

/// Whether a price stands behind the page's heading, outside of other products.
pub(crate) fn shows_price(context: &Context<'_>) -> bool {
    let heading = heading_node(context).unwrap_or(0);
    shown(context).iter().any(|price| price.id > heading && !price.struck)
}

/// Fills price, currency and former price from what a reader sees behind the heading.
pub(super) fn prices(context: &Context<'_>, draft: &mut Draft, heading: NodeId) {
    if !draft.lacks("price") && !draft.lacks("originalPrice") {
        return;
    }
    let document = &context.document;
    let shown = shown(context);
    let after = |price: &&Shown| price.id > heading;
    let first = shown
        .iter()
        .filter(after)
        .find(|price| !price.struck)
        .or_else(|| shown.iter().find(|price| !price.struck));
    let known = draft.number("price");
    if draft.lacks("price")
        && let Some(price) = first.filter(|price| price.amount > 0.0)
    {
        draft.offer("price", price.amount, Layer::Text, 0.6, &label_of(document, price.id));
        if let Some(code) = &price.code {
            draft.offer("currency", code.as_str(), Layer::Text, 0.6, &label_of(document, price.id));
        }
    }
    if draft.lacks("originalPrice") {
        // The former price stands beside the price that is paid.
        let paid = draft.number("price");
        let place = match (known, paid) {
            (Some(known), _) => {
                shown.iter().filter(after).find(|price| !price.struck && same(price.amount, known))
            }
            (None, Some(_)) => first,
            (None, None) => None,
        };
        if let (Some(place), Some(paid)) = (place, paid) {
            let near = |price: &&Shown| {
                price.struck
                    && price.amount > paid
                    && price.amount < paid * 10.0
                    && beside(document, place.id, price.id)
            };
            if let Some(former) = shown.iter().find(near) {
                draft.offer("originalPrice", former.amount, Layer::Text, 0.6, &label_of(document, former.id));
            }
        }
    }
    if draft.has("price") && draft.lacks("currency") {
        let paid = draft.number("price").unwrap_or(0.0);
        let code = shown
            .iter()
            .find(|price| same(price.amount, paid))
            .or(first)
            .and_then(|price| price.code.clone());
        draft.offer("currency", code.unwrap_or_default(), Layer::Text, 0.6, "the shown price");
    }
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.005
}

/// Whether two elements share a parent within a few steps.
fn beside(document: &Document<'_>, a: NodeId, b: NodeId) -> bool {
    document
        .ancestors(a)
        .take(4)
        .any(|parent| document.contains(parent, b) && document.end(parent) - parent < 400)
}

/// A price element: what it says and whether it is struck out.
struct Shown {
    id: NodeId,
    amount: f64,
    code: Option<String>,
    struck: bool,
}

/// All prices that a reader sees outside of menus, side boxes and recommendations.
fn shown(context: &Context<'_>) -> Vec<Shown> {
    let document = &context.document;
    let mut out: Vec<Shown> = Vec::new();
    let mut last_end = 0;
    for id in document.elements(Document::ROOT) {
        if out.len() >= MAX_CANDIDATES {
            break;
        }
        let by_name = names_price(document, id);
        let by_shape = matches!(
            document.name(id),
            "del"
                | "s"
                | "strike"
                | "ins"
                | "b"
                | "strong"
                | "span"
                | "div"
                | "p"
                | "td"
                | "dd"
                | "h2"
                | "h3"
                | "h4"
                | "bdi"
        );
        if !by_name && !by_shape || document.end(id) - id > 40 {
            continue;
        }
        let text = document.text_up_to(id, MAX_PRICE_TEXT * 4);
        if text.chars().count() > MAX_PRICE_TEXT || !text.contains(|c: char| c.is_numeric()) {
            continue;
        }
        if !by_name && !is_bare_price(&text) {
            continue;
        }
        let price = money::parse_at(&text, None, &context.site);
        let (Some(amount), true) = (price.amount, price.currency.is_some() || (by_name && text.len() < 16))
        else {
            continue;
        };
        // An outer element repeats its inner ones; inner ones follow and are more exact.
        let has_inner = id < last_end;
        if has_inner
            && out.last().is_some_and(|outer| same(outer.amount, amount) && !document.contains(outer.id, id))
        {
            continue;
        }
        if in_side_part(document, id) || document.is_unseen(id) || is_unit_price(&text) {
            continue;
        }
        last_end = document.end(id);
        let struck = is_struck(document, id);
        if let Some(outer) = out.last_mut().filter(|outer| document.contains(outer.id, id)) {
            // `<span class=price><del>9 €</del> <ins>7 €</ins></span>`: the parts say which is which.
            if outer.struck || struck || !same(outer.amount, amount) {
                if !outer.struck && struck && same(outer.amount, amount) {
                    out.pop();
                }
            } else {
                out.pop();
            }
        }
        out.push(Shown { id, amount, code: price.currency_code, struck });
    }
    strike_regular(document, &mut out);
    out
}

/// `regular` alone is the price; beside a `special` or `sale` price it is the former one.
fn strike_regular(document: &Document<'_>, shown: &mut [Shown]) {
    let names = |id: NodeId, words: &[&str]| {
        std::iter::once(id).chain(document.ancestors(id).take(2)).any(|id| {
            let class = document.class(id).to_ascii_lowercase();
            words.iter().any(|word| class.contains(word))
        })
    };
    let special: Vec<(NodeId, f64)> = shown
        .iter()
        .filter(|price| {
            !price.struck
                && names(
                    price.id,
                    &[
                        "special",
                        "sale",
                        "final",
                        "now",
                        "discount",
                        "current",
                        "promo",
                        "new-price",
                        "price-new",
                    ],
                )
        })
        .map(|price| (price.id, price.amount))
        .collect();
    for price in shown
        .iter_mut()
        .filter(|price| !price.struck && names(price.id, &["regular", "standard", "full-price"]))
    {
        price.struck = special
            .iter()
            .any(|(id, amount)| *id != price.id && *amount < price.amount && beside(document, *id, price.id));
    }
}

fn names_price(document: &Document<'_>, id: NodeId) -> bool {
    let names = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["price", "preis", "prix", "precio", "prezzo", "preco", "prijs", "cena", "amount", "money"]
            .iter()
            .any(|word| text.contains(word))
    };
    names(document.class(id))
        || names(document.id(id))
        || document.attr(id, "itemprop").is_some_and(|value| value.contains("price"))
}

/// Nothing but a price, a range or a price with a word of tax.
fn is_bare_price(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits > 0 && letters <= 4 && text.chars().count() <= 24
}

fn is_unit_price(text: &str) -> bool {
    static UNIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)(/|\bper\b|\bpro\b|\bpar\b|\bpor\b)\s*(100\s*)?(kg|g|l|ml|m²|m2|oz|lb|st|stk|stück|unit|unidad|unité|count|sq)\b").ok()
    });
    UNIT.as_ref().is_some_and(|unit| unit.is_match(text))
}

fn is_struck(document: &Document<'_>, id: NodeId) -> bool {
    let says = |id: NodeId| {
        if matches!(document.name(id), "del" | "s" | "strike") {
            return true;
        }
        let style = document.attr(id, "style").unwrap_or_default();
        if style.contains("line-through")
            || document.attr(id, "data-a-strike").is_some_and(|value| value == "true")
        {
            return true;
        }
        format!("{} {}", document.class(id), document.id(id)).split_ascii_whitespace().any(is_former_name)
    };
    says(id) || document.ancestors(id).take(3).any(says)
}

/// `old-price`, `priceWas`, `BasePriceBlock--list`, `SuggestedRetailPrice`, `text-line-through`.
fn is_former_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    if [
        "strike",
        "strikethrough",
        "line-through",
        "msrp",
        "rrp",
        "crossed",
        "oldprice",
        "wasprice",
        "listprice",
        "retailprice",
        "originalprice",
        "compare-at",
        "compareat",
    ]
    .iter()
    .any(|word| lower.contains(word))
    {
        return true;
    }
    let parts: Vec<&str> = lower.split(['-', '_']).filter(|part| !part.is_empty()).collect();
    let about_price = lower.contains("price")
        || lower.contains("preis")
        || lower.contains("prix")
        || lower.contains("precio");
    parts.iter().any(|part| ["old", "was", "compare", "before", "previous"].contains(part))
        || (about_price
            && parts.iter().any(|part| {
                ["list", "retail", "original", "suggested", "vorher", "ancien", "antes"].contains(part)
            }))
        || name.split(|c: char| c.is_ascii_lowercase()).count() > 1
            && about_price
            && (name.contains("Was") || name.contains("Old"))
}
