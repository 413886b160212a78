//! The main picture of a product.

use serde_json::Value;

use crate::context::Context;
use crate::draft::Draft;
use crate::extraction::Layer;
use crate::html::{Document, Selector};

use super::place::{in_side_part, label_of};

/// Pictures of one product.
const MAX: usize = 12;

/// From the head, else the likeliest `img` of the page.
pub(super) fn fill(context: &Context<'_>, draft: &mut Draft) {
    if !draft.lacks("imageUrls") {
        return;
    }
    for name in ["og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src"] {
        let mut images: Vec<Value> = Vec::new();
        for image in context.meta.all(name).iter().filter_map(|image| context.absolute(image)).take(MAX) {
            if !images.iter().any(|known| known == &Value::from(image.as_str())) && !is_decoration(&image) {
                images.push(Value::from(image));
            }
        }
        if draft.offer("imageUrls", images, Layer::Meta, 0.8, name) {
            return;
        }
    }
    let document = &context.document;
    let selector = Selector::fixed(
        "img[itemprop=image], img[class*='main' i][class*='image' i], img[id*='main' i][id*='image' i], img[id*='product' i], img[class*='product' i], [class*='main-image'] img, \
         [class*='product-image'] img, [class*='product_image'] img, [class*='gallery'] img, [class*='product'] img, .main-picture, main img, #content img, img",
    );
    for choice in document.select_by_choice(Document::ROOT, &selector) {
        for id in choice {
            if in_side_part(document, id) {
                continue;
            }
            let link = document
                .parent(id)
                .filter(|parent| document.name(*parent) == "a")
                .and_then(|parent| document.attr(parent, "href"));
            let large = link.filter(|href| is_picture(href)).map(std::borrow::Cow::into_owned);
            let src = [
                "data-old-hires",
                "data-zoom-image",
                "data-large_image",
                "data-large-image",
                "data-src",
                "data-original",
                "src",
            ]
            .iter()
            .find_map(|attr| {
                document.attr(id, attr).filter(|src| !src.starts_with("data:") && !src.is_empty())
            })
            .map(std::borrow::Cow::into_owned);
            let Some(image) = large.or(src).and_then(|src| context.absolute(&src)) else { continue };
            if !is_decoration(&image) {
                draft.offer("imageUrls", vec![Value::from(image)], Layer::Text, 0.5, &label_of(document, id));
                return;
            }
        }
    }
}

fn is_picture(href: &str) -> bool {
    let path = href.split(['?', '#']).next().unwrap_or("").to_ascii_lowercase();
    [".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif"].iter().any(|end| path.ends_with(end))
}

fn is_decoration(url: &str) -> bool {
    let url = url.to_ascii_lowercase();
    ["logo", "sprite", "placeholder", "spacer", "pixel", "blank.", "loading", "favicon", "1x1"]
        .iter()
        .any(|word| url.contains(word))
}
