//! Speaks HTTP to the router in process and holds every answer against the document.

use crate::fake::{FakeReads, FakeScheduler, NOW, Shared, World};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard};
use tower::ServiceExt;
use ukai_api::openapi::check::assert_answer;
use ukai_api::{ApiMetrics, ApiState, AuthMode, Limits, router, secret};
use ukai_artifacts::ArtifactConfig;
use ukai_boot::trace::Tracer;
use ukai_boot::{Health, Registry};
use ukai_rpc::scheduler_over;
use ukai_rpc::v1::scheduler_server::SchedulerServer;
use ukai_store::{ApiKeyRow, KeyRole};

/// The token with which workers register themselves.
pub(crate) const ENROLMENT: &str = "an enrolment token of the tests";

/// The router over a fresh world.
pub(crate) struct TestApp {
    router: axum::Router,
    world: Shared,
    pub(crate) health: Health,
    /// Where artifacts lie.
    pub(crate) folder: tempfile::TempDir,
}

/// An answer that the document has.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("a JSON body")
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        assert_eq!(body["code"], code, "{body}");
        body
    }
}

impl TestApp {
    /// Without authentication.
    pub(crate) fn open() -> Self {
        Self::new(AuthMode::Off, Limits::default())
    }

    pub(crate) fn new(auth: AuthMode, limits: Limits) -> Self {
        Self::with_artifacts(auth, limits, &ArtifactConfig::default())
    }

    pub(crate) fn with_artifacts(auth: AuthMode, limits: Limits, artifacts: &ArtifactConfig) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let artifacts = artifacts.open(Some(folder.path())).expect("a store");
        let world = Arc::new(Mutex::new(World::default()));
        let mut registry = Registry::default();
        let metrics = ApiMetrics::register(&mut registry);
        let health = Health::new(ukai_api::openapi::API_VERSION, &["store"], registry);
        let server =
            SchedulerServer::new(FakeScheduler(Arc::clone(&world))).max_decoding_message_size(64 << 20);
        let state = ApiState {
            reads: Arc::new(FakeReads(Arc::clone(&world))),
            scheduler: scheduler_over(server),
            auth,
            clock: Arc::new(|| NOW),
            artifacts,
            enroll_token: Some(ENROLMENT.to_owned()),
            limits,
            metrics,
            health: Some(health.clone()),
            tracer: Tracer::default(),
        };
        Self { router: router(state), world, health, folder }
    }

    /// The store of contents, and what knows which are named.
    pub(crate) fn contents(&self) -> (ukai_artifacts::Artifacts, Arc<dyn ukai_store::Reads>) {
        let artifacts = ArtifactConfig::default().open(Some(self.folder.path())).expect("a store");
        (artifacts, Arc::new(FakeReads(Arc::clone(&self.world))))
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no test panicked")
    }

    /// Adds a key of the role and returns it.
    pub(crate) fn key(&self, role: KeyRole) -> String {
        let mut world = self.world();
        let id = world.id();
        let key = secret::mint(secret::API_KEY, [u8::try_from(world.keys.len() + 1).expect("few"); 32]);
        world.keys.push(ApiKeyRow {
            id,
            name: role.as_str().to_owned(),
            role,
            prefix: secret::prefix(&key).to_owned(),
            hash: secret::hash(&key),
            created_at: NOW,
            revoked_at: None,
        });
        key
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(request("DELETE", path).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(with_json(request(method, path), body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, body).await
    }

    /// Sends it and checks the answer against the document, where it is JSON or empty.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let method = request.method().to_string();
        let path = request.uri().path().to_owned();
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes().to_vec();
        let json = parts.headers.get("content-type").is_some_and(|kind| kind == "application/json");
        if json || bytes.is_empty() {
            assert_answer(&method, &path, parts.status.as_u16(), &bytes);
        }
        Answer { status: parts.status, headers: parts.headers, bytes }
    }
}

pub(crate) fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path)
}

pub(crate) fn with_json(builder: axum::http::request::Builder, body: &Value) -> Request<Body> {
    builder.header("content-type", "application/json").body(Body::from(body.to_string())).expect("a request")
}
