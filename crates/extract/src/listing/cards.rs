//! Finding the cards of a list by their shape: a link, a price or a picture, many times in the same dress.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde_json::{Map, Value};

use super::List;
use crate::context::Context;
use crate::extraction::Layer;
use crate::html::{Document, NodeId};
use crate::money;

/// Fewer cards are no list.
const FEWEST: usize = 3;
/// Steps up from a price to its card.
const MAX_CLIMB: usize = 8;
/// Price elements looked at.
const MAX_PRICES: usize = 2_000;
/// Links of a card looked at.
const MAX_LINKS: usize = 24;

/// The page's largest group of cards.
pub(crate) fn cards(context: &Context<'_>) -> Option<List> {
    let priced = group(context, &priced_cards(context));
    let best = priced.filter(|(cards, _)| cards.len() >= FEWEST).or_else(|| {
        let linked = group(context, &linked_cards(context));
        linked.filter(|(cards, _)| cards.len() >= FEWEST)
    });
    let (cards, rule) = best?;
    let items: Vec<Map<String, Value>> = cards.into_iter().filter_map(|card| item(context, card)).collect();
    let urls: HashSet<&str> = items.iter().filter_map(|item| item.get("url")?.as_str()).collect();
    (urls.len() >= FEWEST).then_some(List { items, layer: Layer::Text, rule })
}

/// For each shown price the smallest element around it that also links to something.
fn priced_cards(context: &Context<'_>) -> Vec<NodeId> {
    let document = &context.document;
    let mut out: Vec<NodeId> = Vec::new();
    let mut known: HashSet<NodeId> = HashSet::new();
    let mut prices = 0;
    for id in document.elements(Document::ROOT) {
        if prices >= MAX_PRICES {
            break;
        }
        if document.end(id) - id > 16 || !may_hold_price(document.name(id)) {
            continue;
        }
        let text = document.text_up_to(id, 120);
        if text.chars().count() > 50
            || !text.contains(|c: char| c.is_ascii_digit())
            || !is_price(context, &text)
        {
            continue;
        }
        prices += 1;
        if let Some(card) = climb(context, id)
            && known.insert(card)
        {
            out.push(card);
        }
    }
    out
}

fn may_hold_price(name: &str) -> bool {
    matches!(
        name,
        "span"
            | "div"
            | "p"
            | "b"
            | "strong"
            | "ins"
            | "em"
            | "bdi"
            | "td"
            | "dd"
            | "li"
            | "font"
            | "h3"
            | "h4"
            | "h5"
            | "a"
    )
}

fn is_price(context: &Context<'_>, text: &str) -> bool {
    let price = money::parse_at(text, None, &context.site);
    price.amount.is_some() && price.currency.is_some()
}

/// Up from a price to the element that holds one product: the largest one before its neighbour comes in.
fn climb(context: &Context<'_>, price: NodeId) -> Option<NodeId> {
    let document = &context.document;
    let mut card = None;
    let mut known: Option<Rc<str>> = None;
    for id in std::iter::once(price).chain(document.ancestors(price)).take(MAX_CLIMB) {
        if matches!(document.name(id), "body" | "html" | "main" | "nav" | "footer") {
            break;
        }
        let targets = targets(context, id);
        match (targets.len(), &known) {
            (0, _) => {}
            (1, None) => {
                known = targets.first().cloned();
                card = Some(id);
            }
            (1, Some(url)) if targets.first() == Some(url) => card = Some(id),
            _ if card.is_none() && targets.len() <= 3 => {
                // A card may link to its seller or to its reviews as well.
                known = targets.first().cloned();
                card = Some(id);
            }
            _ => break,
        }
    }
    // A link around the whole card: the card is what stands in it.
    card
}

/// Where an element's links lead, without carts, wish lists and anchors; each once.
fn targets(context: &Context<'_>, id: NodeId) -> Vec<Rc<str>> {
    let document = &context.document;
    let mut out: Vec<Rc<str>> = Vec::new();
    let around =
        std::iter::once(id).chain(document.ancestors(id).take(2)).find(|id| document.name(*id) == "a");
    let links = document.named("a");
    let first = links.partition_point(|link| *link <= id);
    let inside = links[first..].iter().copied().take_while(|link| *link < document.end(id)).take(MAX_LINKS);
    for link in inside.chain(around) {
        if let Some(url) = target(context, link)
            && !out.contains(&url)
        {
            out.push(url);
        }
    }
    out
}

