//! Ratings, brought to a scale of 5.

use std::sync::LazyLock;

use regex::Regex;

#[allow(clippy::expect_used, reason = "fixed expressions; the tests below compile them")]
static OUT_OF: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // `4.6 out of 5`, `4,5 von 5 Sternen`, `3,6 sur 5`, `4,3 de 5`, `4.2 / 5`, `4,5 su 5`, `4,5 van 5`, `4,5 z 5`, `4,5 av 5`
        r"(?i)(\d+(?:[.,]\d+)?)\s*(?:out of|von|sur|de|su|van|z|av|af|of|/|üzerinden|из)\s*(5|10|100)(?:[.,]0+)?\b",
        // `5つ星のうち4.5`, `5 yıldız üzerinden 4,5`
        r"(5)\s*(?:つ星のうち|yıldız üzerinden|颗星，最多|ze gwiazdek)\s*(\d+(?:[.,]\d+)?)",
        r"(?i)(\d+(?:[.,]\d+)?)\s*(?:stars?|sterne|étoiles?|estrellas|stelle|sterren|★)",
    ]
    .iter()
    .map(|pattern| Regex::new(pattern).expect("a fixed expression"))
    .collect()
});

/// The rating that a text states, out of 5; a lone number counts as one out of 5.
pub(crate) fn rating(text: &str) -> Option<f64> {
    let number = |text: &str| text.replace(',', ".").parse::<f64>().ok();
    if let Some(groups) = OUT_OF[0].captures(text) {
        return scaled(number(&groups[1])?, number(&groups[2])?);
    }
    if let Some(groups) = OUT_OF[1].captures(text) {
        return scaled(number(&groups[2])?, 5.0);
    }
    if let Some(groups) = OUT_OF[2].captures(text) {
        return scaled(number(&groups[1])?, 5.0);
    }
    let trimmed = text.trim().trim_end_matches('%');
    let value = number(trimmed)?;
    if text.trim().ends_with('%') { scaled(value, 100.0) } else { scaled(value, 5.0) }
}

/// A rating out of `best` as one out of 5, to two decimals; `None` where it is none.
pub(crate) fn scaled(value: f64, best: f64) -> Option<f64> {
    let rating =
        if (best - 5.0).abs() < 1e-9 || best <= 0.0 { value } else { (value * 500.0 / best).round() / 100.0 };
    (rating > 0.0 && rating <= 5.0).then_some(rating)
}
