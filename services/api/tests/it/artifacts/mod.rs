//! Files of workers: who may bring them, what is taken, how they are shown.

mod live;
mod refused;
mod shown;

use crate::fake::NOW;
use crate::kit::{Answer, ENROLMENT, TestApp, request};
use axum::body::Body;
use std::io::Cursor;
use ukai_api::{AuthMode, Limits, secret};
use ukai_artifacts::{ArtifactConfig, Sha256};
use ukai_domain::{JobKind, Run, TaskId, WorkerId};
use ukai_store::TaskStatus;

/// A task that is at a worker.
pub(crate) struct Held {
    pub(crate) app: TestApp,
    pub(crate) task: TaskId,
    pub(crate) worker: WorkerId,
    pub(crate) token: String,
}

impl Held {
    pub(crate) fn new(artifacts: &ArtifactConfig) -> Self {
        Self::with(artifacts, Limits::default())
    }

    pub(crate) fn with(artifacts: &ArtifactConfig, limits: Limits) -> Self {
        let app = TestApp::with_artifacts(AuthMode::Off, limits, artifacts);
        let token = secret::mint(secret::WORKER_TOKEN, [7; 32]);
        let (task, worker) = {
            let mut world = app.world();
            let worker = world.add_worker("one", "busy");
            let row = &mut world.workers.get_mut(&worker).expect("just made").row;
            (row.token_prefix, row.token_hash) =
                (Some(secret::prefix(&token).to_owned()), Some(secret::hash(&token)));
            let job = world.add_job("job", JobKind::Scrape, 1);
            let task = world.add_task(job, "https://shop.example/1", TaskStatus::Running);
            world.tasks.get_mut(&task).expect("just made").worker = Some(worker);
            world.workers.get_mut(&worker).expect("just made").current_tasks = vec![task];
            (task, worker)
        };
        Self { app, task, worker, token }
    }

    /// Brings `bytes` as run 1, with changes of the query.
    pub(crate) async fn bring(&self, content_type: &str, bytes: &[u8], more: &str) -> Answer {
        self.bring_with(&self.token, content_type, bytes, more).await
    }

    pub(crate) async fn bring_with(&self, token: &str, kind: &str, bytes: &[u8], more: &str) -> Answer {
        let path = format!("/api/artifacts?{}", self.query(bytes, more));
        self.put(token, kind, &path, Body::from(bytes.to_vec())).await
    }

    pub(crate) async fn put(&self, token: &str, kind: &str, path: &str, body: Body) -> Answer {
        let request = request("PUT", path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", kind);
        self.app.send(request.body(body).expect("a request")).await
    }

    /// What an upload of `bytes` says; `more` replaces parameters, an empty value leaves one out.
    pub(crate) fn query(&self, bytes: &[u8], more: &str) -> String {
        let mut pairs = vec![
            ("taskId".to_owned(), self.task.to_string()),
            ("run".to_owned(), "1".to_owned()),
            ("kind".to_owned(), "screenshot".to_owned()),
            ("sha256".to_owned(), Sha256::of(bytes).to_string()),
        ];
        for pair in more.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').expect("a pair");
            pairs.retain(|(known, _)| known != key);
            if !value.is_empty() {
                pairs.push((key.to_owned(), value.to_owned()));
            }
        }
        pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
    }
}

/// A picture of so many pixels.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        let level = u8::try_from((x * 7 + y * 3) % 251).unwrap_or_default();
        image::Rgb([level, 80, 255 - level])
    });
    let mut out = Cursor::new(Vec::new());
    image::DynamicImage::ImageRgb8(picture).write_to(&mut out, image::ImageFormat::Png).expect("a picture");
    out.into_inner()
}

