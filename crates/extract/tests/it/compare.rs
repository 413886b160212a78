//! Whether an extracted value is the expected one, by the rules that the corpus states.

use std::collections::BTreeSet;

use serde_json::Value;
use ukai_extract::Extraction;

/// Judges one expected field of a page.
pub(crate) fn is_right(
    got: &Extraction,
    field: &str,
    expected: &Value,
    alternatives: Option<&Value>,
) -> bool {
    if field == "classification" {
        return expected.as_str() == Some(got.verdict.as_str());
    }
    let own = match field {
        "textContains" | "textExcludes" => &got.record["text"],
        _ => &got.record[field],
    };
    let others = alternatives.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    std::iter::once(expected).chain(others).any(|wanted| same(field, own, wanted))
}

fn same(field: &str, got: &Value, wanted: &Value) -> bool {
    if wanted.is_null() {
        return got.is_null() || got.as_str() == Some("") || got.as_array().is_some_and(Vec::is_empty);
    }
    match field {
        "imageUrls" => {
            let first = |value: &Value| value[0].as_str().map(picture);
            first(got).is_some() && first(got) == first(wanted)
        }
        "productUrls" | "productIds" => set(got) == set(wanted),
        "nextPageUrl" => got.as_str().map(address) == wanted.as_str().map(address),
        "items" => wanted.as_array().is_some_and(|wanted| wanted.iter().all(|wanted| has_item(got, wanted))),
        "text" => got.as_str().is_some_and(|got| plain(got).contains(&plain(wanted.as_str().unwrap_or("")))),
        "textContains" => {
            all(wanted, |wanted| got.as_str().is_some_and(|got| plain(got).contains(&plain(wanted))))
        }
        "textExcludes" => {
            all(wanted, |wanted| !got.as_str().is_some_and(|got| plain(got).contains(&plain(wanted))))
        }
        "publishedAt" | "createdAt" => {
            let (got, wanted) = (got.as_str().unwrap_or(""), wanted.as_str().unwrap_or(""));
            match wanted.len() {
                10 => got.get(..10) == Some(wanted),
                // A time without zone is compared as it stands on the page.
                19 => got.get(..19) == Some(wanted),
                _ => seconds(got).is_some() && seconds(got) == seconds(wanted),
            }
        }
        _ => match (got, wanted) {
            (Value::Number(got), Value::Number(wanted)) => {
                (got.as_f64().unwrap_or(f64::NAN) - wanted.as_f64().unwrap_or(f64::NAN)).abs() < 0.005
            }
            (Value::String(got), Value::String(wanted)) => plain(got) == plain(wanted),
            (got, wanted) => got == wanted,
        },
    }
}

fn all(wanted: &Value, test: impl Fn(&str) -> bool) -> bool {
    wanted.as_array().is_some_and(|wanted| wanted.iter().filter_map(Value::as_str).all(test))
}

/// White space, letter case and a closing full stop don't matter.
pub(crate) fn plain(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    text.trim_end_matches('.').to_owned()
}

/// A picture by its file name, without size and query.
fn picture(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or("");
    let name = path.rsplit('/').next().unwrap_or("");
    name.split("._").next().unwrap_or("").trim_end_matches(".jpg").to_lowercase()
}

/// An address in one spelling of its escapes.
fn address(url: &str) -> String {
    let spelled = url::Url::parse(url).map_or_else(|_| url.to_owned(), String::from);
    spelled.trim_end_matches('/').replace("%20", "+")
}

fn set(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(address).collect()
}

/// An item with the address, and the title and price text where they are expected.
fn has_item(got: &Value, wanted: &Value) -> bool {
    let text = |item: &Value, key: &str| item[key].as_str().map(plain);
    got.as_array().into_iter().flatten().any(|item| {
        item["url"].as_str().map(address) == wanted["url"].as_str().map(address)
            && text(item, "title") == text(wanted, "title")
            && (wanted["priceText"].is_null() || text(item, "priceText") == text(wanted, "priceText"))
    })
}

/// Seconds since 1970 of an ISO 8601 instant; one without zone counts as UTC.
fn seconds(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) =
        (number(11..13).unwrap_or(0), number(14..16).unwrap_or(0), number(17..19).unwrap_or(0));
    let (y, m) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + (153 * m + 2) / 5 + day - 1 - 719_468;
    let zone = text.get(19..).unwrap_or("").trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone.chars().next() {
        Some(sign @ ('+' | '-')) => {
            let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
            let (hours, minutes) = (
                digits.get(..2)?.parse::<i64>().ok()?,
                digits.get(2..4).and_then(|m| m.parse().ok()).unwrap_or(0),
            );
            (hours * 3_600 + minutes * 60) * if sign == '-' { -1 } else { 1 }
        }
        _ => 0,
    };
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second - offset)
}
