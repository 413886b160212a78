//! The server's side of `PUT /api/artifacts`, scripted by the tests.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::put,
};
use serde_json::json;

/// A file as it arrived.
#[derive(Clone)]
pub struct Brought {
    pub query: HashMap<String, String>,
    pub content_type: String,
    pub authorization: String,
    pub bytes: Bytes,
}

/// What a request is answered.
#[derive(Clone, Copy)]
pub enum Told {
    /// This status, with the code.
    Status(u16, &'static str),
    /// Nothing, ever.
    Silence,
    /// As a server that knows no files.
    Unknown,
}

#[derive(Default)]
struct Script {
    brought: Vec<Brought>,
    told: VecDeque<Told>,
    /// After the others.
    always: Option<Told>,
}

/// What was brought, and what comes next.
#[derive(Clone, Default)]
pub struct Files(Arc<Mutex<Script>>);

impl Files {
    pub fn routes(&self) -> Router {
        let limit = DefaultBodyLimit::max(64 << 20);
        Router::new().route("/api/artifacts", put(answer)).layer(limit).with_state(self.clone())
    }

    pub fn brought(&self) -> Vec<Brought> {
        self.0.lock().unwrap().brought.clone()
    }

    /// The next requests are answered so; further ones are taken.
    pub fn tell(&self, told: &[Told]) {
        self.0.lock().unwrap().told.extend(told);
    }

    /// From now on all are answered so.
    pub fn tell_all(&self, told: Option<Told>) {
        self.0.lock().unwrap().always = told;
    }
}

async fn answer(
    State(files): State<Files>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let brought = Brought {
        content_type: header("content-type"),
        authorization: header("authorization"),
        query,
        bytes,
    };
    let told = {
        let mut script = files.0.lock().unwrap();
        script.brought.push(brought.clone());
        script.told.pop_front().or(script.always)
    };
    match told {
        None => (StatusCode::CREATED, Json(kept(&brought))).into_response(),
        Some(Told::Silence) => std::future::pending().await,
        Some(Told::Unknown) => (StatusCode::NOT_FOUND, "<html>nothing here").into_response(),
        Some(Told::Status(status, code)) => {
            let body = json!({"code": code, "message": "as told", "timestamp": "2026-01-01T00:00:00Z"});
            (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
        }
    }
}

fn kept(brought: &Brought) -> serde_json::Value {
    json!({
        "id": "5b1f2c3d-0000-8000-8000-000000000001", "taskId": brought.query["taskId"], "run": 1,
        "kind": brought.query["kind"], "contentType": brought.content_type, "size": brought.bytes.len(),
        "sha256": brought.query["sha256"], "width": 10, "height": 20,
        "url": "/api/artifacts/5b1f2c3d-0000-8000-8000-000000000001",
        "thumbnailUrl": "/api/artifacts/5b1f2c3d-0000-8000-8000-000000000001/thumbnail",
        "createdAt": "2026-01-01T00:00:00.000Z",
    })
}
