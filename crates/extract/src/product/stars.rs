//! Ratings and their number, as a page shows them.

use std::sync::LazyLock;

use regex::Regex;

use super::place::{in_side_part, label_of};
use crate::context::Context;
use crate::draft::Draft;
use crate::extraction::Layer;
use crate::html::{Document, NodeId};
use crate::reading;

/// Fills rating and number of reviews from what a reader sees behind the heading.
pub(super) fn stars(context: &Context<'_>, draft: &mut Draft, heading: NodeId) {
    let document = &context.document;
    if !draft.lacks("rating") && !draft.lacks("reviewCount") {
        return;
    }
    let names = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("rating")
            || text.contains("review")
            || text.contains("stars")
            || text.contains("bewertung")
            || text.contains("avis")
            || text.contains("opinion")
    };
    let mut seen = 0;
    for id in document.elements(Document::ROOT) {
        if id < heading
            || !(names(document.class(id)) || names(document.id(id)) || document.has_attr(id, "aria-label"))
        {
            continue;
        }
        if document.end(id) - id > 120 || in_side_part(document, id) {
            continue;
        }
        seen += 1;
        if seen > 60 {
            return;
        }
        let label = ["aria-label", "title", "alt"]
            .iter()
            .find_map(|attr| document.attr(id, attr))
            .unwrap_or_default();
        let text = document.text_up_to(id, 300);
        for text in [label.as_ref(), text.as_str()] {
            if draft.lacks("rating")
                && text.chars().count() <= 120
                && states_rating(text)
                && let Some(rating) = reading::rating(text)
            {
                draft.offer("rating", rating, Layer::Text, 0.6, &label_of(document, id));
            }
            if draft.lacks("reviewCount") {
                let named = || {
                    names_count(document, id)
                        .then(|| reading::count(text).filter(|_| text.chars().count() <= 12))
                        .flatten()
                };
                if let Some(count) = review_count(text).filter(|_| text.chars().count() <= 120).or_else(named)
                {
                    draft.offer("reviewCount", count, Layer::Text, 0.6, &label_of(document, id));
                }
            }
        }
        if draft.has("rating") && draft.has("reviewCount") {
            return;
        }
    }
}

/// `number-reviews`, `reviewCount`, `rating__count`.
fn names_count(document: &Document<'_>, id: NodeId) -> bool {
    let names = format!("{} {}", document.class(id), document.id(id)).to_ascii_lowercase();
    names.split_ascii_whitespace().any(|name| {
        (name.contains("review") || name.contains("rating"))
            && ["count", "number", "num", "total", "quantity", "amount"]
                .iter()
                .any(|word| name.contains(word))
    })
}

fn states_rating(text: &str) -> bool {
    let text = text.to_lowercase();
    [
        "out of 5",
        "von 5",
        "sur 5",
        "de 5",
        "su 5",
        "van 5",
        "/ 5",
        "/5",
        "z 5",
        "av 5",
        "5つ星",
        "out of 10",
        "из 5",
    ]
    .iter()
    .any(|words| text.contains(words))
}

fn review_count(text: &str) -> Option<u64> {
    static COUNT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)\(?\s*(\d[\d.,\s]*)\)?\s*(?:customer |global |verified |kunden)?(?:reviews?|ratings?|bewertung(?:en)?|rezension(?:en)?|avis|évaluations?|valoraciones|opiniones|reseñas|recensioni|beoordelingen|opinii|avaliações|отзыв\p{L}*|件の)").ok()
    });
    let groups = COUNT.as_ref()?.captures(text)?;
    reading::count(&groups[1])
}
