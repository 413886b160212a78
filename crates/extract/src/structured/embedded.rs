//! JSON that a page's scripts carry: `window.__STATE__ = {…}`, `<script type="application/json">`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value;

use crate::html::Document;

/// Characters between the marker and the JSON.
const MAX_GAP: usize = 200;

/// The page's scripts, and what was already read from them.
#[derive(Default)]
pub(crate) struct Embedded {
    read: RefCell<HashMap<String, Option<Rc<Value>>>>,
}

impl Embedded {
    /// The first JSON object or array behind the marker in a script (or the body of the script whose id or type
    /// is the marker).
    pub(crate) fn get(&self, document: &Document<'_>, marker: &str) -> Option<Rc<Value>> {
        if let Some(known) = self.read.borrow().get(marker) {
            return known.clone();
        }
        let value = find(document, marker).map(Rc::new);
        self.read.borrow_mut().insert(marker.to_owned(), value.clone());
        value
    }
}

fn find(document: &Document<'_>, marker: &str) -> Option<Value> {
    if marker.is_empty() {
        return None;
    }
    for script in document.named("script") {
        let text = document.raw_text(*script);
        if (document.id(*script) == marker
            || document.attr(*script, "data-name").is_some_and(|name| name == marker))
            && let Some(value) = parse_prefix(text.trim_start().trim_start_matches("<!--"))
        {
            return Some(value);
        }
        for (at, _) in text.match_indices(marker).take(20) {
            let rest = &text[at + marker.len()..];
            let start = rest.char_indices().take(MAX_GAP).find(|(_, c)| matches!(c, '{' | '[' | ';'));
            if let Some((start, '{' | '[')) = start
                && let Some(value) = parse_prefix(&rest[start..])
            {
                return Some(value);
            }
        }
    }
    None
}

/// The JSON at the start of the text, whatever follows.
fn parse_prefix(text: &str) -> Option<Value> {
    let value = serde_json::Deserializer::from_str(text).into_iter::<Value>().next()?.ok()?;
    (value.is_object() || value.is_array()).then_some(value)
}
