//! Makes a report fit the server's bounds (1 MiB an event, 256 KiB a string, 5,000 keys, 32 levels, no NUL): a result
//! with fewer records is worth more than one that is refused.

use serde_json::Value;

/// A margin below the server's bounds.
const MOST_BYTES: usize = 900 << 10;
const MOST_KEYS: usize = 4_500;
const MOST_TEXT: usize = 200 << 10;
const MOST_DEPTH: usize = 24;

/// What goes first when the whole is too large, least useful first.
const EXPENDABLE: [&str; 3] = ["sources", "links", "records"];

/// Cuts `payload` down; returns its JSON text and whether something was cut.
pub(crate) fn fit(mut payload: Value) -> (String, bool) {
    let mut cut = trim(&mut payload, 0);
    let mut cut_links = 0;
    for name in EXPENDABLE {
        // Halve lists and drop objects until the whole fits.
        while !fits(&payload) {
            let Some(part) = payload.get_mut(name) else { break };
            cut = true;
            match part {
                Value::Array(items) if !items.is_empty() => {
                    let left = items.len() / 2;
                    cut_links += if name == "links" { items.len() - left } else { 0 };
                    items.truncate(left);
                }
                Value::Object(fields) if !fields.is_empty() => fields.clear(),
                _ => break,
            }
        }
    }
    if cut_links > 0 {
        // No link goes without a word.
        let before = payload["linksSkipped"]["cut"].as_u64().unwrap_or(0);
        payload["linksSkipped"]["cut"] = (before + cut_links as u64).into();
    }
    (payload.to_string(), cut)
}

fn fits(payload: &Value) -> bool {
    keys(payload) <= MOST_KEYS && payload.to_string().len() <= MOST_BYTES
}

fn keys(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields.len() + fields.values().map(keys).sum::<usize>(),
        Value::Array(items) => items.iter().map(keys).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Shortens texts, removes NUL, and cuts what lies too deep.
fn trim(value: &mut Value, depth: usize) -> bool {
    match value {
        Value::String(text) => {
            let long = text.len() > MOST_TEXT;
            if long {
                text.truncate(text.floor_char_boundary(MOST_TEXT));
            }
            let nul = text.contains('\0');
            if nul {
                text.retain(|c| c != '\0');
            }
            long || nul
        }
        Value::Array(_) | Value::Object(_) if depth >= MOST_DEPTH => {
            *value = Value::Null;
            true
        }
        Value::Array(items) => items.iter_mut().fold(false, |cut, item| trim(item, depth + 1) | cut),
        Value::Object(fields) => fields.values_mut().fold(false, |cut, field| trim(field, depth + 1) | cut),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{MOST_BYTES, MOST_KEYS, fit, keys};

    #[test]
    fn what_fits_is_left_alone() {
        let payload = json!({"result": {"productTitle": "é"}, "records": [{"a": 1}], "sources": {"x": {}}});
        assert_eq!(fit(payload.clone()), (payload.to_string(), false));
    }

    #[test]
    fn what_does_not_fit_loses_what_matters_least() {
        let many = json!({"result": {"a": 1}, "sources": {"x": 1}, "records": vec![json!({"a": 1, "b": 2, "c": 3}); 5_000]});
        let wide =
            json!({"result": {"a": 1}, "links": vec!["x".repeat(2_000); 1_000], "records": [{"a": 1}]});
        let long = json!({"result": {"a": 1}, "records": vec![json!("é\0".repeat(200_000)); 8]});
        for payload in [many, wide, long] {
            let (text, cut) = fit(payload);
            let fitted: Value = serde_json::from_str(&text).unwrap();
            assert!(cut && text.len() <= MOST_BYTES && keys(&fitted) <= MOST_KEYS);
            assert_eq!(fitted["result"], json!({"a": 1}));
            if let Some(links) = fitted["links"].as_array() {
                assert_eq!(links.len() as u64 + fitted["linksSkipped"]["cut"].as_u64().unwrap(), 1_000);
            }
            assert!(!fitted["records"].as_array().unwrap().is_empty() && !text.contains("\\u0000"));
        }
    }

    #[test]
    fn a_deep_record_is_cut() {
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        let (text, cut) = fit(json!({"records": [deep]}));
        assert!(cut && text.matches('[').count() < 32);
    }
}
