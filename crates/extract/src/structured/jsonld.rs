//! JSON-LD, also where it is not quite JSON.

use serde_json::Value;

use super::thing::Thing;
use crate::extraction::Layer;
use crate::html::Document;

/// Items of one page beyond this number are dropped.
const MAX_THINGS: usize = 2_000;
/// Items inside of items are looked at down to this depth.
const MAX_DEPTH: usize = 8;

/// The items of all scripts, outer before inner.
pub(super) fn things(document: &Document<'_>) -> Vec<Thing> {
    let mut things = Vec::new();
    for script in document.named("script") {
        let kind = document.attr(*script, "type").unwrap_or_default();
        if !kind.trim().to_ascii_lowercase().starts_with("application/ld+json") {
            continue;
        }
        for value in parse(document.raw_text(*script)) {
            flatten(value, &mut things);
        }
    }
    things
}

/// The script's JSON; comments, control characters, lost commas and semicolons are forgiven.
fn parse(text: &str) -> Vec<Value> {
    let trimmed = text
        .trim()
        .trim_start_matches("<!--")
        .trim_end_matches("-->")
        .trim()
        .trim_start_matches("//<![CDATA[")
        .trim_start_matches("/*<![CDATA[*/")
        .trim_start_matches("<![CDATA[")
        .trim_end_matches("/*]]>*/")
        .trim_end_matches("//]]>")
        .trim_end_matches("]]>")
        .trim()
        .trim_end_matches(';');
    if let Ok(value) = serde_json::from_str(trimmed) {
        return vec![value];
    }
    let repaired = repair(trimmed);
    let mut out = Vec::new();
    for value in serde_json::Deserializer::from_str(&repaired).into_iter::<Value>().take(64) {
        match value {
            Ok(value) => out.push(value),
            Err(_) => break,
        }
    }
    if out.is_empty() && repaired.contains("&quot;") {
        out.extend(serde_json::from_str(&crate::html::decode(&repaired, false)).ok());
    }
    out
}

/// Drops comments outside of strings and commas in front of a closing bracket; escapes raw line breaks in strings.
fn repair(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut in_string = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if in_string => match chars.next() {
                Some(next @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u')) => {
                    out.push(c);
                    out.push(next);
                }
                Some(next) => out.push(next),
                None => {}
            },
            '"' => {
                in_string = !in_string;
                out.push(c);
            }
            '\n' | '\r' | '\t' if in_string => out.push(' '),
            c if c.is_control() => out.push(' '),
            '/' if !in_string && chars.peek() == Some(&'/') => {
                while chars.next_if(|c| *c != '\n').is_some() {}
            }
            '/' if !in_string && chars.peek() == Some(&'*') => {
                chars.next();
                let mut last = ' ';
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            '}' | ']' if !in_string => {
                out.truncate(out.trim_end().len());
                if out.ends_with(',') {
                    out.pop();
                }
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.trim_end_matches([';', ' ']).to_owned()
}

/// Items, breadth first: graphs and lists are opened, and items inside of items follow as nested ones.
fn flatten(value: Value, things: &mut Vec<Thing>) {
    let mut queue = std::collections::VecDeque::from([(value, false, 0)]);
    while let Some((value, nested, depth)) = queue.pop_front() {
        if things.len() >= MAX_THINGS {
            return;
        }
        match value {
            Value::Array(many) => queue.extend(many.into_iter().map(|value| (value, nested, depth))),
            Value::Object(mut object) => {
                if let Some(graph) = object.remove("@graph") {
                    queue.push_back((graph, nested, depth));
                }
                for (key, inner) in object.iter().filter(|_| depth < MAX_DEPTH) {
                    // A page's main item counts as one of the page itself.
                    let nested =
                        nested || !matches!(key.as_str(), "mainEntity" | "mainEntityOfPage" | "about");
                    match inner {
                        Value::Object(_) => queue.push_back((inner.clone(), nested, depth + 1)),
                        Value::Array(many) if many.iter().any(Value::is_object) => {
                            queue.push_back((inner.clone(), nested, depth + 1));
                        }
                        _ => {}
                    }
                }
                if object.contains_key("@type") {
                    things.push(Thing { layer: Layer::JsonLd, nested, value: Value::Object(object) });
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
