//! From the members of a submission to tasks that the scheduler takes.

use super::{screenshot, target};
use crate::extract::{Errors, Fields};
use serde_json::Value;
use ukai_domain::{CRAWL_KIND, DEFAULT_KIND, MAX_CRAWL_OPTIONS, RUNNABLE_KINDS};
use ukai_rpc::v1;

/// Where the request says nothing.
const DEFAULT_PRIORITY: u32 = 50;
/// The same.
const DEFAULT_MAX_ATTEMPTS: u32 = 3;
/// Bytes of the options as JSON.
const MAX_OPTIONS: usize = 256 * 1024;

/// Everything of a task but its target.
pub(super) fn template(fields: &mut Fields<'_>, errors: &mut Errors) -> v1::NewTask {
    let kind = match fields.take("kind") {
        None => DEFAULT_KIND.to_owned(),
        Some(Value::String(kind)) if RUNNABLE_KINDS.contains(&kind.as_str()) => kind,
        Some(Value::String(_)) => {
            let message = format!("must be a kind that this version can run: {}", RUNNABLE_KINDS.join(", "));
            fields.error("kind", message, errors);
            String::new()
        }
        Some(_) => {
            fields.error("kind", "must be a string", errors);
            String::new()
        }
    };
    let (options, timeout_ms) = options(fields, errors);
    if kind == CRAWL_KIND && options.as_ref().is_some_and(|options| options.len() > MAX_CRAWL_OPTIONS) {
        // Every page that is found has them too.
        fields.error("options", "must have at most 8 KiB for a crawl", errors);
    }
    v1::NewTask {
        kind,
        url: String::new(),
        host: String::new(),
        priority: fields.integer("priority", 0..=100, errors).unwrap_or(DEFAULT_PRIORITY),
        max_attempts: fields.integer("maxAttempts", 1..=3, errors).unwrap_or(DEFAULT_MAX_ATTEMPTS),
        timeout_ms,
        options,
        not_before: fields.time("notBefore", errors).map(|time| time.0),
    }
}

/// One task of an object with `productUrl`.
pub(super) fn task(mut fields: Fields<'_>, allow_private: bool, errors: &mut Errors) -> v1::NewTask {
    let mut task = template(&mut fields, errors);
    if let Some(url) = fields.required("productUrl", errors) {
        match aim(&mut task, url, allow_private) {
            Ok(()) => {}
            Err(message) => fields.error("productUrl", message, errors),
        }
    }
    task
}

/// Sets the target.
pub(super) fn aim(task: &mut v1::NewTask, url: Value, allow_private: bool) -> Result<(), &'static str> {
    let Value::String(url) = url else { return Err("must be a string") };
    task.host = target::check(&url, allow_private)?;
    task.url = url;
    Ok(())
}

/// The known options as JSON text, and the time limit.
fn options(fields: &mut Fields<'_>, errors: &mut Errors) -> (Option<String>, Option<u32>) {
    let Some(value) = fields.take("options") else { return (None, None) };
    let parent = fields.path();
    let path = parent.key("options");
    let Some(mut options) = Fields::of(value, path, errors) else { return (None, None) };
    let timeout_ms = options.integer("timeoutMs", 1_000..=600_000, errors);
    let mut kept = serde_json::Map::new();
    if let Some(wish) = options.take("screenshot")
        && let Some(wish) = screenshot::read(wish, path.key("screenshot"), errors)
    {
        kept.insert("screenshot".to_owned(), wish);
    }
    if let Some(html) = options.boolean("html", errors) {
        kept.insert("html".to_owned(), Value::Bool(html));
    }
    if let Some(recipe) = options.take("recipe") {
        match ukai_extract::check_task_recipe(&recipe) {
            Ok(()) => drop(kept.insert("recipe".to_owned(), recipe)),
            Err(message) => options.error("recipe", message, errors),
        }
    }
    if kept.is_empty() {
        return (None, timeout_ms);
    }
    let kept = Value::Object(kept);
    if contains_nul(&kept) {
        errors.add(path, "must not contain NUL");
        return (None, timeout_ms);
    }
    let text = kept.to_string();
    if text.len() > MAX_OPTIONS {
        errors.add(path, "must have at most 256 KiB");
        return (None, timeout_ms);
    }
    (Some(text), timeout_ms)
}

/// Neither store keeps NUL. Depth is bounded by the parser.
fn contains_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(contains_nul),
        Value::Object(members) => {
            members.iter().any(|(key, value)| key.contains('\0') || contains_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
