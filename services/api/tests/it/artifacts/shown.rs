//! How files are shown: headers, ranges, what is there already; and how they go.

use super::{Held, png};
use crate::kit::{Answer, request};
use axum::body::Body;
use serde_json::Value;
use std::time::Duration;
use ukai_artifacts::ArtifactConfig;

async fn ask(held: &Held, made: &Value, headers: &[(&str, &str)]) -> Answer {
    let mut builder = request("GET", made["url"].as_str().expect("an address"));
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    held.app.send(builder.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_strangers_page_can_do_nothing() {
    let held = Held::new(&ArtifactConfig::default());
    let page = b"<html><script>alert(1)</script></html>";
    let html = held.bring("text/html", page, "kind=html").await.expect(201);
    let picture = held.bring("image/png", &png(10, 10), "").await.expect(201);
    for (made, kind, disposition) in [
        (&html, "text/html; charset=utf-8", "attachment; filename=\"html.html\""),
        (&picture, "image/png", "inline; filename=\"screenshot.png\""),
    ] {
        let shown = ask(&held, made, &[]).await;
        let header = |name: &str| shown.headers[name].to_str().expect("text").to_owned();
        assert_eq!(header("content-type"), kind);
        assert!(header("content-disposition").starts_with(disposition));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("content-security-policy"), "sandbox; default-src 'none'");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(header("cache-control"), "private, max-age=31536000, immutable");
        assert_eq!(header("content-length"), made["size"].to_string());
        assert_eq!(header("etag"), format!("\"{}\"", made["sha256"].as_str().expect("a hash")));
    }
}

#[tokio::test]
async fn parts_of_it() {
    let held = Held::new(&ArtifactConfig::default());
    let picture = png(100, 100);
    let size = picture.len();
    let made = held.bring("image/png", &picture, "").await.expect(201);
    for (range, first, last) in
        [("bytes=0-9", 0, 9), ("bytes=10-", 10, size - 1), ("bytes=-7", size - 7, size - 1)]
    {
        let part = ask(&held, &made, &[("range", range)]).await;
        assert_eq!(part.status.as_u16(), 206, "{range}");
        assert_eq!(part.headers["content-range"], format!("bytes {first}-{last}/{size}"));
        assert_eq!(part.bytes, picture[first..=last], "{range}");
        assert_eq!(part.headers["content-security-policy"], "sandbox; default-src 'none'");
    }
    let outside = ask(&held, &made, &[("range", "bytes=999999-")]).await;
    assert_eq!((outside.status.as_u16(), outside.bytes.len()), (416, 0));
    assert_eq!(outside.headers["content-range"], format!("bytes */{size}"));
    let etag = format!("\"{}\"", made["sha256"].as_str().expect("a hash"));
    for (condition, status) in [(etag.as_str(), 206), ("\"another\"", 200)] {
        let part = ask(&held, &made, &[("range", "bytes=0-9"), ("if-range", condition)]).await;
        assert_eq!(part.status.as_u16(), status, "{condition}");
    }
    for (condition, status) in [(etag.as_str(), 304), ("\"a\", *", 304), ("\"another\"", 200)] {
        let shown = ask(&held, &made, &[("if-none-match", condition)]).await;
        assert_eq!(shown.status.as_u16(), status, "{condition}");
        assert_eq!(shown.bytes.is_empty(), status == 304);
    }
    let weak = format!("W/{etag}");
    assert_eq!(ask(&held, &made, &[("if-none-match", &weak)]).await.status.as_u16(), 304);
}

#[tokio::test]
async fn what_is_not_there() {
    let held = Held::new(&ArtifactConfig::default());
    let nobody = "01900000-0000-7000-8000-00000000ffff";
    for path in [
        format!("/api/artifacts/{nobody}"),
        format!("/api/artifacts/{nobody}/thumbnail"),
        "/api/artifacts/..%2f..%2fetc%2fpasswd".to_owned(),
        "/api/artifacts/x".to_owned(),
    ] {
        held.app.get(&path).await.expect_error(404, "NOT_FOUND");
    }
    held.app.get(&format!("/api/tasks/{nobody}/artifacts")).await.expect_error(404, "TASK_NOT_FOUND");
    let empty = held.app.get(&format!("/api/tasks/{}/artifacts", held.task)).await.expect(200);
    assert_eq!(empty["items"], serde_json::json!([]));
    let html = held.bring("text/html", b"<p>no picture</p>", "kind=html").await.expect(201);
    let id = html["id"].as_str().expect("an id");
    held.app.get(&format!("/api/artifacts/{id}/thumbnail")).await.expect_error(404, "NOT_FOUND");
    // Its row is there, its content was taken away.
    std::fs::remove_dir_all(held.app.folder.path().join("artifacts/sha256")).expect("removed");
    held.app.get(&format!("/api/artifacts/{id}")).await.expect_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn contents_go_some_time_after_their_rows() {
    let held = Held::new(&ArtifactConfig::default());
    let made = held.bring("text/html", b"<p>one</p>", "kind=html").await.expect(201);
    held.bring("text/html", b"<p>other</p>", "kind=html").await.expect(201);
    let hash = made["sha256"].as_str().expect("a hash").to_owned();
    let root = held.app.folder.path().join("artifacts/sha256");
    let path = |hash: &str| root.join(&hash[..2]).join(&hash[2..4]).join(hash);
    let hashes: Vec<_> = held.app.world().artifacts.iter().map(|row| row.sha256.clone()).collect();
    let old = std::time::SystemTime::now() - Duration::from_secs(2 * 86_400);
    for hash in &hashes {
        let file = std::fs::File::options().append(true).open(path(hash)).expect("a content");
        file.set_modified(old).expect("a time");
    }
    held.app.world().artifacts.retain(|row| row.sha256 != hash);
    let (artifacts, reads) = held.app.contents();
    let sweeping = ukai_api::sweep_artifacts(artifacts, reads, Duration::from_millis(1));
    let gone = async {
        while path(&hash).exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = sweeping => {}
        () = gone => {}
        () = tokio::time::sleep(Duration::from_secs(20)) => {}
    }
    assert!(!path(&hash).exists() && path(&hashes[1]).exists(), "{hashes:?}");
}
