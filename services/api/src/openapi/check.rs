//! For tests: holds recorded answers against the document.
#![allow(clippy::panic, clippy::expect_used, reason = "a test kit fails by panicking")]

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// [`assert_documented`] for a request's own path. Answers to paths or methods that the document doesn't have must be
/// errors of the one shape.
pub fn assert_answer(method: &str, path: &str, status: u16, body: &[u8]) {
    match template(method, path) {
        Some(template) => assert_documented(method, &template, status, body),
        None => {
            assert!(matches!(status, 404 | 405), "{method} {path} isn't documented and answers {status}");
            let body = serde_json::from_slice(body).expect("an error is JSON");
            validate(
                &json!({ "$ref": "#/components/schemas/Error" }),
                &body,
                &format!("{method} {path} {status}"),
            );
        }
    }
}

/// The documented action that a path belongs to; one without parameters wins.
fn template(method: &str, path: &str) -> Option<String> {
    let fits = |template: &str| {
        let (mut a, mut b) = (template.split('/'), path.split('/'));
        loop {
            match (a.next(), b.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a == b || (a.starts_with('{') && !b.is_empty()) => {}
                _ => return false,
            }
        }
    };
    let actions = actions();
    let path = actions.iter().map(|(_, path, _)| path).filter(|t| fits(t)).min_by_key(|t| t.contains('{'))?;
    actions.iter().any(|(m, p, _)| m == method && p == path).then(|| path.clone())
}

/// Panics unless the document has the action, the status and an `application/json` schema that `body` matches; an
/// empty body must be documented as none. Members that the document doesn't name are an error too.
///
/// `path` is the template, like `/api/tasks/{id}`.
pub fn assert_documented(method: &str, path: &str, status: u16, body: &[u8]) {
    let document = document();
    let action = &document["paths"][path][method.to_ascii_lowercase()];
    assert!(action.is_object(), "{method} {path} is not in the document");
    let response = &action["responses"][status.to_string()];
    assert!(
        response.is_object(),
        "{method} {path} doesn't document {status}: {}",
        String::from_utf8_lossy(body)
    );
    let schema = &response["content"]["application/json"]["schema"];
    if body.is_empty() {
        assert!(schema.is_null(), "{method} {path} {status} documents a body");
        return;
    }
    assert!(!schema.is_null(), "{method} {path} {status} documents no body");
    let body: Value = serde_json::from_slice(body).expect("the body is JSON");
    validate(schema, &body, &format!("{method} {path} {status}"));
}

fn validate(schema: &Value, body: &Value, what: &str) {
    let validator = validator(schema);
    let errors: Vec<String> =
        validator.iter_errors(body).map(|error| format!("at {}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {}\n{body:#}", errors.join("\n"));
}

/// Compiled once a schema.
fn validator(schema: &Value) -> Arc<Validator> {
    static COMPILED: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = compiled.entry(schema.to_string()).or_insert_with(|| {
        let schema = json!({ "components": document()["components"], "allOf": [schema] });
        let options =
            jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
        Arc::new(options.build(&schema).expect("the document's schemas are valid"))
    });
    Arc::clone(entry)
}

/// Method, path and role (`None`: open) of every action.
#[must_use]
pub fn actions() -> Vec<(String, String, Option<String>)> {
    let paths = document()["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().into_iter().flatten().map(move |(method, action)| (path, method, action))
        })
        .map(|(path, method, action)| {
            (method.to_ascii_uppercase(), path.clone(), action["x-role"].as_str().map(str::to_owned))
        })
        .collect()
}

/// The document with its objects closed, so that an undocumented member is seen.
fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let mut document: Value =
            serde_json::from_slice(&super::document_json()).expect("the document is JSON");
        if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
            schemas.values_mut().filter_map(Value::as_object_mut).for_each(close);
        }
        document
    })
}

fn close(schema: &mut Map<String, Value>) {
    if schema.contains_key("properties") {
        schema.entry("additionalProperties").or_insert(Value::Bool(false));
    }
}