/// Where a link leads, if that may be a product. Worked out once a link.
fn target(context: &Context<'_>, link: NodeId) -> Option<Rc<str>> {
    if let Some(known) = context.targets.borrow().get(&link) {
        return known.clone();
    }
    let href = context.document.attr(link, "href");
    let url: Option<Rc<str>> = href.and_then(|href| product_link(context, &href)).map(Rc::from);
    context.targets.borrow_mut().insert(link, url.clone());
    url
}

fn product_link(context: &Context<'_>, href: &str) -> Option<String> {
    let lower = href.to_ascii_lowercase();
    const OTHER: &[&str] = &[
        "add-to-cart",
        "addtocart",
        "add_to_cart",
        "/cart",
        "wishlist",
        "wish_list",
        "wish-list",
        "favorite",
        "compare",
        "javascript:",
        "mailto:",
        "tel:",
        "/login",
        "/account",
        "whatsapp",
        "facebook.com",
        "#review",
        "#comment",
        "twitter.com",
        "pinterest.",
    ];
    if OTHER.iter().any(|word| lower.contains(word)) {
        return None;
    }
    context.absolute(href).map(|url| super::clean(&url))
}

/// Elements with one link that has a picture or a heading, by the kind of address they lead to.
fn linked_cards(context: &Context<'_>) -> Vec<NodeId> {
    let document = &context.document;
    let is_product = |url: &str| {
        [
            "/product/",
            "/products/",
            "/produkt/",
            "/produit/",
            "/producto/",
            "/prodotto/",
            "/p/",
            "/item/",
            "/items/",
            "/listing/",
            "/dp/",
            "/ip/",
            "/itm/",
            "product_id=",
            "/shop/",
        ]
        .iter()
        .any(|part| url.contains(part))
    };
    let mut out: Vec<NodeId> = Vec::new();
    for id in document.named("a").iter().take(5_000) {
        let Some(url) = target(context, *id) else {
            continue;
        };
        if !is_product(&url) {
            continue;
        }
        let mut card = *id;
        for parent in document.ancestors(*id).take(5) {
            if matches!(document.name(parent), "body" | "main" | "ul" | "ol")
                || targets(context, parent).len() != 1
            {
                break;
            }
            card = parent;
        }
        let has_picture = document.elements(card).any(|id| document.name(id) == "img");
        if has_picture && !out.contains(&card) {
            out.push(card);
        }
    }
    out
}

/// The group of cards that look alike and lead to the most different addresses.
fn group(context: &Context<'_>, cards: &[NodeId]) -> Option<(Vec<NodeId>, String)> {
    let document = &context.document;
    let mut groups: HashMap<String, Vec<NodeId>> = HashMap::new();
    for card in cards {
        if in_frame(document, *card) {
            continue;
        }
        groups.entry(dress(document, *card)).or_default().push(*card);
    }
    let worth = |cards: &Vec<NodeId>| {
        let mut urls: Vec<Rc<str>> =
            cards.iter().filter_map(|card| targets(context, *card).into_iter().next()).collect();
        urls.sort();
        urls.dedup();
        urls.len()
    };
    let mut all: Vec<(String, Vec<NodeId>, usize)> = groups
        .into_iter()
        .map(|(dress, cards)| {
            let worth = worth(&cards);
            (dress, cards, worth)
        })
        .collect();
    all.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.1.first().cmp(&b.1.first())));
    let (dress, cards, _) = all.into_iter().next()?;
    Some((cards, format!("cards {dress}")))
}

/// Classes that say how one card differs from the next.
const STATES: &[&str] = &[
    "first",
    "last",
    "odd",
    "even",
    "active",
    "instock",
    "outofstock",
    "sale",
    "featured",
    "new",
    "sold",
    "lastItem",
    "firstItem",
    "purchasable",
];

/// Name and classes of a card and of the element around it, without what numbers and states add.
fn dress(document: &Document<'_>, card: NodeId) -> String {
    let of = |id: NodeId| {
        let classes = document.class(id).split_ascii_whitespace().filter(|class| {
            let numbered = class.bytes().any(|c| c.is_ascii_digit());
            !numbered && !STATES.contains(class)
        });
        format!("{}.{}", document.name(id), classes.take(2).collect::<Vec<_>>().join("."))
    };
    let parent = document.parent(card).map(of).unwrap_or_default();
    format!("{parent} > {}", of(card))
}

