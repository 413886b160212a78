//! Bodies that nobody thought of: each is answered with what the document has, never with a failure of ours.

use crate::kit::{TestApp, request, with_json};
use axum::body::Body;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::sync::LazyLock;

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "(https?|ftp)://[a-z0-9.:@\\[\\]%-]{0,20}/.{0,5}".prop_map(Value::from),
        (0..120_i64).prop_map(Value::from),
        Just(Value::from("scrape")),
        Just(Value::from("2026-02-01T12:00:00Z")),
    ]
}

fn member() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(
            &[
                "productUrl",
                "priority",
                "kind",
                "maxAttempts",
                "notBefore",
                "jobId",
                "options",
                "screenshot",
                "html",
                "recipe",
                "timeoutMs",
                "tasks",
                "productUrls",
                "name",
                "weight",
                "rateLimit",
                "minDelayMs",
                "maxDelayMs",
                "headless",
                "minIntervalMs",
                "maxConcurrency",
            ][..]
        )
        .prop_map(str::to_owned),
        any::<String>(),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(member(), inner, 0..8).prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

const TARGETS: [(&str, &str); 6] = [
    ("POST", "/api/tasks"),
    ("POST", "/api/tasks/batch"),
    ("POST", "/api/jobs"),
    ("POST", "/api/workers"),
    ("PATCH", "/api/workers/01900000-0000-7000-8000-00000000ffff/config"),
    ("PUT", "/api/hosts/a.example"),
];

/// One for all cases: it only grows.
static APP: LazyLock<TestApp> = LazyLock::new(TestApp::open);

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_answered(body in document()) {
        run(async {
            for (method, path) in TARGETS {
                let answer = APP.send(with_json(request(method, path), &body)).await;
                let status = answer.status.as_u16();
                assert!(matches!(status, 200 | 201 | 400 | 404), "{method} {path} {body}: {status}");
            }
        });
    }

    #[test]
    fn any_bytes_are_answered(body in vec(any::<u8>(), 0..200)) {
        run(async {
            for (method, path) in TARGETS {
                let builder = request(method, path).header("content-type", "application/json");
                let answer = APP.send(builder.body(Body::from(body.clone())).expect("a request")).await;
                assert_eq!(answer.status.as_u16(), 400);
            }
        });
    }

    #[test]
    fn any_query_is_answered(key in member(), value in any::<String>()) {
        run(async {
            let pair = url::form_urlencoded::Serializer::new(String::new()).append_pair(&key, &value).finish();
            for path in ["/api/tasks", "/api/jobs", "/api/workers", "/api/events"] {
                let answer = APP.get(&format!("{path}?{pair}")).await;
                assert!(matches!(answer.status.as_u16(), 200 | 400 | 404), "{path}?{pair}");
            }
        });
    }
}
