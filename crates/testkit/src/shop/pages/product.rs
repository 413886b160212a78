//! Product pages of the shop's own layout: filled in by script, or with JSON-LD from the server.

use serde_json::json;

use super::frame::{escape, frame, stars};
use crate::shop::catalog::Item;

/// How a scripted page shows its data besides the visible text.
const WAYS: [&str; 3] = ["jsonld", "microdata", "plain"];

/// A page whose title, price, rating and stock stand nowhere in its source: the script decodes and places
/// them, `wait_ms` after the document is parsed.
pub(in crate::shop) fn scripted(item: &Item, wait_ms: u64) -> String {
    let data = json!({
        "way": WAYS[(item.n % 3) as usize],
        "title": item.title,
        "price": item.price_text(),
        "was": item.was_text(),
        "stars": stars(item.rating_tenths),
        "rating": format!("{:.1}", item.rating()),
        "reviews": item.reviews,
        "stock": item.availability(),
        "inStock": item.in_stock,
        "ld": linked_data(item),
    });
    let hidden = hide(&data.to_string());
    let body = format!(
        "<div class=\"goods\" id=\"goods\"><img src=\"{}\" alt=\"\" width=\"460\" height=\"460\" class=\"main-picture\">\
         <div id=\"facts\"><p class=\"soft\">One moment, the shelf is being filled…</p></div></div>\n<script>\n\
         const data = JSON.parse(decodeURIComponent(\"{hidden}\".match(/../g).map(h => \"%\" + \
         (parseInt(h, 16) ^ 90).toString(16).padStart(2, \"0\")).join(\"\")));\n{FILL}\nfillIn({wait_ms});\n</script>",
        item.picture()
    );
    frame("Larkspur Goods", "", &body)
}

/// Builds the visible facts, then says the same in JSON-LD, in microdata or not at all.
const FILL: &str = r#"function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
function place() {
  const facts = document.getElementById("facts");
  const goods = document.getElementById("goods");
  const micro = data.way === "microdata";
  const mark = (node, prop, content) => {
    if (micro) { node.setAttribute("itemprop", prop); if (content !== undefined) node.setAttribute("content", content); }
    return node;
  };
  document.title = data.title + " | Larkspur Goods";
  facts.replaceChildren();
  facts.append(mark(element("h1", "product-title", data.title), "name"));
  const rating = element("p", "rating");
  rating.append(element("span", "stars", data.stars), " ",
    mark(element("span", "rating-value", data.rating), "ratingValue"), " out of 5 (",
    mark(element("span", "review-count", String(data.reviews)), "reviewCount"), " reviews)");
  facts.append(rating);
  const offer = element("div", "offer");
  offer.append(mark(element("span", "price", data.price), "price", String(data.ld.offers.price)));
  if (data.was) offer.append(element("del", "was", data.was));
  if (micro) {
    const currency = element("meta");
    offer.append(mark(currency, "priceCurrency", data.ld.offers.priceCurrency));
  }
  const stock = element("p");
  const words = element("span", data.inStock ? "stock availability" : "stock out availability", data.stock);
  stock.append(words);
  if (micro) {
    const link = element("link");
    link.setAttribute("itemprop", "availability");
    link.setAttribute("href", data.ld.offers.availability);
    stock.append(link);
    goods.setAttribute("itemscope", "");
    goods.setAttribute("itemtype", "https://schema.org/Product");
    goods.querySelector("img").setAttribute("itemprop", "image");
    rating.setAttribute("itemprop", "aggregateRating");
    rating.setAttribute("itemscope", "");
    rating.setAttribute("itemtype", "https://schema.org/AggregateRating");
    offer.setAttribute("itemprop", "offers");
    offer.setAttribute("itemscope", "");
    offer.setAttribute("itemtype", "https://schema.org/Offer");
    offer.append(stock);
    facts.append(offer);
  } else {
    facts.append(offer, stock);
  }
  const buy = element("button", "add-to-cart", data.inStock ? "Add to basket" : "Tell me when it is back");
  facts.append(buy);
  if (data.way === "jsonld") {
    const script = element("script");
    script.type = "application/ld+json";
    script.textContent = JSON.stringify(data.ld);
    document.head.append(script);
  }
  document.documentElement.dataset.filled = "yes";
}
function fillIn(wait) { if (wait > 0) setTimeout(place, wait); else place(); }"#;

/// A page whose server writes everything, with JSON-LD in the head.
pub(in crate::shop) fn jsonld(item: &Item) -> String {
    let title = escape(&item.title);
    let head = format!(
        "<meta property=\"og:title\" content=\"{title}\"><meta property=\"og:type\" content=\"product\">\
         <script type=\"application/ld+json\">{}</script>",
        linked_data(item).to_string().replace("</", "<\\/")
    );
    let was = item.was_text().map_or_else(String::new, |was| format!("<del class=\"was\">{was}</del>"));
    let out = if item.in_stock { "" } else { " out" };
    let body = format!(
        "<div class=\"goods\"><img src=\"{}\" alt=\"{title}\"><div><h1>{title}</h1>\
         <p class=\"rating\"><span class=\"stars\">{}</span> {:.1} out of 5 ({} reviews)</p>\
         <div class=\"offer\"><span class=\"price\">{}</span>{was}</div>\
         <p><span class=\"stock{out}\">{}</span></p><button>Add to basket</button></div></div>",
        item.picture(),
        stars(item.rating_tenths),
        item.rating(),
        item.reviews,
        item.price_text(),
        item.availability()
    );
    frame(&format!("{title} | Larkspur Goods"), &head, &body)
}

/// A tiny page without script or picture.
pub(in crate::shop) fn note(n: u32) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Note {n}</title>\
         <link rel=\"icon\" href=\"data:,\"></head>\
         <body><h1>Note {n}</h1><p>This is note number {n} of the shop. It is here to be loaded quickly.</p>\
         <p><a href=\"/list\">All goods</a></p></body></html>\n"
    )
}

fn linked_data(item: &Item) -> serde_json::Value {
    let mut data = json!({
        "@context": "https://schema.org",
        "@type": "Product",
        "name": item.title,
        "sku": format!("LG-{}", item.n),
        "image": item.picture(),
        "aggregateRating": {"@type": "AggregateRating", "ratingValue": item.rating(), "reviewCount": item.reviews},
        "offers": {
            "@type": "Offer",
            "price": item.price(),
            "priceCurrency": item.money.code,
            "availability": if item.in_stock { "https://schema.org/InStock" } else { "https://schema.org/OutOfStock" },
        },
    });
    if let Some(was) = item.was() {
        data["offers"]["priceSpecification"] = json!({"@type": "UnitPriceSpecification", "priceType": "https://schema.org/ListPrice",
                   "price": was, "priceCurrency": item.money.code});
    }
    data
}

/// Bytes as hexadecimal digits, each byte turned over: no reader of the source finds a word of it.
fn hide(text: &str) -> String {
    text.bytes().map(|byte| format!("{:02x}", byte ^ 90)).collect()
}
