//! Lists of products: the repeated cards of a page, their links, and the next page.

mod address;
mod cards;
mod described;
mod next;

use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::draft::Draft;
use crate::extraction::Layer;

pub(crate) use address::{clean, id_of};
pub(crate) use cards::cards;
pub(crate) use described::described;
pub(crate) use next::next_page;

/// The fields of a listing's record, in their order.
pub(crate) const FIELDS: [&str; 6] =
    ["productCount", "productUrls", "productIds", "nextPageUrl", "items", "sponsoredCount"];

/// A list's items with the rule that found them.
pub(crate) struct List {
    pub(crate) items: Vec<Map<String, Value>>,
    pub(crate) layer: Layer,
    pub(crate) rule: String,
}

/// Puts the items into a draft: each product once, without tracking, in the order of the page.
pub(crate) fn fill(context: &Context<'_>, list: List, draft: &mut Draft) -> Vec<Value> {
    let mut items: Vec<Map<String, Value>> = Vec::new();
    let mut known: Vec<String> = Vec::new();
    let mut marked = false;
    for mut item in list.items {
        let Some(url) = item.get("url").and_then(Value::as_str).and_then(|url| context.absolute(url)) else {
            continue;
        };
        let url = clean(&url);
        let sponsored = item.get("sponsored").and_then(Value::as_bool);
        marked |= sponsored.is_some();
        if let Some(at) = known.iter().position(|known| *known == url) {
            // The same product as an advertisement and as a result: one product, the fuller description.
            if let Some(first) = items.get_mut(at) {
                for (key, value) in item {
                    if !first.contains_key(&key) {
                        first.insert(key, value);
                    }
                }
            }
            continue;
        }
        if let Some(id) = id_of(&url) {
            item.insert("id".to_owned(), Value::from(id));
        }
        item.insert("url".to_owned(), Value::from(url.as_str()));
        known.push(url);
        items.push(item);
    }
    let ids: Vec<Value> = items.iter().filter_map(|item| item.get("id").cloned()).collect();
    let sponsored =
        items.iter().filter(|item| item.get("sponsored").and_then(Value::as_bool) == Some(true)).count();
    let (layer, rule) = (list.layer, list.rule.as_str());
    draft.set("productCount", items.len(), layer, 0.8, rule);
    draft.set("productUrls", known, layer, 0.8, rule);
    draft.set("productIds", ids, layer, 0.8, rule);
    if marked {
        draft.set("sponsoredCount", sponsored, layer, 0.7, rule);
    }
    let records: Vec<Value> = items.into_iter().map(Value::Object).collect();
    draft.set("items", json!(records), layer, 0.8, rule);
    records
}
