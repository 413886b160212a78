//! The product record: from items of a vocabulary, from the head, from the words of the page.

mod buying;
mod heading;
mod offer;
mod picture;
mod place;
mod price;
mod stars;
mod words;

use serde_json::Value;

use crate::context::Context;
use crate::draft::Draft;
use crate::extraction::Layer;
use crate::html::collapse;
use crate::money;
use crate::reading;
use crate::structured::{Thing, number_of, text_of};

pub(crate) use buying::can_be_bought;
pub(crate) use heading::{titled, without_site};
pub(crate) use place::label_of;
pub(crate) use price::shows_price;

/// The fields of the contract, in its order.
pub(crate) const FIELDS: [&str; 10] = [
    "productTitle",
    "price",
    "currency",
    "originalPrice",
    "rating",
    "reviewCount",
    "availability",
    "isAvailable",
    "imageUrls",
    "asin",
];

/// Fills what the recipe left open.
pub(crate) fn fill(context: &Context<'_>, draft: &mut Draft) {
    let product = main_product(context);
    if let Some(product) = product {
        from_thing(context, product, draft);
    }
    from_meta(context, draft);
    words::fill(context, draft);
    picture::fill(context, draft);
    buying::fill(context, draft);
    tidy(context, draft);
}

/// The item that the page is about: the one whose address or name is the page's, else the first of its own.
pub(crate) fn main_product<'c>(context: &'c Context<'_>) -> Option<&'c Thing> {
    let is_product = |thing: &&Thing| {
        [
            "Product",
            "ProductGroup",
            "IndividualProduct",
            "ProductModel",
            "SomeProducts",
            "Book",
            "Vehicle",
            "Car",
            "Movie",
            "VideoGame",
            "SoftwareApplication",
        ]
        .iter()
        .any(|kind| thing.is(kind))
            && (thing.is("Product") || thing.is("ProductGroup") || thing.value.get("offers").is_some())
    };
    let own: Vec<&Thing> = context.things.iter().filter(is_product).filter(|thing| !thing.nested).collect();
    let heading = collapse(&heading::heading(context).unwrap_or_default()).to_lowercase();
    let named = |thing: &&&Thing| {
        !heading.is_empty()
            && text_of(&thing.value, "name").is_some_and(|name| name.to_lowercase() == heading)
    };
    let addressed = |thing: &&&Thing| {
        let path = context.url.as_ref().map(url::Url::path).filter(|path| path.len() > 1);
        path.is_some_and(|path| {
            ["@id", "url"].iter().any(|key| text_of(&thing.value, key).is_some_and(|url| url.contains(path)))
        })
    };
    let is_full = |thing: &&&Thing| thing.value.get("offers").is_some();
    own.iter()
        .find(|thing| named(thing) && is_full(thing))
        .or_else(|| own.iter().find(|thing| addressed(thing) && is_full(thing)))
        .or_else(|| own.iter().find(is_full))
        .or_else(|| own.iter().find(named))
        .or_else(|| own.first())
        .copied()
}

/// Whether the page's heading is the name of its main item.
pub(crate) fn is_named(context: &Context<'_>) -> bool {
    let heading = heading::heading(context).unwrap_or_default().to_lowercase();
    let name = main_product(context)
        .and_then(|thing| text_of(&thing.value, "name"))
        .unwrap_or_default()
        .to_lowercase();
    !name.is_empty() && heading == name
}

