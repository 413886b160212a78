//! The corpus once more with other titles and other prices: a rule that knows a page by heart fails here.

use regex::Regex;
use serde_json::Value;

use crate::corpus::Case;

/// Replaces a page's titles and prices, in the markup and in its truth, by a substitution that follows from a seed.
pub(crate) fn substitute(case: &Case, seed: u64) -> Case {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut titles: Vec<(String, String)> = Vec::new();
    let shift = 1 + seed % 11;
    let mut prices: Vec<(f64, f64)> = Vec::new();
    collect(&case.truth["expected"], &mut |key, value| match (key, value) {
        ("productTitle" | "title", Value::String(title))
            if title.chars().filter(|c| c.is_ascii_alphabetic()).count() >= 6 =>
        {
            titles.extend(writings(title, &cipher(title, seed)));
        }
        ("price" | "originalPrice", Value::Number(number)) => {
            let Some(old) = number.as_f64().filter(|old| *old >= 1.0) else { return };
            let new = moved(old, shift);
            prices.push((old, new));
        }
        ("priceText", Value::String(text)) => {
            let Some(old) = ukai_extract::parse_price(text, None).amount.filter(|old| *old >= 1.0) else {
                return;
            };
            prices.push((old, moved(old, shift)));
        }
        _ => {}
    });
    for (old, new) in &prices {
        pairs.extend(price_writings(*old).into_iter().zip(price_writings(*new)));
    }
    // Longer ones first: a title may hold another.
    titles.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
    titles.dedup();
    pairs.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
    pairs.dedup();
    let titles: Vec<(Regex, String)> =
        titles.iter().filter_map(|(from, to)| Some((loosely(from)?, to.clone()))).collect();
    let swap = |text: &str| {
        let mut text = text.to_owned();
        for (from, to) in &titles {
            text = from.replace_all(&text, regex::NoExpand(to)).into_owned();
        }
        replace_all(&text, &pairs)
    };
    let mut truth = case.truth.clone();
    rewrite(&mut truth, &swap, &prices);
    Case { file: case.file.clone(), html: swap(&case.html), truth }
}

fn collect(value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                visit(key, inner);
                collect(inner, visit);
            }
        }
        Value::Array(many) => many.iter().for_each(|inner| collect(inner, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn rewrite(value: &mut Value, swap: &impl Fn(&str) -> String, prices: &[(f64, f64)]) {
    match value {
        Value::String(text) => *text = swap(text),
        Value::Number(number) => {
            if let Some((_, new)) =
                number.as_f64().and_then(|old| prices.iter().find(|(from, _)| (from - old).abs() < 0.001))
            {
                *value = Value::from(*new);
            }
        }
        Value::Array(many) => many.iter_mut().for_each(|inner| rewrite(inner, swap, prices)),
        Value::Object(object) => object.values_mut().for_each(|inner| rewrite(inner, swap, prices)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Another price with as many digits, so that prices keep their order.
fn moved(old: f64, shift: u64) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let shift = shift as f64;
    let new = old + shift;
    if new.trunc().to_string().len() == old.trunc().to_string().len() {
        new
    } else {
        old - shift.min(old.trunc() - 1.0).max(0.0)
    }
}

/// Letters for letters, vowels for vowels; what is no ASCII letter stays.
fn cipher(text: &str, seed: u64) -> String {
    const VOWELS: &[u8] = b"aeiou";
    const CONSONANTS: &[u8] = b"bcdfghjklmnpqrstvwxyz";
    let turn = |c: char, set: &[u8]| {
        let at = set.iter().position(|known| char::from(*known) == c.to_ascii_lowercase())?;
        let step = usize::try_from(1 + seed % 3).unwrap_or(1);
        let turned = char::from(set[(at + step) % set.len()]);
        Some(if c.is_ascii_uppercase() { turned.to_ascii_uppercase() } else { turned })
    };
    text.chars().map(|c| turn(c, VOWELS).or_else(|| turn(c, CONSONANTS)).unwrap_or(c)).collect()
}

/// A text as it may stand in markup, in attributes and in scripts.
fn writings(from: &str, to: &str) -> Vec<(String, String)> {
    let html = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let quoted = |text: &str| html(text).replace('"', "&quot;");
    let numbered = |text: &str| quoted(text).replace('\'', "&#39;");
    let hexadecimal = |text: &str| quoted(text).replace('\'', "&#x27;");
    let json = |text: &str| text.replace('"', "\\\"");
    let slashed = |text: &str| json(text).replace('/', "\\/");
    let ways: [&dyn Fn(&str) -> String; 7] =
        [&|text| text.to_owned(), &html, &quoted, &numbered, &hexadecimal, &json, &slashed];
    let mut out: Vec<(String, String)> = ways.iter().map(|way| (way(from), way(to))).collect();
    out.push((from.to_uppercase(), to.to_uppercase()));
    out
}

/// The text with any white space between its words.
fn loosely(text: &str) -> Option<Regex> {
    let words: Vec<String> = text.split_whitespace().map(regex::escape).collect();
    Regex::new(&words.join(r"(?:\s|&nbsp;)+")).ok()
}

/// A price as it may be written; only writings that can't be mistaken for another number.
fn price_writings(price: f64) -> Vec<String> {
    let whole = price.trunc().to_string();
    let cents = format!("{:02}", ((price - price.trunc()) * 100.0).round());
    let grouped = |mark: &str| {
        let mut out = String::new();
        for (i, digit) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i).is_multiple_of(3) {
                out.push_str(mark);
            }
            out.push(digit);
        }
        out
    };
    let mut out = vec![format!("{whole}.{cents}"), format!("{whole},{cents}")];
    // A price in pieces.
    for mark in [".", ","] {
        out.push(format!("{whole}<span class=\"a-price-decimal\">{mark}</span></span><span class=\"a-price-fraction\">{cents}</span>"));
    }
    if cents.ends_with('0') && cents != "00" {
        out.push(format!("{whole}.{}", &cents[..1]));
    }
    for mark in [",", ".", " ", "\u{a0}", "\u{202f}", "&nbsp;"] {
        let number = grouped(mark);
        out.push(format!("{number}.{cents}"));
        out.push(format!("{number},{cents}"));
        out.push(format!("{number},{cents}0"));
        if whole.len() > 3 {
            out.push(number);
        }
    }
    out
}

/// Replaces all occurrences that don't stand within a longer number or word.
fn replace_all(text: &str, pairs: &[(String, String)]) -> String {
    let mut out = text.to_owned();
    for (from, to) in pairs.iter().filter(|(from, to)| !from.is_empty() && from != to) {
        if !out.contains(from.as_str()) {
            continue;
        }
        let digits = from.chars().next().is_some_and(|c| c.is_ascii_digit());
        let mut next = String::with_capacity(out.len());
        let mut at = 0;
        for (found, _) in out.match_indices(from.as_str()) {
            if found < at {
                continue;
            }
            let before = out[..found].chars().next_back();
            let after = out[found + from.len()..].chars().next();
            let inside = digits
                && (before.is_some_and(|c| c.is_ascii_digit() || c == '.' || c == ',')
                    || after.is_some_and(|c| c.is_ascii_digit()));
            next.push_str(&out[at..found]);
            next.push_str(if inside { from } else { to });
            at = found + from.len();
        }
        next.push_str(&out[at..]);
        out = next;
    }
    out
}
