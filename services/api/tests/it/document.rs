//! The document against the router, path by path.

use crate::kit::{TestApp, request};
use axum::body::Body;
use std::collections::{BTreeMap, BTreeSet};
use ukai_api::openapi::check::actions;

#[tokio::test]
async fn the_served_document_lists_these_actions() {
    let app = TestApp::open();
    let document = app.get("/api/openapi.json").await.expect(200);
    assert_eq!(document["info"]["version"], "1.0.0");
    assert!(document["openapi"].as_str().expect("a version").starts_with("3.1"));
    let mut lines: Vec<String> = actions()
        .into_iter()
        .map(|(method, path, role)| format!("{path} {method} {}", role.as_deref().unwrap_or("open")))
        .collect();
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"));
}

/// Each documented method is served; every other method of the path is 405, so the router has none beside them.
#[tokio::test]
async fn router_and_document_agree_on_every_path_and_method() {
    let app = TestApp::open();
    let mut by_path: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (method, path, _) in actions() {
        by_path.entry(path).or_default().insert(method);
    }
    for (template, methods) in by_path {
        let path =
            template.replace("{id}", "01900000-0000-7000-8000-00000000ffff").replace("{host}", "a.example");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = app.send(request(method, &path).body(Body::empty()).expect("a request")).await;
            if methods.contains(method) {
                assert_ne!(answer.status.as_u16(), 405, "{method} {path}");
                let text = String::from_utf8_lossy(&answer.bytes);
                assert!(!text.contains("no such path"), "{method} {path} is served");
            } else {
                let allow = answer.headers["allow"].to_str().expect("text").to_owned();
                assert!(methods.iter().all(|m| allow.contains(m.as_str())), "{path}: {allow}");
                answer.expect_error(405, "METHOD_NOT_ALLOWED");
            }
        }
    }
}

#[tokio::test]
async fn every_action_is_described() {
    let app = TestApp::open();
    let document = app.get("/api/openapi.json").await.expect(200);
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, action) in item.as_object().expect("actions") {
            let id = action["operationId"].as_str().expect("an id");
            assert!(ids.insert(id.to_owned()), "{id} is unique");
            assert!(!action["summary"].as_str().expect("a summary").is_empty(), "{method} {path}");
            assert!(action["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{method} {path}");
            let parameters = action["parameters"].as_array().cloned().unwrap_or_default();
            let has_key = parameters.iter().any(|p| p["name"] == "Idempotency-Key");
            assert_eq!(has_key, method == "post", "{method} {path}");
            assert!(parameters.iter().all(|p| p["description"].is_string()), "{method} {path}");
        }
    }
}

/// What the reference page shows must say something: each member, or the schema that it refers to.
#[tokio::test]
async fn every_member_is_described() {
    let app = TestApp::open();
    let document = app.get("/api/openapi.json").await.expect(200);
    let schemas = &document["components"]["schemas"];
    let described = |schema: &serde_json::Value| {
        let target = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        schema["description"].is_string()
            || target.is_some_and(|name| schemas[name]["description"].is_string())
    };
    for (name, schema) in schemas.as_object().expect("schemas") {
        assert!(schema["description"].is_string(), "{name}");
        for (member, schema) in schema["properties"].as_object().into_iter().flatten() {
            let nullable = schema["oneOf"].as_array().is_some_and(|forms| forms.iter().any(&described));
            assert!(nullable || described(schema), "{name}.{member}");
        }
    }
}

/// Every schema that is referred to exists.
#[tokio::test]
async fn the_document_is_complete() {
    let app = TestApp::open();
    let document = app.get("/api/openapi.json").await.expect(200);
    let text = document.to_string();
    let refs: BTreeSet<&str> =
        text.split("\"#/components/schemas/").skip(1).filter_map(|s| s.split('"').next()).collect();
    assert!(refs.len() > 15, "{refs:?}");
    for name in refs {
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}
