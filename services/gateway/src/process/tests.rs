//! What the gateway's own address answers beside sockets.

use super::*;
use axum::body::Body;
use http::StatusCode;
use tower::ServiceExt;
use ukai_bus::LocalBus;
use ukai_domain::Timestamp;
use ukai_store::sqlite::SqliteStore;
use ukai_store::{ApiKeyRow, KeyRole, Store};

const KEY: &str = "uka_0123456789ab_secretsecret";

async fn asked(routes: &axum::Router, method: &str, path: &str, key: &str) -> (StatusCode, String, String) {
    let mut request = http::Request::builder().method(method).uri(path);
    if !key.is_empty() {
        request = request.header("authorization", key);
    }
    let answer = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let asks =
        answer.headers().get("www-authenticate").map_or("", |value| value.to_str().unwrap()).to_owned();
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let code = serde_json::from_slice::<serde_json::Value>(&body);
    let code = code.ok().and_then(|body| {
        assert!(body["code"].is_null() || body["message"].is_string() && body["timestamp"].is_string());
        body["code"].as_str().map(str::to_owned)
    });
    (status, code.unwrap_or_default(), asks)
}

#[tokio::test]
async fn refusals_have_the_shape_of_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let row = ApiKeyRow {
        id: uuid::Uuid::now_v7(),
        name: "looks".to_owned(),
        role: KeyRole::Viewer,
        prefix: secret::prefix(KEY).to_owned(),
        hash: secret::hash(KEY),
        created_at: Timestamp(0),
        revoked_at: None,
    };
    store.put_api_key(row).await.unwrap();
    let reads: Arc<dyn Reads> = store;
    let mut registry = Registry::default();
    let gateway =
        Gateway::new(Config::default(), Arc::new(LocalBus::new()), Arc::clone(&reads), &mut registry);
    let routes = routes(&gateway, &Health::new("1", &[], registry), reads);
    let (lower, wrong) = (format!("bearer {KEY}"), format!("Bearer {KEY}x"));
    for (method, path, key, status, code, asks) in [
        ("GET", "/metrics", "", 401, "AUTH_FAILED", "Bearer"),
        ("GET", "/metrics", &wrong, 401, "AUTH_FAILED", "Bearer"),
        ("GET", "/metrics", &lower, 200, "", ""),
        ("GET", "/healthz", "", 200, "", ""),
        ("POST", "/healthz", "", 405, "METHOD_NOT_ALLOWED", ""),
        ("GET", "/nowhere", "", 404, "NOT_FOUND", ""),
    ] {
        let (got, said, shown) = asked(&routes, method, path, key).await;
        assert_eq!(
            (got.as_u16(), said.as_str(), shown.as_str()),
            (status, code, asks),
            "{method} {path} {key}"
        );
    }
}
