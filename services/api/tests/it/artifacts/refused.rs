//! What is refused, and leaves nothing.

use super::{Held, png};
use crate::kit::TestApp;
use axum::body::Body;
use futures::StreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use ukai_api::secret;
use ukai_artifacts::ArtifactConfig;
use ukai_domain::DoneStatus;
use ukai_store::TaskStatus;

fn small(max: u64) -> ArtifactConfig {
    ArtifactConfig { artifact_max_bytes: max, ..ArtifactConfig::default() }
}

/// Nothing is kept: no row, no file.
fn nothing(app: &TestApp) {
    assert_eq!(app.world().artifacts, []);
    let contents = app.folder.path().join("artifacts/sha256");
    assert!(!contents.exists(), "{contents:?}");
}

#[tokio::test]
async fn strangers_and_other_workers_bring_nothing() {
    let held = Held::new(&ArtifactConfig::default());
    let picture = png(10, 10);
    let unknown = secret::mint(secret::WORKER_TOKEN, [9; 32]);
    let tail = format!("{}x", &held.token[..held.token.len() - 1]);
    for token in [&unknown, &tail, &held.token[..16].to_owned(), &String::new()] {
        let answer = held.bring_with(token, "image/png", &picture, "").await;
        answer.expect_error(401, "AUTH_FAILED");
    }
    let other = secret::mint(secret::WORKER_TOKEN, [8; 32]);
    {
        let mut world = held.app.world();
        let id = world.add_worker("other", "idle");
        let row = &mut world.workers.get_mut(&id).expect("just made").row;
        (row.token_prefix, row.token_hash) =
            (Some(secret::prefix(&other).to_owned()), Some(secret::hash(&other)));
    }
    held.bring_with(&other, "image/png", &picture, "").await.expect_error(403, "FORBIDDEN");
    nothing(&held.app);
}

#[tokio::test]
async fn a_run_that_is_over_brings_nothing() {
    let held = Held::new(&ArtifactConfig::default());
    let picture = png(10, 10);
    held.bring("image/png", &picture, "run=2").await.expect_error(409, "CONFLICT");
    held.app.world().tasks.get_mut(&held.task).expect("there").status =
        TaskStatus::Done(DoneStatus::Completed);
    held.bring("image/png", &picture, "").await.expect_error(409, "CONFLICT");
    let nobody = "taskId=01900000-0000-7000-8000-00000000ffff";
    held.bring("image/png", &picture, nobody).await.expect_error(409, "CONFLICT");
    nothing(&held.app);
}

#[tokio::test]
async fn every_wrong_parameter_is_named() {
    let held = Held::new(&ArtifactConfig::default());
    let picture = png(10, 10);
    for (more, field) in [
        ("taskId=", "taskId"),
        ("taskId=..%2F..%2Fetc", "taskId"),
        ("run=", "run"),
        ("run=0", "run"),
        ("run=-1", "run"),
        ("kind=", "kind"),
        ("kind=..%2Fx", "kind"),
        ("kind=Screenshot", "kind"),
        ("sha256=", "sha256"),
        ("sha256=..%2F..%2F..%2Fetc%2Fpasswd", "sha256"),
        ("sha256=BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", "sha256"),
        ("name=a%00b", "name"),
        ("name=a%0Ab", "name"),
    ] {
        let error = held.bring("image/png", &picture, more).await.expect_error(400, "INVALID_PAYLOAD");
        assert_eq!(error["details"][0]["field"], field, "{more}: {error}");
    }
    let other = "sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    held.bring("image/png", &picture, other).await.expect_error(400, "INVALID_PAYLOAD");
    held.bring("image/png", b"", "").await.expect_error(400, "INVALID_PAYLOAD");
    nothing(&held.app);
}

/// A name is for people and never a path.
#[tokio::test]
async fn a_hostile_name_names_no_other_file() {
    let held = Held::new(&ArtifactConfig::default());
    let name = "name=..%2F..%2F%22%3B%20x%3Dy%2Fevil.html";
    let made = held.bring("image/png", &png(10, 10), name).await.expect(201);
    let shown = held.app.get(made["url"].as_str().expect("an address")).await;
    assert_eq!(
        shown.headers["content-disposition"],
        "inline; filename=\".._..____x_y_evil.html\"; filename*=UTF-8''..%2F..%2F%22%3B%20x%3Dy%2Fevil.html"
    );
    let mut left = vec![held.app.folder.path().to_owned()];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            assert!(!path.to_string_lossy().contains("evil"), "{path:?}");
            if path.is_dir() {
                left.push(path);
            }
        }
    }
}