fn from_thing(context: &Context<'_>, product: &Thing, draft: &mut Draft) {
    let (layer, value) = (product.layer, &product.value);
    // The same item may be described twice: in JSON-LD and in the markup.
    let twins = context.things.iter().filter(|thing| {
        !thing.nested
            && thing.is("Product")
            && thing.layer != layer
            && text_of(&thing.value, "name") == text_of(value, "name")
    });
    for thing in std::iter::once(product).chain(twins) {
        let (layer, value) = (thing.layer, &thing.value);
        if let Some(name) = text_of(value, "name") {
            draft.offer("productTitle", name, layer, 0.95, "Product.name");
        }
        offer::fill(value, layer, draft);
        for rating in crate::structured_values(value, "aggregateRating") {
            let best = number_of(rating, "bestRating").unwrap_or(5.0);
            if let Some(stars) =
                number_of(rating, "ratingValue").and_then(|value| reading::scaled(value, best))
            {
                draft.offer("rating", round(stars), layer, 0.9, "Product.aggregateRating.ratingValue");
            }
            let count = number_of(rating, "reviewCount").or_else(|| number_of(rating, "ratingCount"));
            if let Some(count) = count.filter(|count| (0.0..1e12).contains(count)) {
                draft.offer("reviewCount", whole(count), layer, 0.9, "Product.aggregateRating.reviewCount");
            }
        }
        let images: Vec<Value> = ["image", "thumbnailUrl"]
            .iter()
            .flat_map(|key| crate::structured_texts(value, key))
            .filter_map(|image| context.absolute(&image))
            .map(Value::from)
            .take(20)
            .collect();
        draft.offer("imageUrls", images, layer, 0.9, "Product.image");
    }
}

fn from_meta(context: &Context<'_>, draft: &mut Draft) {
    let meta = &context.meta;
    let sale = meta.first(&[
        "product:sale_price:amount",
        "product:price:amount",
        "og:price:amount",
        "twitter:data1",
    ]);
    if let Some((name, text)) = sale {
        let price = money::parse_at(
            text,
            meta.first(&["product:sale_price:currency", "product:price:currency", "og:price:currency"])
                .map(|(_, c)| c),
            &context.site,
        );
        let plain = text.trim().parse::<f64>().ok();
        let amount = plain.or(price.amount).filter(|_| name != "twitter:data1" || price.currency.is_some());
        if let Some(amount) = amount {
            offer::settle(draft, amount, name);
            if let Some(code) = price.currency_code.filter(|_| draft.has("price")) {
                draft.offer("currency", code, Layer::Meta, 0.8, name);
            }
        }
    }
    let former = meta.first(&[
        "product:original_price:amount",
        "og:price:standard_amount",
        "product:price:standard_amount",
    ]);
    if let Some((name, text)) = former {
        let amount = text.trim().parse::<f64>().ok().or_else(|| money::parse_price(text, None).amount);
        if let (Some(amount), Some(price)) = (amount, draft.number("price"))
            && amount > price
        {
            draft.offer("originalPrice", amount, Layer::Meta, 0.8, name);
        }
    }
    if let Some((name, stock)) = meta.first(&["product:availability", "og:availability"])
        && let Some((is, words)) = buying::schema_stock(stock)
    {
        draft.offer("isAvailable", is, Layer::Meta, 0.8, name);
        draft.offer("stockTerm", words, Layer::Meta, 0.5, name);
    }
}

/// What only makes sense together.
fn tidy(context: &Context<'_>, draft: &mut Draft) {
    if let (Some(price), Some(was)) = (draft.number("price"), draft.number("originalPrice"))
        && was <= price
    {
        draft.drop("originalPrice");
    }
    if !draft.has("price") {
        draft.drop("originalPrice");
        draft.drop("currency");
    } else if draft.lacks("currency")
        && let Some(code) = context.site.home()
    {
        draft.offer("currency", code, Layer::Url, 0.4, "the site's country");
    }
    let term = draft.text("stockTerm").map(str::to_owned);
    if let (Some(term), Some(layer)) = (term, draft.layer("stockTerm")) {
        draft.offer("availability", term, layer, 0.5, "the vocabulary's term");
    }
    draft.drop("stockTerm");
    if !draft.has("isAvailable") {
        // The contract wants an answer, also from a recipe that found none.
        let seen = draft.has("price");
        draft.set("isAvailable", seen, Layer::Text, 0.3, "a price is shown");
    }
}

fn round(stars: f64) -> f64 {
    (stars * 10_000.0).round() / 10_000.0
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be between 0 and 1e12"
)]
fn whole(count: f64) -> u64 {
    count.round() as u64
}
