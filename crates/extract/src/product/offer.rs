//! Offers of a vocabulary's item: what is paid now, what was paid, in which currency, from which stock.

use serde_json::Value;

use super::buying::schema_stock;
use crate::draft::Draft;
use crate::extraction::Layer;
use crate::structured::{number_of, text_of};
use crate::structured_values;

/// Fills price, currency, former price and stock from an item's offers.
pub(super) fn fill(product: &Value, layer: Layer, draft: &mut Draft) {
    let mut offers: Vec<&Value> = structured_values(product, "offers").iter().collect();
    if offers.is_empty() {
        // A group of variants: those of the first that is offered.
        offers = structured_values(product, "hasVariant")
            .iter()
            .flat_map(|variant| structured_values(variant, "offers"))
            .collect();
    }
    if offers.is_empty() && product.get("price").is_some() {
        offers.push(product);
    }
    // An aggregate may hold its single offers.
    let singles: Vec<&Value> = offers.iter().flat_map(|offer| structured_values(offer, "offers")).collect();
    let all: Vec<&Value> =
        offers.iter().copied().chain(singles).filter(|offer| offer.is_object()).take(200).collect();

    let open = |offer: &&&Value| stock(offer).is_none_or(|(is, _)| is);
    let best = all.iter().filter(open).chain(all.iter()).find(|offer| price_of(offer).is_some());
    if let Some(offer) = best {
        if let Some(price) = price_of(offer).filter(|price| *price > 0.0) {
            draft.offer("price", price, layer, 0.9, "Product.offers.price");
        }
        if let Some(former) = former_price(offer) {
            draft.offer("originalPrice", former, layer, 0.8, "Product.offers.priceSpecification");
        }
    }
    let currency = all.iter().find_map(|offer| {
        text_of(offer, "priceCurrency").or_else(|| {
            structured_values(offer, "priceSpecification")
                .iter()
                .find_map(|spec| text_of(spec, "priceCurrency"))
        })
    });
    if let Some(code) =
        currency.map(|code| code.to_ascii_uppercase()).filter(|code| crate::money::is_code(code))
        && draft.layer("price") == Some(layer)
    {
        draft.offer("currency", code, layer, 0.9, "Product.offers.priceCurrency");
    }
    let stocks: Vec<(bool, &'static str)> = all.iter().filter_map(|offer| stock(offer)).collect();
    if let Some((is, words)) = stocks.iter().find(|(is, _)| *is).or_else(|| stocks.first()) {
        draft.offer("isAvailable", *is, layer, 0.9, "Product.offers.availability");
        draft.offer("stockTerm", *words, layer, 0.5, "Product.offers.availability");
    }
}

fn stock(offer: &Value) -> Option<(bool, &'static str)> {
    text_of(offer, "availability").and_then(|text| schema_stock(&text))
}

fn price_of(offer: &Value) -> Option<f64> {
    let specified = || {
        let current = |spec: &&Value| !is_former(spec);
        structured_values(offer, "priceSpecification")
            .iter()
            .filter(current)
            .find_map(|spec| number_of(spec, "price").or_else(|| number_of(spec, "minPrice")))
    };
    number_of(offer, "price")
        .filter(|price| *price > 0.0)
        .or_else(|| number_of(offer, "lowPrice"))
        .or_else(specified)
}

fn former_price(offer: &Value) -> Option<f64> {
    structured_values(offer, "priceSpecification")
        .iter()
        .filter(|spec| is_former(spec))
        .find_map(|spec| number_of(spec, "price"))
}

fn is_former(spec: &Value) -> bool {
    text_of(spec, "priceType").is_some_and(|kind| {
        ["ListPrice", "StrikethroughPrice", "SRP", "MSRP", "RegularPrice"]
            .iter()
            .any(|former| kind.ends_with(former))
    })
}

/// A price from the head: it counts where there is none, and where it is lower than the one of the vocabulary,
/// which is then the former price (shops leave the list price in their JSON-LD during a sale).
pub(super) fn settle(draft: &mut Draft, amount: f64, name: &str) {
    if amount <= 0.0 || amount.is_nan() || draft.is_sealed("price") {
        return;
    }
    match draft.number("price") {
        None => {
            draft.offer("price", amount, Layer::Meta, 0.85, name);
        }
        Some(known) => {
            let vocabulary =
                matches!(draft.layer("price"), Some(Layer::JsonLd | Layer::Microdata | Layer::Rdfa));
            if vocabulary && amount < known * 0.995 && amount > known * 0.2 {
                let layer = draft.layer("price").unwrap_or(Layer::Meta);
                draft.offer(
                    "originalPrice",
                    known,
                    layer,
                    0.6,
                    "Product.offers.price above the head's price",
                );
                draft.set("price", amount, Layer::Meta, 0.85, name);
            }
        }
    }
}
