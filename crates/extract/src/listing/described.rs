//! Lists that a page describes in a vocabulary: an `ItemList`, or many products in one page.

use serde_json::{Map, Value};

use super::List;
use crate::context::Context;
use crate::extraction::Layer;
use crate::structured::{number_of, text_of, values};

/// Fewer items are no list.
const FEWEST: usize = 3;

/// The longest list of products that the page describes.
pub(crate) fn described(context: &Context<'_>) -> Option<List> {
    let lists = context.things.iter().filter(|thing| thing.is("ItemList") || thing.is("OfferCatalog"));
    let longest = lists
        .map(|thing| {
            let elements = values(&thing.value, "itemListElement");
            let items: Vec<_> = elements.iter().filter_map(|element| item(context, element)).collect();
            (thing.layer, items)
        })
        .max_by_key(|(_, items)| items.len());
    if let Some((layer, items)) = longest.filter(|(_, items)| items.len() >= FEWEST) {
        return Some(List { items, layer, rule: "ItemList".to_owned() });
    }
    let products: Vec<_> =
        context.things.iter().filter(|thing| thing.is("Product") && !thing.nested).collect();
    let items: Vec<_> = products.iter().filter_map(|thing| item(context, &thing.value)).collect();
    let layer = products.first().map_or(Layer::JsonLd, |thing| thing.layer);
    (items.len() >= FEWEST).then(|| List { items, layer, rule: "many products".to_owned() })
}

/// A list's element: the thing itself, or a `ListItem` around it. Only what leads to a page counts.
fn item(context: &Context<'_>, element: &Value) -> Option<Map<String, Value>> {
    let inner = values(element, "item").first().unwrap_or(element);
    let address = |value: &Value| ["url", "@id"].iter().find_map(|key| text_of(value, key));
    let url = inner.as_str().map(str::to_owned).or_else(|| address(inner)).or_else(|| address(element))?;
    let mut item = Map::new();
    item.insert("url".to_owned(), Value::from(context.absolute(&url)?));
    if let Some(name) = text_of(inner, "name").or_else(|| text_of(element, "name")) {
        item.insert("title".to_owned(), Value::from(name));
    }
    let offer = values(inner, "offers").first();
    if let Some(price) =
        offer.and_then(|offer| number_of(offer, "price").or_else(|| number_of(offer, "lowPrice")))
    {
        item.insert("price".to_owned(), Value::from(price));
        item.insert("priceText".to_owned(), Value::from(price.to_string()));
    }
    if let Some(code) = offer.and_then(|offer| text_of(offer, "priceCurrency")) {
        item.insert("currency".to_owned(), Value::from(code));
    }
    if let Some(image) = text_of(inner, "image").and_then(|image| context.absolute(&image)) {
        item.insert("imageUrl".to_owned(), Value::from(image));
    }
    Some(item)
}