#[tokio::test]
async fn a_content_is_what_it_says() {
    let held = Held::new(&ArtifactConfig::default());
    let page = b"<html><script>alert(1)</script></html>";
    for kind in ["image/png", "image/webp", "image/jpeg"] {
        held.bring(kind, page, "").await.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    for kind in ["image/webp", "image/jpeg", "text/html"] {
        held.bring(kind, &png(10, 10), "").await.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    for kind in ["image/svg+xml", "application/json", "text/javascript", "text/html; charset=utf-7", "x"] {
        held.bring(kind, page, "").await.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    // It begins like a picture and is none.
    let mut polyglot = png(10, 10)[..8].to_vec();
    polyglot.extend_from_slice(page);
    held.bring("image/png", &polyglot, "").await.expect_error(400, "INVALID_PAYLOAD");
    nothing(&held.app);
}

#[tokio::test]
async fn a_picture_that_would_fill_the_memory_is_refused() {
    let held = Held::new(&ArtifactConfig::default());
    let mut bomb = png(8, 8);
    bomb[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    let sum = !bomb[12..29].iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    });
    bomb[29..33].copy_from_slice(&sum.to_be_bytes());
    held.bring("image/png", &bomb, "").await.expect_error(413, "PAYLOAD_TOO_LARGE");
    nothing(&held.app);
}

#[tokio::test]
async fn too_many_bytes_are_refused_as_announced_or_as_they_come() {
    let held = Held::new(&small(2_000));
    let large = vec![b'<'; 2_001];
    held.bring("text/html", &large, "").await.expect_error(413, "PAYLOAD_TOO_LARGE");
    // Without a length, for ever: it is cut off soon after the limit.
    let sent = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&sent);
    let endless = futures::stream::repeat_with(move || {
        count.fetch_add(1_000, Ordering::Relaxed);
        Ok::<_, std::io::Error>(vec![b'<'; 1_000])
    });
    let path = format!("/api/artifacts?{}", held.query(b"x", ""));
    let body = Body::from_stream(endless.boxed());
    held.put(&held.token, "text/html", &path, body).await.expect_error(413, "PAYLOAD_TOO_LARGE");
    assert!(sent.load(Ordering::Relaxed) < 40 << 20, "{sent:?} bytes were read");
    nothing(&held.app);
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing() {
    let held = Held::new(&ArtifactConfig::default());
    let picture = png(100, 100);
    let half = picture[..picture.len() / 2].to_vec();
    let parts = futures::stream::iter([Ok(half), Err(std::io::Error::other("cut"))]);
    let path = format!("/api/artifacts?{}", held.query(&picture, ""));
    let answer = held.put(&held.token, "image/png", &path, Body::from_stream(parts)).await;
    answer.expect_error(400, "INVALID_PAYLOAD");
    nothing(&held.app);
}

#[tokio::test]
async fn a_run_brings_sixteen_files_at_most() {
    let held = Held::new(&ArtifactConfig::default());
    let picture = png(4, 4);
    for n in 0..16 {
        held.bring("image/png", &picture, &format!("name={n}.png")).await.expect(201);
    }
    held.bring("image/png", &picture, "name=16.png").await.expect_error(409, "CONFLICT");
    held.bring("image/png", &picture, "name=3.png").await.expect(201);
}

#[tokio::test]
async fn without_a_leader_or_room_it_says_so_and_goes_on_later() {
    let held = Held::new(&ArtifactConfig::default());
    let picture = png(10, 10);
    held.app.world().leaderless = true;
    held.bring("image/png", &picture, "").await.expect_error(503, "UNAVAILABLE");
    nothing(&held.app);
    held.app.world().leaderless = false;
    // The folder is gone: broken, and not the worker's fault.
    let folder = held.app.folder.path().join("artifacts");
    std::fs::remove_dir_all(&folder).expect("removed");
    std::fs::write(&folder, "in the way").expect("written");
    let answer = held.bring("image/png", &picture, "").await.expect_error(503, "UNAVAILABLE");
    assert!(!answer.to_string().contains("artifacts/"), "no path leaves: {answer}");
    std::fs::remove_file(&folder).expect("removed");
    held.bring("image/png", &picture, "").await.expect(201);
}
