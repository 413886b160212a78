//! Paths into JSON: `a.b[0].c`, `a[*].b`, `..likeCount` (anywhere below).

use serde_json::Value;

/// Values looked at by one path.
const MAX_STEPS: usize = 300_000;

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    Each,
    Below(String),
}

impl JsonPath {
    /// Parses a path; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = text.trim();
        rest = rest.strip_prefix('$').unwrap_or(rest);
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("..") {
                let (key, after) = key(after);
                steps.push(Step::Below(key));
                rest = after;
            } else if let Some(after) = rest.strip_prefix('[') {
                let Some((inner, after)) = after.split_once(']') else {
                    return Err("`]` is missing".to_owned());
                };
                steps.push(match inner {
                    "*" => Step::Each,
                    inner if inner.starts_with(['"', '\'']) => {
                        Step::Key(inner.trim_matches(['"', '\'']).to_owned())
                    }
                    inner => Step::Index(inner.parse().map_err(|_| format!("`{inner}` is no index"))?),
                });
                rest = after;
            } else {
                let (key, after) = key(rest.strip_prefix('.').unwrap_or(rest));
                steps.push(Step::Key(key));
                rest = after;
            }
            if matches!(steps.last(), Some(Step::Key(key) | Step::Below(key)) if key.is_empty()) {
                return Err(format!("a key is missing in `{text}`"));
            }
        }
        Ok(JsonPath { steps })
    }

    /// All values at the path, in document order.
    pub(crate) fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut left = MAX_STEPS;
        let mut at = vec![value];
        for step in &self.steps {
            let mut next = Vec::new();
            for value in at {
                match step {
                    Step::Key(key) => next.extend(value.get(key)),
                    Step::Index(index) => next.extend(value.get(index)),
                    Step::Each => next.extend(value.as_array().into_iter().flatten()),
                    Step::Below(key) => below(value, key, &mut next, &mut left),
                }
            }
            at = next;
        }
        at
    }
}

fn key(text: &str) -> (String, &str) {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    (text[..end].to_owned(), &text[end..])
}

fn below<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v Value>, left: &mut usize) {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        match value {
            Value::Object(object) => {
                found.extend(object.get(key));
                let from = open.len();
                open.extend(object.values());
                open[from..].reverse();
            }
            Value::Array(many) => open.extend(many.iter().rev()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