#[tokio::test]
async fn a_worker_brings_a_screenshot_of_its_run() {
    let held = Held::new(&ArtifactConfig::default());
    let picture = png(1_366, 900);
    let made = held.bring("image/png", &picture, "name=shop%20%C3%BC.png").await.expect(201);
    let (task, worker) = (held.task, held.worker);
    let id = made["id"].as_str().expect("an id").to_owned();
    let want = serde_json::json!({
        "id": id, "taskId": task, "run": 1, "workerId": worker, "kind": "screenshot", "name": "shop ü.png",
        "contentType": "image/png", "size": picture.len(), "sha256": Sha256::of(&picture).to_string(),
        "width": 1_366, "height": 900, "url": format!("/api/artifacts/{id}"),
        "thumbnailUrl": format!("/api/artifacts/{id}/thumbnail"), "createdAt": NOW.to_rfc3339(),
    });
    assert_eq!(made, want);
    let shown = held.app.get(&format!("/api/artifacts/{id}")).await;
    assert_eq!((shown.status.as_u16(), &shown.bytes), (200, &picture));
    let small = held.app.get(&format!("/api/artifacts/{id}/thumbnail")).await;
    assert_eq!(small.headers["content-type"], "image/webp");
    let small = image::load_from_memory_with_format(&small.bytes, image::ImageFormat::WebP).expect("a WebP");
    assert_eq!((small.width(), small.height()), (320, 210));
    // The same again is the same artifact, also later.
    held.app.world().artifacts[0].created_at.0 -= 5_000;
    let again = held.bring("image/png", &picture, "name=shop%20%C3%BC.png").await.expect(201);
    assert_eq!((&again["id"], held.app.world().artifacts.len()), (&made["id"], 1));
    assert_ne!(again["createdAt"], made["createdAt"]);
    let page = b"<!doctype html><h1>Shop</h1>";
    let html = held.bring("text/html; charset=utf-8", page, "kind=html").await.expect(201);
    assert_eq!((&html["name"], &html["thumbnailUrl"]), (&"html.html".into(), &serde_json::Value::Null));
    let list = held.app.get(&format!("/api/tasks/{task}/artifacts")).await.expect(200);
    assert_eq!((&list["total"], &list["items"][0], &list["items"][1]), (&2.into(), &html, &again));
    let second = held.app.get(&format!("/api/tasks/{task}/artifacts?page=2&limit=1")).await.expect(200);
    assert_eq!((&second["items"][0]["id"], &second["limit"]), (&made["id"], &1.into()));
}

#[tokio::test]
async fn addresses_may_be_of_a_content_delivery_network() {
    let base = Some("https://cdn.example/ukai/".parse().expect("an address"));
    let held = Held::new(&ArtifactConfig { artifact_base_url: base, ..ArtifactConfig::default() });
    let made = held.bring("image/png", &png(400, 300), "").await.expect(201);
    let hash = made["sha256"].as_str().expect("a hash");
    let want = format!("https://cdn.example/ukai/sha256/{}/{}/{hash}", &hash[..2], &hash[2..4]);
    assert_eq!(made["url"], want);
    let small = made["thumbnailUrl"].as_str().expect("an address");
    assert!(small.starts_with("https://cdn.example/ukai/sha256/"), "{small}");
    // This server shows it all the same.
    let id = made["id"].as_str().expect("an id");
    held.app.get(&format!("/api/artifacts/{id}/thumbnail")).await;
    assert_eq!(held.app.get(&format!("/api/artifacts/{id}")).await.status.as_u16(), 200);
}

#[tokio::test]
async fn an_enrolled_worker_brings_files_in_its_own_name_alone() {
    let held = Held::new(&ArtifactConfig::default());
    let picture = png(10, 10);
    let named = format!("workerId={}", held.worker);
    // That worker has a token of its own: the enrolment token doesn't speak for it.
    held.bring_with(ENROLMENT, "image/png", &picture, &named).await.expect_error(403, "FORBIDDEN");
    held.bring_with(ENROLMENT, "image/png", &picture, "").await.expect_error(400, "INVALID_PAYLOAD");
    held.app.world().workers.get_mut(&held.worker).expect("there").row.token_hash = None;
    held.bring_with(ENROLMENT, "image/png", &picture, &named).await.expect(201);
    held.bring_with(&held.token, "image/png", &picture, &named).await.expect_error(401, "AUTH_FAILED");
    assert_eq!(held.app.world().artifacts[0].run, Run(1));
}
