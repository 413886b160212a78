//! Microdata and RDFa Lite: items written into the markup.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::thing::Thing;
use crate::extraction::Layer;
use crate::html::{Document, NodeId, collapse};

/// Items of one page beyond this number are dropped.
const MAX_ITEMS: usize = 3_000;
/// Text of one property is cut there.
const MAX_TEXT: usize = 20_000;
/// Text of all properties of a page together.
const MAX_ALL_TEXT: usize = 2 << 20;
/// Items, and text in bytes, that are copied into outer items: each level of nesting copies all inner ones again,
/// once a name.
const MAX_COPIED: usize = 8 << 20;
/// An item's share of it beside its text.
const ITEM_COST: usize = 256;

/// The names of the attributes of a syntax.
struct Syntax {
    layer: Layer,
    scope: &'static str,
    kind: &'static str,
    property: &'static str,
}

const MICRODATA: Syntax =
    Syntax { layer: Layer::Microdata, scope: "itemscope", kind: "itemtype", property: "itemprop" };
const RDFA: Syntax = Syntax { layer: Layer::Rdfa, scope: "typeof", kind: "typeof", property: "property" };

/// The items of both syntaxes, each with its place among the others.
pub(super) fn things(document: &Document<'_>) -> Vec<Thing> {
    let mut things = read(document, &MICRODATA);
    things.extend(read(document, &RDFA));
    things
}

struct Item {
    node: NodeId,
    parent: Option<(usize, Vec<String>)>,
    properties: Map<String, Value>,
    /// Of this item with all that was put into it.
    cost: usize,
}

fn read(document: &Document<'_>, syntax: &Syntax) -> Vec<Thing> {
    let mut items: Vec<Item> = Vec::new();
    let mut text_left = MAX_ALL_TEXT;
    // Open items: index and end of the subtree.
    let mut open: Vec<(usize, NodeId)> = Vec::new();
    // `itemref`: elements elsewhere that belong to an item.
    let mut referred: HashMap<NodeId, usize> = HashMap::new();
    for id in document.elements(Document::ROOT) {
        while open.last().is_some_and(|(_, end)| *end <= id) {
            open.pop();
        }
        if let Some(item) = referred.get(&id) {
            open.push((*item, document.end(id)));
        }
        let property = document.attr(id, syntax.property);
        let is_scope = document.has_attr(id, syntax.scope);
        if property.is_none() && !is_scope {
            continue;
        }
        let names: Vec<String> = property
            .iter()
            .flat_map(|names| names.split_ascii_whitespace())
            .map(|name| local(name).to_owned())
            .take(8)
            .collect();
        let owner = open.last().map(|(item, _)| *item);
        if is_scope {
            if items.len() >= MAX_ITEMS {
                break;
            }
            let mut properties = Map::new();
            let kinds = document.attr(id, syntax.kind).unwrap_or_default();
            let kinds: Vec<Value> =
                kinds.split_ascii_whitespace().map(|kind| Value::from(local(kind))).collect();
            properties.insert("@type".to_owned(), Value::Array(kinds));
            for (attr, key) in [("itemid", "@id"), ("resource", "@id")] {
                if let Some(value) = document.attr(id, attr).filter(|value| !value.is_empty()) {
                    properties.insert(key.to_owned(), Value::from(value.into_owned()));
                }
            }
            let index = items.len();
            for name in document.attr(id, "itemref").unwrap_or_default().split_ascii_whitespace().take(16) {
                if let Some(node) = document.by_id(name).filter(|node| *node > id) {
                    referred.insert(node, index);
                }
            }
            let parent = owner.filter(|_| !names.is_empty()).map(|owner| (owner, names));
            items.push(Item { node: id, parent, properties, cost: ITEM_COST });
            open.push((index, document.end(id)));
        } else if let Some(item) = owner.and_then(|owner| items.get_mut(owner))
            && let Some(value) = value_of(document, id).filter(|_| text_left > 0)
        {
            let length = value.as_str().map_or(0, str::len);
            text_left = text_left.saturating_sub(length);
            for name in &names {
                item.cost += name.len() + length;
                add(&mut item.properties, name, value.clone());
            }
        }
    }
    assemble(items, syntax.layer)
}

/// Puts inner items into outer ones; all come out, in the order of the page.
fn assemble(mut items: Vec<Item>, layer: Layer) -> Vec<Thing> {
    let mut things = Vec::with_capacity(items.len());
    let mut left = MAX_COPIED;
    while let Some(item) = items.pop() {
        let value = Value::Object(item.properties);
        if let Some((owner, names)) = &item.parent
            && let Some(owner) = items.get_mut(*owner)
        {
            for name in names {
                let Some(rest) = left.checked_sub(item.cost) else { break };
                left = rest;
                owner.cost += item.cost;
                add_front(&mut owner.properties, name, value.clone());
            }
        }
        things.push((item.node, Thing { layer, nested: item.parent.is_some(), value }));
    }
    things.reverse();
    things.into_iter().map(|(_, thing)| thing).collect()
}

fn add(properties: &mut Map<String, Value>, name: &str, value: Value) {
    match properties.entry(name.to_owned()).or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(values) => values.push(value),
        other => *other = value,
    }
}

fn add_front(properties: &mut Map<String, Value>, name: &str, value: Value) {
    match properties.entry(name.to_owned()).or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(values) => values.insert(0, value),
        other => *other = value,
    }
}

/// `schema:Product`, `http://schema.org/Product` and `Product` are the same.
fn local(name: &str) -> &str {
    let name = name.trim_end_matches('/');
    name.rsplit(['/', '#', ':']).next().unwrap_or(name)
}

fn value_of(document: &Document<'_>, id: NodeId) -> Option<Value> {
    let attr =
        |name: &str| document.attr(id, name).map(|value| collapse(&value)).filter(|value| !value.is_empty());
    if let Some(content) = attr("content") {
        return Some(Value::from(content));
    }
    let text = match document.name(id) {
        "meta" => None,
        "a" | "area" | "link" => attr("href"),
        "img" | "audio" | "embed" | "iframe" | "source" | "track" | "video" => {
            attr("src").filter(|src| !src.starts_with("data:")).or_else(|| attr("data-src"))
        }
        "object" => attr("data"),
        "data" | "meter" => attr("value"),
        "time" => attr("datetime").or_else(|| Some(document.text_up_to(id, MAX_TEXT))),
        "input" => attr("value"),
        _ => Some(document.text_up_to(id, MAX_TEXT)),
    };
    text.filter(|text| !text.is_empty()).map(Value::from)
}
