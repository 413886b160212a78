//! Prices as people write them: numbers in every locale's punctuation, currencies by symbol, word and code.

mod currency;
mod number;
mod symbols;

use serde::{Deserialize, Serialize};

use currency::{Found, code_of, find_all};
pub(crate) use currency::{Site, is_code};
use number::{Number, numbers};

/// Only that many characters of a text are read.
const MAX_CHARS: usize = 400;
/// Characters that may stand between a number and its currency.
const MAX_GAP: usize = 3;

/// A price read from text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// The number.
    pub amount: Option<f64>,
    /// The symbol or code as written.
    pub currency: Option<String>,
    /// ISO 4217, where the writing or the hint decides it.
    pub currency_code: Option<String>,
}

/// Reads the first price of a text; `currency_hint` is text near it or a currency.
///
/// A number beside a currency is preferred to one that stands alone, percentages are no prices, and `Free` is 0.
/// Where the text has no currency the hint's is taken.
pub fn parse_price(text: &str, currency_hint: Option<&str>) -> Price {
    parse_at(text, currency_hint, &Site::default())
}

/// As [`parse_price`], where the site decides between the currencies that share a symbol.
pub(crate) fn parse_at(text: &str, currency_hint: Option<&str>, site: &Site) -> Price {
    let chars: Vec<char> = text.chars().filter(|c| !is_mark(*c)).take(MAX_CHARS).collect();
    let found = find_all(&chars);
    let mut numbers = numbers(&chars, &found);
    numbers.retain(|number| !is_rate(&chars, number));
    let hint: Vec<char> = currency_hint.unwrap_or("").chars().take(MAX_CHARS).collect();
    let hinted = from_hint(&hint);

    let Some((number, beside)) = choose(&chars, &numbers, &found) else {
        let free = is_free(&chars);
        let currency = hinted.map(|found| found.text(&hint));
        let code = hinted.and_then(|found| code_of(found.symbol, None, site));
        return match free {
            true => Price { amount: Some(0.0), currency, currency_code: code },
            false => Price { amount: None, currency, currency_code: code },
        };
    };
    let in_text = beside.or_else(|| found.iter().find(|found| !found.symbol.needs_number()));
    let (currency, symbol) = match (in_text, hinted) {
        (Some(found), _) => (Some(found.text(&chars)), Some(found.symbol)),
        (None, Some(found)) => (Some(found.text(&hint)), Some(found.symbol)),
        (None, None) => (None, None),
    };
    let code = symbol.and_then(|symbol| code_of(symbol, hinted.map(|found| found.symbol), site));
    let amount = number.value(code.as_deref());
    Price { amount, currency, currency_code: code }
}

/// The number that is the price, with the currency beside it.
fn choose<'n>(
    chars: &[char],
    numbers: &'n [Number],
    found: &'n [Found],
) -> Option<(&'n Number, Option<&'n Found>)> {
    let with_currency =
        numbers.iter().find_map(|number| beside(chars, number, found).map(|found| (number, Some(found))));
    let is_clean = |number: &&Number| {
        let before = number.from.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(number.to);
        !before.is_some_and(|c| c.is_alphabetic() || *c == '#') && !after.is_some_and(|c| c.is_alphabetic())
    };
    with_currency
        .or_else(|| numbers.iter().find(is_clean).map(|number| (number, None)))
        .or_else(|| numbers.first().map(|number| (number, None)))
}

/// The currency that stands before or after the number; one that says more than `$` wins.
fn beside<'f>(chars: &[char], number: &Number, found: &'f [Found]) -> Option<&'f Found> {
    let before =
        found.iter().rev().find(|found| found.to <= number.from && is_gap(chars, found.to, number.from));
    let after = found.iter().find(|found| found.from >= number.to && is_gap(chars, number.to, found.from));
    let nearest = match (before, after) {
        (Some(before), Some(after)) if before.symbol.is_shared() && !after.symbol.is_shared() => after,
        (Some(before), _) => before,
        (None, Some(after)) => after,
        (None, None) => return None,
    };
    if !nearest.symbol.is_shared() {
        return Some(nearest);
    }
    // `NZD $100`: the code stands beside the symbol, not beside the number.
    let says_more = |other: &&Found| {
        !other.symbol.is_shared()
            && ((other.to <= nearest.from && is_gap(chars, other.to, nearest.from))
                || (other.from >= nearest.to && is_gap(chars, nearest.to, other.from)))
    };
    found.iter().find(says_more).or(Some(nearest))
}

fn is_gap(chars: &[char], from: usize, to: usize) -> bool {
    to - from <= MAX_GAP
        && chars[from..to]
            .iter()
            .all(|c| c.is_whitespace() || matches!(c, ':' | '.' | ',' | '-' | '–' | '—' | '*' | '=' | '('))
}

/// A percentage, a count (`3x`) or a part of a date is no price.
fn is_rate(chars: &[char], number: &Number) -> bool {
    let after: String = chars[number.to..].iter().skip_while(|c| c.is_whitespace()).take(1).collect();
    matches!(after.as_str(), "%" | "٪" | "°")
}

fn from_hint(hint: &[char]) -> Option<Found> {
    let found = find_all(hint);
    let whole = hint.iter().filter(|c| c.is_alphanumeric()).count();
    let fits = |found: &&Found| {
        // A code in a sentence may be an English word.
        !found.symbol.is_word_like() || found.to - found.from == whole
    };
    let numbers = numbers(hint, &found);
    choose(hint, &numbers, &found)
        .and_then(|(_, beside)| beside)
        .or_else(|| found.iter().find(|found| fits(found) && !found.symbol.is_shared()))
        .or_else(|| found.iter().find(fits))
        .copied()
}

fn is_free(chars: &[char]) -> bool {
    let text: String =
        chars.iter().collect::<String>().trim_matches(|c: char| !c.is_alphabetic()).to_lowercase();
    matches!(
        text.as_str(),
        "free" | "gratis" | "gratuit" | "kostenlos" | "бесплатно" | "grátis" | "無料" | "免费" | "ücretsiz"
    )
}

/// Marks that change the writing direction or nothing at all.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

#[cfg(test)]
mod tests;
