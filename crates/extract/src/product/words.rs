//! A product in the words and shape of a page.

use super::heading::{heading_node, titled};
use super::place::label_of;
use super::{price, stars};
use crate::context::Context;
use crate::draft::Draft;
use crate::extraction::Layer;

/// Fills what the page shows to a reader.
pub(super) fn fill(context: &Context<'_>, draft: &mut Draft) {
    let document = &context.document;
    let heading = heading_node(context);
    if draft.lacks("productTitle") {
        match heading {
            Some(id) => draft.offer(
                "productTitle",
                document.text_up_to(id, 1_000),
                Layer::Text,
                0.7,
                &label_of(document, id),
            ),
            None => {
                draft.offer("productTitle", titled(context).unwrap_or_default(), Layer::Meta, 0.6, "title")
            }
        };
    }
    price::prices(context, draft, heading.unwrap_or(0));
    stars::stars(context, draft, heading.unwrap_or(0));
}