fn in_frame(document: &Document<'_>, id: NodeId) -> bool {
    std::iter::once(id)
        .chain(document.ancestors(id))
        .any(|id| matches!(document.name(id), "nav" | "footer" | "aside" | "header"))
}

/// What a card says: where it leads, its name, its price as written, its picture.
fn item(context: &Context<'_>, card: NodeId) -> Option<Map<String, Value>> {
    let document = &context.document;
    let url = targets(context, card).into_iter().next()?;
    let mut item = Map::new();
    if let Some(title) = title(context, card, &url) {
        item.insert("title".to_owned(), Value::from(title));
    }
    if let Some(text) = price_text(context, card) {
        let price = money::parse_at(&text, None, &context.site);
        item.insert("priceText".to_owned(), Value::from(text));
        if let Some(amount) = price.amount {
            item.insert("price".to_owned(), Value::from(amount));
        }
        if let Some(code) = price.currency_code {
            item.insert("currency".to_owned(), Value::from(code));
        }
    }
    let image = document.elements(card).filter(|id| document.name(*id) == "img").find_map(|id| {
        let src = ["data-src", "data-original", "src"]
            .iter()
            .find_map(|attr| document.attr(id, attr).filter(|src| !src.starts_with("data:")))?;
        context.absolute(&src)
    });
    if let Some(image) = image {
        item.insert("imageUrl".to_owned(), Value::from(image));
    }
    item.insert("url".to_owned(), Value::from(url.as_ref()));
    Some(item)
}

fn title(context: &Context<'_>, card: NodeId, url: &str) -> Option<String> {
    let document = &context.document;
    let good = |text: &String| text.chars().count() >= 2 && !is_price(context, text);
    let heading = document
        .elements(card)
        .find(|id| matches!(document.name(*id), "h1" | "h2" | "h3" | "h4" | "h5" | "h6"));
    if let Some(text) = heading.map(|id| document.text_up_to(id, 500)).filter(good) {
        return Some(text);
    }
    let named = document.elements(card).find(|id| {
        let class = document.class(*id).to_ascii_lowercase();
        (class.contains("title") || class.contains("name"))
            && !class.contains("shop")
            && !class.contains("user")
            && !class.contains("brand")
    });
    if let Some(text) = named.map(|id| document.text_up_to(id, 500)).filter(good) {
        return Some(text);
    }
    let leads = |id: &NodeId| target(context, *id).as_deref() == Some(url);
    let links: Vec<NodeId> = document
        .elements(card)
        .filter(|id| document.name(*id) == "a")
        .filter(leads)
        .take(MAX_LINKS)
        .collect();
    let longest = links
        .iter()
        .map(|id| document.text_up_to(*id, 500))
        .filter(good)
        .max_by_key(|text| text.chars().count());
    longest
        .or_else(|| {
            links.iter().find_map(|id| {
                document.attr(*id, "title").map(|title| crate::html::collapse(&title)).filter(good)
            })
        })
        .or_else(|| {
            let images = document.elements(card).filter(|id| document.name(*id) == "img");
            images.filter_map(|id| document.attr(id, "alt")).map(|alt| crate::html::collapse(&alt)).find(good)
        })
}

/// The first price that is not struck out, as written.
fn price_text(context: &Context<'_>, card: NodeId) -> Option<String> {
    let document = &context.document;
    let struck = |id: NodeId| {
        std::iter::once(id).chain(document.ancestors(id).take(3)).take_while(|id| *id != card).any(|id| {
            let class = document.class(id).to_ascii_lowercase();
            matches!(document.name(id), "del" | "s" | "strike")
                || class.contains("old")
                || class.contains("strike")
                || class.contains("was")
                || class.contains("compare")
        })
    };
    let prices: Vec<(NodeId, String)> = document
        .elements(card)
        .filter(|id| document.end(*id) - id <= 16 && may_hold_price(document.name(*id)) && !struck(*id))
        .map(|id| (id, document.text_up_to(id, 120)))
        .filter(|(_, text)| text.chars().count() <= 40 && is_price(context, text))
        .take(40)
        .collect();
    // An element that holds several prices says less than the one of them that is paid; one around pieces of a
    // price (`$` `12` `99`) says more than its pieces, which are no prices.
    let leaf = prices
        .iter()
        .find(|(id, _)| !prices.iter().any(|(other, _)| other != id && document.contains(*id, *other)));
    leaf.map(|(_, text)| text.clone())
}
